"""Planted truth for images and texts: one place of the image has the colour that the text names."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import camkit_core as camkit
from camkit_core import TextTarget
from helpers.planted.marks import EVERY_GRADIENT, SIGMA
from helpers.planted_text import plant, scene, words

DRAWS, ENOUGH = 100, 95
CELLS = {"clip": 8, "siglip": 8, "vit": 8, "resnet": 32}  # of the grid
SIDES = {"resnet": 64}  # of the images, where it is not 32
# FullGrad has no sign, so that what speaks against a text counts as what speaks for it.
ALONE = ("fullgrad", "guided_backprop")
GRADIENT = [method for method in EVERY_GRADIENT if method not in ALONE]
ATTENTION = ["ablationcam", "legrad", "chefer"]
MORE = {"clip": ATTENTION, "vit": ATTENTION, "siglip": ["ablationcam"], "resnet": ["ablationcam"]}


def found(e: camkit.Explanation, places: Tensor, cell: int = 8) -> int:
    """In how many images the place has the most of the map, which may have a finer grid."""
    grid = [side // cell for side in e.images.shape[2:]]
    cells = torch.nn.functional.adaptive_avg_pool2d(e.cam[:, None], grid)
    return int((cells.flatten(1).argmax(1) == places).sum())


@pytest.fixture(scope="module", params=CELLS)
def planted(request: pytest.FixtureRequest) -> tuple[str, Any, Tensor, Tensor, Any]:
    name = request.param
    side = SIDES.get(name, 32)
    images, places = scene("green", DRAWS, (side, side), CELLS[name])
    return name, plant(name, side), images, places, words(name)


def test_every_method_finds_the_place(planted: tuple[str, Any, Tensor, Tensor, Any]) -> None:
    name, model, images, places, tokenizer = planted
    methods = [*GRADIENT, *MORE[name]]
    target = TextTarget("a green car", tokenizer)
    row = camkit.compare(model, images, methods, [target], sigma=SIGMA)
    hits = {method: found(row[0, method], places, CELLS[name]) for method in methods}
    # The softmax of Score-CAM needs similarities as far apart as the model's logits.
    scaled = TextTarget("a green car", tokenizer, scale=100)
    e = camkit.explain(model, images, "scorecam", target=scaled, max_channels=8)
    hits["scorecam"] = found(e, places, CELLS[name])
    assert min(hits.values()) >= ENOUGH, hits


@pytest.mark.parametrize("method", ALONE)
def test_maps_of_pixels_find_a_place_that_is_alone(method: str, planted: Any) -> None:
    name, model, *_, tokenizer = planted
    side = SIDES.get(name, 32)
    images, places = scene("green", DRAWS, (side, side), CELLS[name], other=False)
    e = camkit.explain(model, images, method, target=TextTarget("a green car", tokenizer))
    assert found(e, places, CELLS[name]) >= ENOUGH


def test_each_text_has_its_own_place_in_one_pass_of_the_images() -> None:
    model, runs = plant("clip", 32), []
    model.vision_model.register_forward_hook(lambda *_: runs.append("images"))
    model.text_model.register_forward_hook(lambda *_: runs.append("texts"))
    images, places = scene("red", DRAWS, (32, 32), 8)
    targets = [TextTarget("a red car", words("clip")), TextTarget("a blue dog", words("clip"))]
    camkit.compare(model, images, targets=targets)  # which finds the layer
    runs.clear()
    maps = camkit.compare(model, images, targets=targets)
    red, blue = maps[0, 0], maps[1, 0]
    assert sorted(runs) == ["images", "texts", "texts"]
    assert found(red, places) >= ENOUGH
    there = (images[:, 2] > 0.5).flatten(1).any(1)  # else no place is blue
    assert not bool((blue.cam.flatten(1).argmax(1) == places)[there].any())


def test_of_several_texts_the_one_that_is_in_the_image_is_explained() -> None:
    model = plant("clip", 32)
    images, places = scene("blue", DRAWS, (32, 32), 8)
    images[:, :2] /= 5  # of another colour there is next to nothing
    target = TextTarget(["a red car", "a blue car", "a green car"], words("clip"))
    e = camkit.explain(model, images, target=target)
    assert all(e.describe(index).startswith("a blue car ") for index in range(DRAWS))
    assert found(e, places) >= ENOUGH


def test_rise_agrees() -> None:
    model = plant("vit", 32)
    images, places = scene("green", DRAWS, (32, 32), 8, other=False)
    options: dict[str, Any] = {"samples": 40, "grid": 4, "score": "score", "batch_size": 40}
    e = camkit.explain(model, images, "rise", target=TextTarget("green"), **options)
    assert found(e, places) >= ENOUGH


@pytest.mark.parametrize("method", ["gradcam", "ablationcam", "legrad"])
def test_the_place_is_kept_in_images_that_are_not_square_and_turned(method: str) -> None:
    model, target = plant("clip"), TextTarget("a green car", words("clip"))
    images, places = scene("green", DRAWS, (32, 48), 8)

    def explained(images: Tensor) -> camkit.Explanation:
        call = {"pixel_values": images, "interpolate_pos_encoding": True}
        return camkit.explain(model, call, method, target=target)

    plain, turned = explained(images), explained(images.rot90(1, (2, 3)))
    assert plain.cam.shape == (DRAWS, 4, 6)
    assert found(plain, places) >= ENOUGH
    torch.testing.assert_close(turned.cam, plain.cam.rot90(1, (1, 2)), rtol=1e-3, atol=1e-5)


def test_a_letterboxed_picture_has_its_map_in_its_own_part() -> None:
    model, target = plant("clip"), TextTarget("a green car", words("clip"))
    images, places = scene("green", DRAWS, (32, 32), 8)
    boxed = torch.nn.functional.pad(images, (8, 8), value=114 / 255)
    call = {"pixel_values": boxed, "interpolate_pos_encoding": True}
    e = camkit.explain(model, call, target=target)
    assert found(e, places // 4 * 6 + places % 4 + 1) >= ENOUGH
