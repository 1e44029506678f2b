"""Maps resized in two steps are what torch makes of them in one."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows
from torch import Tensor

from camkit_core.maps import upsample

SIZES = [((7, 7), (224, 224)), ((5, 9), (40, 31)), ((1, 1), (8, 6)), ((30, 40), (20, 10))]


def in_one_step(maps: Tensor, size: tuple[int, int], align_corners: bool = False) -> Tensor:
    large = F.interpolate(maps[:, None], size, mode="bilinear", align_corners=align_corners)
    return large[:, 0]


@pytest.mark.parametrize("align_corners", [False, True])
@pytest.mark.parametrize(("grid", "size"), SIZES)
def test_maps_become_what_torch_makes_of_them(
    grid: tuple[int, int], size: tuple[int, int], align_corners: bool
) -> None:
    maps = torch.randn(3, *grid, dtype=torch.float64)
    torch.testing.assert_close(
        upsample(maps, size, align_corners), in_one_step(maps, size, align_corners)
    )


def test_a_map_of_few_bits_is_rounded_once() -> None:
    maps = torch.randn(2, 7, 5).bfloat16()
    once = in_one_step(maps.float(), (50, 60)).bfloat16()
    assert torch.equal(upsample(maps, (50, 60)), once)


def test_a_map_is_the_same_alone_and_among_others() -> None:
    maps = torch.randn(5, 14, 14)
    together = upsample(maps, (224, 224))
    assert together.is_contiguous()
    assert torch.equal(together, torch.cat([upsample(each[None], (224, 224)) for each in maps]))


def test_gradients_pass() -> None:
    maps = torch.randn(2, 3, 4, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda given: upsample(given, (9, 8)), (maps,))
