"""What a preprocessing does to a picture is measured, or said to be unknown: never guessed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from torchvision.transforms import CenterCrop, Compose, InterpolationMode, Resize

from camkit_core import InputError, Window
from camkit_core.inputs.models.geometry.alike import shows
from camkit_core.inputs.models.geometry.measured import window_of

RNG = np.random.default_rng(0)


def tensor(picture: Image.Image) -> torch.Tensor:
    return torch.from_numpy(np.array(picture)).movedim(2, 0) / 127.5 - 1


def prepared(change: Callable[[Image.Image], Image.Image]) -> Callable[[Any], torch.Tensor]:
    """A preprocessing of pixels by a change of a picture."""
    return lambda pixels: tensor(change(Image.fromarray(pixels)))


def middle(size: tuple[int, int], short: int, side: int) -> Window:
    """Where the middle lies after the shorter side was made `short`, as torchvision does it."""
    height, width = size
    scaled = [int(short * length / min(size)) for length in (height, width)]
    top, left = (int(round((length - side) / 2)) for length in scaled)  # noqa: RUF046
    down, across = height / scaled[0], width / scaled[1]
    return Window(size, (side, side), (left * across, top * down), (across, down))


def apart(one: Window, other: Window) -> float:
    """How far two windows' corners are apart, in pixels of the input."""
    height, width = one.input
    boxes = [each.to_picture((0, 0, width, height)) for each in (one, other)]
    steps = np.abs([*other.step, *other.step])
    return float(np.max(np.abs(np.subtract(*boxes)) / steps))


@pytest.mark.parametrize("mode", ["nearest", "bilinear", "bicubic"])
@pytest.mark.parametrize("size", [(375, 500), (60, 2000), (1500, 90), (256, 256), (40, 30)])
def test_resizing_and_cropping_is_known_to_a_pixel_of_the_input(
    size: tuple[int, int], mode: str
) -> None:
    transform = Compose([Resize(128, InterpolationMode(mode)), CenterCrop(112)])
    assert apart(window_of(prepared(transform), size), middle(size, 128, 112)) < 0.8


@pytest.mark.parametrize("antialias", [True, False])
def test_so_it_is_for_tensors_with_and_without_smoothing(antialias: bool) -> None:
    steps = Compose([Resize(128, antialias=antialias), CenterCrop(112)])
    window = window_of(lambda p: steps(tensor(Image.fromarray(p))), (600, 800))
    assert apart(window, middle((600, 800), 128, 112)) < 0.1


@pytest.mark.parametrize("size", [(1, 1), (1, 30), (2, 2), (3, 5), (8, 8)])
def test_a_picture_of_a_few_pixels_is_known_to_be_seen_whole(
    size: tuple[int, int],
) -> None:
    window = window_of(prepared(lambda picture: picture.resize((112, 112))), size)
    assert window.whole


def test_a_mirrored_picture_is_known_as_one() -> None:
    window = window_of(prepared(lambda p: ImageOps.mirror(p.resize((96, 64)))), (100, 200))
    assert window.corner == pytest.approx((200, 0), abs=0.5)
    assert window.step == pytest.approx((-200 / 96, 100 / 64), rel=0.01)


def test_borders_are_known_whatever_their_colour() -> None:
    for fill in ("black", "white", (114, 114, 114)):
        change = prepared(lambda p, fill=fill: ImageOps.pad(p, (128, 128), color=fill))  # type: ignore[misc]
        window = window_of(change, (100, 200))
        assert window.whole
        assert window.part == (0, 32, 128, 96)


def with_own_numbers(picture: Image.Image) -> Image.Image:
    """A crop at a place that a generator of one's own draws."""
    left = int(RNG.integers(0, 40))
    return picture.crop((left, 0, left + 50, 50))


def at_random(picture: Image.Image) -> Image.Image:
    left = int(torch.randint(40, ()))
    return picture.crop((left, 0, left + 50, 50))


def trimmed(picture: Image.Image) -> Image.Image:
    """Without its dark border."""
    return picture.crop(picture.point(lambda level: 255 * (level > 20)).getbbox() or None)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda p: p.rotate(90), "more than to resize, crop, pad and mirror"),
        (lambda p: p.rotate(30), "hides parts"),
        (lambda p: p.point(lambda level: 255 * (level / 255) ** 3), "more than to resize"),
        (at_random, "random"),
        (with_own_numbers, "does not do the same|more than"),
        (trimmed, "other sizes"),
        (lambda p: trimmed(p).resize((40, 40)), "does not do the same|more than"),
        (lambda p: Image.new("RGB", p.size), "of a black picture as of a white one"),
        (lambda p: 1 / 0, "failed on a plain picture .ZeroDivisionError"),
    ],
)
def test_what_it_cannot_be_is_said(change: Callable[[Any], Any], reason: str) -> None:
    before = torch.get_rng_state()
    with pytest.raises(InputError, match=reason):
        window_of(prepared(change), (90, 120))
    assert torch.equal(before, torch.get_rng_state())


def test_an_input_that_looks_otherwise_is_noticed() -> None:
    picture = np.asarray(
        Image.fromarray(RNG.integers(0, 255, (6, 9, 3), np.uint8)).resize((90, 60))
    )
    window = Window((60, 90), (30, 30), (30.0, 15.0), (1.0, 1.0))
    assert shows(window, picture, picture[15:45, 30:60])
    assert shows(window, picture, picture[15:45, 30:60, ::-1])  # blue, green, red
    assert not shows(window, picture, picture[15:45, 30:60][:, ::-1])
    assert not shows(window, picture, picture[15:45, 40:70])
