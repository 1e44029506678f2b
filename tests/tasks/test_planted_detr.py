"""A DETR whose weights say where each object is: every map lies on it."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core import DetectionTarget
from camkit_core.forward.counting import counting
from helpers.planted.detr import SIDE, planted_detr, random_places, scenes, with_places
from helpers.planted.marks import EVERY_GRADIENT, SIGMA, concentration, found

pytest.importorskip("transformers")
pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")

SIZE = (48, 64)
DRAWS = 100
OTHERS: dict[str, dict[str, Any]] = {
    "ablationcam": {},
    "scorecam": {},
    "drise": {"samples": 30, "grid": 3},
}


@pytest.fixture(scope="module")
def detr() -> nn.Module:
    return planted_detr(SIZE)


@pytest.fixture(scope="module")
def places() -> Tensor:
    return random_places(DRAWS, SIZE)


def one_of_three(places: Tensor) -> tuple[list[DetectionTarget], Tensor]:
    """A target for each picture, the classes in turn; and the corner of its square."""
    classes = torch.arange(len(places)) % 3
    return [DetectionTarget(c) for c in classes.tolist()], places[range(len(places)), classes]


@pytest.fixture(scope="module")
def by_gradients(detr: nn.Module, places: Tensor) -> camkit.Comparison:
    targets, _ = one_of_three(places)
    return camkit.compare(detr, scenes(places, SIZE), EVERY_GRADIENT, [targets], sigma=SIGMA)


@pytest.mark.parametrize("method", EVERY_GRADIENT)
def test_the_largest_value_lies_on_the_object(
    by_gradients: camkit.Comparison, places: Tensor, method: str
) -> None:
    assert found(by_gradients[0, method], one_of_three(places)[1], SIDE) >= 95


@pytest.mark.parametrize("method", OTHERS)
def test_it_does_without_gradients(detr: nn.Module, places: Tensor, method: str) -> None:
    targets, corners = one_of_three(places)
    images = scenes(places, SIZE)
    e = camkit.explain(detr, images, method, targets, batch_size=200, **OTHERS[method])
    assert found(e, corners, SIDE) >= 95


def test_boxes_are_the_squares_in_pixels(detr: nn.Module, places: Tensor) -> None:
    e = camkit.explain(detr, scenes(places, SIZE), target=DetectionTarget(0))
    assert e.boxes is not None
    for boxes, corners in zip(e.boxes, places, strict=True):
        assert sorted(boxes["labels"].tolist()) == [0, 1, 2]
        expected = torch.cat([corners.flip(1), corners.flip(1) + SIDE], 1)[boxes["labels"]]
        torch.testing.assert_close(boxes["boxes"], expected.float(), atol=0.1, rtol=0)


@pytest.mark.parametrize("method", ["gradcam", "hirescam", "layercam"])
def test_three_boxes_of_one_image_take_one_forward_pass(detr: nn.Module, method: str) -> None:
    places = random_places(1, SIZE, seed=5)
    targets = [DetectionTarget(index=index) for index in range(3)]
    with counting() as counts:
        rows = camkit.compare(detr, scenes(places, SIZE), [method], targets)
    assert counts["forward"] == 1
    for row in range(3):
        e = rows[row, method]
        category = e.target[0].category
        assert float(concentration(e, places[:, category], SIDE)) > 3


@pytest.mark.parametrize("method", ["gradcam", "layercam", "ablationcam"])
def test_a_turned_picture_has_its_map_at_the_turned_place(places: Tensor, method: str) -> None:
    turned = tuple(reversed(SIZE))
    detr = planted_detr(turned)
    few = places[:20]
    colours = torch.rot90(scenes(few, SIZE)[:, :3], 1, (2, 3))
    targets, corners = one_of_three(few)
    rows, columns = SIZE[1] - SIDE - corners[:, 1], corners[:, 0]
    e = camkit.explain(detr, with_places(colours), method, targets)
    assert found(e, torch.stack([rows, columns], 1), SIDE) == len(few)


@pytest.mark.parametrize("method", ["gradcam", "layercam", "ablationcam"])
def test_a_letterboxed_picture_has_its_map_in_its_own_part(places: Tensor, method: str) -> None:
    size, top, left = (80, 96), 16, 32
    few = places[:20]
    colours = torch.full((len(few), 3, *size), 0.1)
    colours[:, :, top : top + SIZE[0], left : left + SIZE[1]] = scenes(few, SIZE)[:, :3]
    targets, corners = one_of_three(few)
    e = camkit.explain(planted_detr(size), with_places(colours), method, targets)
    assert found(e, corners + torch.tensor([top, left]), SIDE) == len(few)
