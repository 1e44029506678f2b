"""Transparent pictures lie on white, and the same picture is the same, however it is given."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

import camkit_core as camkit
from camkit_core.image import read_image, to_picture
from camkit_core.loading.pictures import photos
from helpers.picture_files import PIXELS

ALPHA = np.where(np.arange(53) < 20, 0, 255).astype(np.uint8)
HALF = np.dstack([PIXELS, np.tile(ALPHA, (37, 1))])


@pytest.mark.parametrize("form", ["PNG", "WEBP", "TIFF", "GIF"])
def test_a_transparent_part_of_a_file_is_white(form: str, tmp_path: Path) -> None:
    options: dict[str, Any] = {"lossless": True} if form == "WEBP" else {}
    Image.fromarray(HALF).save(tmp_path / "picture", form, **options)
    pixels = read_image(tmp_path / "picture")
    assert (pixels[:, :20] == 255).all()
    if form != "GIF":  # which has 256 colours
        assert (pixels[:, 20:] == PIXELS[:, 20:]).all()


def test_a_transparent_colour_of_a_palette_is_white(tmp_path: Path) -> None:
    picture = Image.new("P", (4, 4), 1)
    picture.putpalette([0, 0, 0, 9, 9, 9])
    picture.save(tmp_path / "a.png", transparency=1)
    assert (read_image(tmp_path / "a.png") == 255).all()


@pytest.mark.parametrize("form", [HALF, HALF / np.float32(255), Image.fromarray(HALF)])
def test_so_is_that_of_an_array_or_a_picture(form: Any) -> None:
    pixels = np.asarray(to_picture(form))
    assert (pixels[:, :20] == 255).all()
    assert (pixels[:, 20:] == PIXELS[:, 20:]).all()


@pytest.mark.parametrize("turn", range(1, 9))
def test_a_turned_photo_is_upright_whether_given_as_a_file_or_by_pillow(
    turn: int, tmp_path: Path
) -> None:
    tags = Image.Exif()
    tags[0x0112] = turn
    path = tmp_path / "photo.png"
    Image.fromarray(PIXELS).save(path, exif=tags)
    (by_file,), (by_pillow,) = photos(path), photos(Image.open(path))
    assert (by_file.pixels == by_pillow.pixels).all()
    assert by_file.pixels.shape[:2] == ((37, 53) if turn < 5 else (53, 37))
    assert by_file.name == by_pillow.name == "photo.png"


def test_grey_of_16_bits_is_the_same_whether_given_as_a_file_or_by_pillow(tmp_path: Path) -> None:
    path = tmp_path / "scan.png"
    Image.fromarray(PIXELS[..., 0].astype(np.uint16) * 257).save(path)
    (by_file,), (by_pillow,) = photos(path), photos(Image.open(path))
    assert (by_file.pixels == by_pillow.pixels).all()


def test_opaque_pictures_with_transparency_are_as_opencv_has_them(tmp_path: Path) -> None:
    Image.fromarray(PIXELS).convert("RGBA").save(tmp_path / "a.png")
    assert (read_image(tmp_path / "a.png") == PIXELS).all()


def test_a_file_that_is_cut_off_is_still_refused_as_ever(tmp_path: Path) -> None:
    Image.fromarray(HALF).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes()[:60])
    with pytest.raises(camkit.InputError, match="cannot read"):
        read_image(tmp_path / "b.png")
