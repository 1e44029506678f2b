"""A segmenter whose answer one place decides: the map of any pixels lies there."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core import SegmentationTarget
from helpers.planted.lraspp import SIDE, pictures, planted_lraspp, random_places
from helpers.planted.marks import EVERY_GRADIENT, SIGMA, found

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")
SIZE = (64, 96)
DRAWS = 100
GRADIENTS = [method for method in EVERY_GRADIENT if method != "fullgrad"]
OTHERS: dict[str, dict[str, Any]] = {
    "ablationcam": {},
    "scorecam": {},
    "reciprocam": {},
    "rise": {"samples": 30, "grid": 4, "score": "score"},
}


@cache
def segmenter() -> nn.Module:
    return planted_lraspp()


@cache
def places() -> Tensor:
    return random_places(DRAWS, SIZE)


def of_one_class(mask: Tensor | None = None) -> tuple[list[SegmentationTarget], Tensor]:
    """A target for each picture, the classes in turn; and the corner of its square."""
    kinds = torch.arange(DRAWS) % 3
    asked = torch.ones(SIZE) if mask is None else mask
    targets = [SegmentationTarget(1 + kind, asked) for kind in kinds.tolist()]
    return targets, places()[range(DRAWS), kinds]


@pytest.fixture(scope="module")
def by_gradients() -> camkit.Comparison:
    targets, _ = of_one_class()
    images = pictures(places(), SIZE)
    return camkit.compare(segmenter(), images, GRADIENTS, [targets], sigma=SIGMA)


@pytest.mark.parametrize("method", GRADIENTS)
def test_the_largest_value_lies_on_what_decides_the_pixels(
    by_gradients: camkit.Comparison, method: str
) -> None:
    assert found(by_gradients[0, method], of_one_class()[1], SIDE) >= 95


def test_fullgrad_finds_it_where_nothing_speaks_against_the_class() -> None:
    """It has no sign, so that what speaks against a class counts as what speaks for it."""
    targets, corners = of_one_class()
    images = pictures(places(), SIZE, only=torch.arange(DRAWS) % 3)
    e = camkit.explain(segmenter(), images, "fullgrad", targets)
    assert found(e, corners, SIDE) >= 95


@pytest.mark.parametrize("method", OTHERS)
def test_it_does_without_gradients(method: str) -> None:
    targets, corners = of_one_class()
    images = pictures(places(), SIZE)
    e = camkit.explain(segmenter(), images, method, targets, batch_size=200, **OTHERS[method])
    assert found(e, corners, SIDE) >= 95


def test_it_is_not_where_the_mask_is() -> None:
    corner = torch.zeros(SIZE)
    corner[:8, :8] = 1
    targets, corners = of_one_class(corner)
    e = camkit.explain(segmenter(), pictures(places(), SIZE), target=targets)
    assert found(e, corners, SIDE) >= 95


def test_a_rotated_picture_has_a_rotated_map() -> None:
    images, (targets, _) = pictures(places(), SIZE), of_one_class()
    upright = camkit.explain(segmenter(), images, target=targets)
    turned = [SegmentationTarget(t.category, torch.ones(SIZE[::-1])) for t in targets]
    rotated = camkit.explain(segmenter(), images.rot90(1, (2, 3)), target=turned)
    torch.testing.assert_close(rotated.cam, upright.cam.rot90(1, (1, 2)))


def test_a_letterbox_keeps_the_place() -> None:
    targets, corners = of_one_class()
    boxed = nn.functional.pad(pictures(places(), SIZE), (0, 0, 16, 16), value=114 / 255)
    whole = [SegmentationTarget(t.category, torch.ones(boxed.shape[2:])) for t in targets]
    e = camkit.explain(segmenter(), boxed, target=whole)
    assert found(e, corners + torch.tensor([16, 0]), SIDE) >= 95
