"""Models that pad or crop their images: the map lies where the image does."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

import camkit_core as camkit
from helpers.families.family import drawn

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")


class Net(nn.Module):
    """Maps of a quarter of the size, of images that are prepared first."""

    def __init__(self, prepare: Callable[[Tensor], Tensor] = torch.Tensor.contiguous) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.prepare = prepare
        self.maps = nn.Sequential(
            nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 8, 3, 2, 1), nn.ReLU()
        )
        self.head = nn.Linear(8, 5)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.maps(self.prepare(images)).mean((2, 3)))


def squared(images: Tensor) -> Tensor:
    """Letterboxed: as much above as below."""
    missing = images.shape[3] - images.shape[2]
    return F.pad(images, (0, 0, missing // 2, missing - missing // 2))


def of_multiples(images: Tensor) -> Tensor:
    return F.pad(images, (0, -images.shape[3] % 64, 0, -images.shape[2] % 64))


PADDED: dict[str, tuple[Callable[[Tensor], Tensor], tuple[slice, slice]]] = {
    "to multiples of 64": (of_multiples, (slice(8), slice(12))),
    "to a square": (squared, (slice(2, 10), slice(12))),
    "by a layer": (nn.ZeroPad2d((16, 0, 32, 0)), (slice(8, 16), slice(4, 16))),
    "by reflection": (lambda x: F.pad(x, [16] * 4, "reflect"), (slice(4, 12), slice(4, 16))),
}


@pytest.mark.parametrize("name", PADDED)
def test_what_the_model_pads_is_left_out_of_the_map(name: str) -> None:
    prepare, inside = PADDED[name]
    images = drawn(2, 3, 32, 48)
    e = camkit.explain(Net(prepare).eval(), images, "hirescam", 2)
    whole = camkit.explain(Net().eval(), prepare(images), "hirescam", 2, "maps")
    torch.testing.assert_close(e.cam, whole.cam[(slice(None), *inside)])
    again = camkit.explain(Net(prepare).eval(), images, "hirescam", 2, e.layer)
    assert torch.equal(again.cam, e.cam)


@pytest.mark.parametrize("method", ["gradcam", "ablationcam", "scorecam", "reciprocam"])
def test_all_kinds_of_methods_work_on_padded_images(method: str) -> None:
    e = camkit.explain(Net(squared).eval(), drawn(2, 3, 32, 48), method, 2)
    assert e.cam.shape == (2, 8, 12)


@pytest.mark.parametrize(
    "crop", [lambda x: x[..., 8:40, 16:48], lambda x: x.narrow(2, 8, 32).narrow(3, 16, 32)]
)
def test_what_the_model_crops_is_no_part_of_the_map(crop: Callable[[Tensor], Tensor]) -> None:
    images = drawn(1, 3, 48, 64)
    e = camkit.explain(Net(crop).eval(), images, "hirescam", 2)
    inner = camkit.explain(Net().eval(), crop(images), "hirescam", 2, "maps").cam
    assert torch.equal(e.cam, F.pad(inner, (4, 4, 2, 2)))
    assert any("shows a part of the image" in note for note in e.notes)


@pytest.mark.parametrize("same", [(0, 1, 0, 1), (1, 1, 1, 1)])
def test_padding_that_convolutions_take_back_is_none(same: tuple[int, ...]) -> None:
    """As TensorFlow pads, and networks that reflect the border before each convolution."""
    torch.manual_seed(0)
    layers: list[nn.Module] = []
    for channels in (3, 8, 8, 8, 8, 8):
        layers += [nn.ReflectionPad2d(same), nn.Conv2d(channels, 8, 3), nn.ReLU()]
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(8, 5)).eval()
    e = camkit.explain(model, drawn(1, 3, 24, 24), target=2)
    assert (e.layer, "over the image" in e.adapter) == ("17", False)
