"""Detectors with a pyramid, whose weights say which level finds which object.

Each draw has a small red square, which only the fine level finds, and a large blue one, which only
the coarse level finds.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core import DetectionTarget
from camkit_core.forward.counting import counting
from helpers.planted import retinanet, rt_detr
from helpers.planted.marks import EVERY_GRADIENT, SIGMA, concentration, found

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")

SIZE = (64, 96)
DRAWS = {"RT-DETR": 100, "RetinaNet": 20}  # which takes images one by one, so it is slow
# What methods are told: the earlier layers that lead to both levels; to stretch all channels
# together, as some hold noise alone.
OPTIONS: dict[str, dict[str, Any]] = {
    "smoothgradcam++": {"sigma": SIGMA},
    "refinecam": {"layers": ["model.backbone.model.embedder"]},
    "fullgrad": {"variant": "official"},
}
# Not Recipro-CAM, for which a single position has to keep its score.
OTHERS = ("ablationcam", "scorecam")


@dataclass
class Planted:
    """A planted detector, its draws, and what is asked of each: the two classes in turn."""

    name: str
    made: Any
    model: nn.Module

    def __post_init__(self) -> None:
        self.places = self.made.random_places(DRAWS[self.name], SIZE)
        self.classes = torch.arange(DRAWS[self.name]) % 2
        self.targets = [DetectionTarget(c) for c in self.classes.tolist()]

    def images(self) -> Tensor:
        images: Tensor = self.made.scenes(self.places, SIZE)
        return images

    def found(self, e: camkit.Explanation, moved: Any = None) -> float:
        """The share of the draws whose map has its largest value on the object."""
        places = self.places if moved is None else moved
        return sum(self._of(e, places, category) for category in range(2)) / len(e.cam)

    def _of(self, e: camkit.Explanation, places: Tensor, category: int) -> int:
        rows = self.classes == category
        part = type("Part", (), {"images": e.images[rows], "cam": e.cam[rows]})
        corners = places[rows, category]
        return found(part, corners, self.made.SIDES[category])  # type: ignore[arg-type]


@pytest.fixture(scope="module", params=["RT-DETR", "RetinaNet"])
def planted(request: Any) -> Planted:
    if request.param == "RT-DETR":
        pytest.importorskip("transformers")
        return Planted(request.param, rt_detr, rt_detr.planted_rt_detr(SIZE))
    return Planted(request.param, retinanet, retinanet.planted_retinanet(SIZE))


@pytest.fixture(scope="module")
def by_gradients(planted: Planted) -> camkit.Comparison:
    methods = [method for method in EVERY_GRADIENT if method not in OPTIONS]
    return camkit.compare(planted.model, planted.images(), methods, [planted.targets])


@pytest.mark.parametrize("method", EVERY_GRADIENT)
def test_the_largest_value_lies_on_the_object(
    planted: Planted, by_gradients: camkit.Comparison, method: str
) -> None:
    if method not in OPTIONS:
        e = by_gradients[0, method]
    else:
        torchvisions = method == "refinecam" and planted.name == "RetinaNet"
        options = {} if torchvisions else OPTIONS[method]
        e = camkit.explain(planted.model, planted.images(), method, planted.targets, **options)
    assert planted.found(e) >= 0.95


@pytest.mark.parametrize("method", OTHERS)
def test_it_does_without_gradients(planted: Planted, method: str) -> None:
    e = camkit.explain(planted.model, planted.images(), method, planted.targets, batch_size=200)
    assert planted.found(e) >= 0.95


def test_drise_finds_the_object(planted: Planted) -> None:
    """In a few draws: it takes many runs of the model. In a hundred: test_planted_detr.py."""
    for row in range(4):
        given = planted.model, planted.images()[row : row + 1], "drise", planted.targets[row]
        e = camkit.explain(*given, batch_size=200, samples=40, grid=6)
        category = int(planted.classes[row])
        corners = planted.places[row : row + 1, category]
        assert found(e, corners, planted.made.SIDES[category]) == 1


def test_a_level_that_the_object_does_not_use_adds_nothing(planted: Planted) -> None:
    """The coarse level sees the blue square only, the fine one the red square only."""
    images = planted.images()[:8]
    for category in range(2):
        given = planted.model, images, "hirescam", DetectionTarget(category)
        e = camkit.explain(*given)
        alone = camkit.explain(*given, layer=e.layer.split(", ")[category]).cam
        expected = camkit.upsample(alone / alone.abs().amax((1, 2), keepdim=True), e.cam.shape[1:])
        torch.testing.assert_close(e.cam, expected, atol=1e-4, rtol=0)


def test_two_boxes_of_one_image_take_one_forward_pass(planted: Planted) -> None:
    targets = [DetectionTarget(category, index=0) for category in range(2)]
    with counting() as counts:
        rows = camkit.compare(planted.model, planted.images()[:1], ["layercam"], targets)
    assert counts["forward"] == 1
    for category, side in enumerate(planted.made.SIDES):
        corners = planted.places[:1, category]
        assert float(concentration(rows[category, 0], corners, side)) > 3


@pytest.mark.parametrize("method", ["gradcam"])
def test_a_turned_picture_has_its_map_at_the_turned_place(planted: Planted, method: str) -> None:
    turned = SIZE[::-1]
    model = _made_for(planted, turned)
    images = planted.images().rot90(1, (2, 3))
    sides = torch.tensor(planted.made.SIDES)
    places = torch.stack([SIZE[1] - sides - planted.places[..., 1], planted.places[..., 0]], -1)
    e = camkit.explain(model, images, method, planted.targets)
    assert planted.found(e, places) >= 0.95


@pytest.mark.parametrize("method", ["gradcam"])
def test_a_letterboxed_picture_has_its_map_in_its_own_part(planted: Planted, method: str) -> None:
    """RetinaNet also pads by itself, to whole strides of 32 pixels: to 96x128 here."""
    size, top, left = ((96, 128) if planted.name == "RT-DETR" else (80, 112)), 16, 16
    images = torch.full((len(planted.places), 3, *size), 0.1)
    images[:, :, top : top + SIZE[0], left : left + SIZE[1]] = planted.images()
    e = camkit.explain(_made_for(planted, size), images, method, planted.targets)
    assert planted.found(e, planted.places + torch.tensor([top, left])) >= 0.95


def _made_for(planted: Planted, size: tuple[int, ...]) -> nn.Module:
    if planted.name == "RT-DETR":
        return rt_detr.planted_rt_detr((size[0], size[1]))
    return retinanet.planted_retinanet((size[0], size[1]))
