"""Whatever lies at a path is read as a picture, or refused in one line that names the file."""

from __future__ import annotations

import contextlib
import os
import random
import socket
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from camkit_core import InputError
from camkit_core.image import read_image
from camkit_core.image.reading import VARIABLE
from camkit_core.image.sizes import is_picture, stated_size
from helpers.picture_files import in_every_form, white_png

FORMS = in_every_form()


def decoded(data: bytes) -> np.ndarray | None:
    """By OpenCV alone: RGB, or None."""
    try:
        pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error:
        return None
    return None if pixels is None else cv2.cvtColor(pixels, cv2.COLOR_BGR2RGB)


def refused(path: str | Path, reason: str, limit: int | None = None) -> None:
    with pytest.raises(InputError, match=reason) as error:
        read_image(path, limit)
    assert str(error.value).startswith(f"cannot read {path}: ")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("form", FORMS)
def test_every_form_has_the_pixels_that_opencv_gives(form: str, tmp_path: Path) -> None:
    (tmp_path / "picture").write_bytes(FORMS[form])
    pixels = read_image(tmp_path / "picture")
    assert pixels.dtype == np.uint8
    assert (pixels == decoded(FORMS[form])).all()


@pytest.mark.parametrize("form", FORMS)
def test_the_header_of_every_form_states_the_size(form: str) -> None:
    assert is_picture(FORMS[form][:64])
    assert stated_size(FORMS[form]) == (53, 37)


@pytest.mark.parametrize("form", FORMS)
def test_the_limit_holds_for_every_form(
    form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cv2, "imdecode", None)  # it must not be asked
    path = tmp_path / "picture"
    path.write_bytes(FORMS[form])
    refused(
        path, r"states 53 x 37 pixels, and the limit is 1960, .* set CAMKIT_MAX_PIXELS=1961", 1960
    )


def test_a_limit_that_is_large_enough_lets_a_picture_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.png").write_bytes(FORMS["png"])
    assert read_image(tmp_path / "a.png", 1961).shape == (37, 53, 3)
    monkeypatch.setenv(VARIABLE, "1960")
    refused(tmp_path / "a.png", "the limit is 1960")
    monkeypatch.setenv(VARIABLE, "1961")
    assert read_image(tmp_path / "a.png").shape == (37, 53, 3)


def test_without_a_word_the_limit_is_where_pillow_stops(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    bomb = tmp_path / "bomb.png"
    bomb.write_bytes(white_png(16384, 10924))
    assert bomb.stat().st_size < 50_000
    refused(bomb, "the limit is 178956970")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 2000)
    refused(bomb, "the limit is 4000")


@pytest.mark.parametrize("wrong", ["", "0", "-3", "many", "1e9"])
def test_a_limit_that_is_no_number_is_named(
    wrong: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a.png").write_bytes(FORMS["png"])
    with pytest.raises(InputError, match="expected max_pixels as a number of pixels"):
        read_image(tmp_path / "a.png", wrong)  # type: ignore[arg-type]
    monkeypatch.setenv(VARIABLE, wrong or "x")
    with pytest.raises(InputError, match="expected CAMKIT_MAX_PIXELS as a number of pixels"):
        read_image(tmp_path / "a.png")


def test_a_box_around_a_code_stream_does_not_hide_its_size() -> None:
    place = FORMS["jp2"].index(b"\xff\x4f\xff\x51")
    larger = bytearray(FORMS["jp2"])
    larger[place + 8 : place + 16] = (40000).to_bytes(4, "big") * 2
    assert stated_size(bytes(larger)) == (40000, 40000)


@pytest.mark.parametrize("form", FORMS)
def test_a_damaged_file_is_a_picture_or_an_input_error(form: str, tmp_path: Path) -> None:
    chance, path = random.Random(form), tmp_path / "damaged"
    for _ in range(30):
        damaged = bytearray(FORMS[form])
        for _ in range(chance.choice([1, 2, 8])):
            damaged[chance.randrange(min(len(damaged), 200))] ^= 1 << chance.randrange(8)
        damaged = damaged[: chance.choice([len(damaged), chance.randrange(1, len(damaged))])]
        path.write_bytes(damaged)
        with contextlib.suppress(InputError):  # anything else fails the test
            assert read_image(path).shape[2:] == (3,)  # some decoders leave lost rows as they are


@pytest.mark.parametrize("error", [cv2.error("broken"), MemoryError()])
def test_any_failure_of_the_decoder_is_an_input_error(
    error: Exception, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def failing(*arguments: object) -> None:
        raise error

    (tmp_path / "a.png").write_bytes(FORMS["png"])
    monkeypatch.setattr(cv2, "imdecode", failing)
    refused(tmp_path / "a.png", "OpenCV cannot decode it|the memory is too small")


def test_what_is_no_file_gets_its_own_advice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the path of a socket must be short
    os.mkfifo(tmp_path / "pipe.png")
    refused(tmp_path / "pipe.png", "a pipe, not a file")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("s")
        refused("s", "a socket")
    refused("/dev/null", "a device")
    refused(tmp_path, "a folder")
    refused("https://example.org/a.png", "an address, not a file; download")
    refused("", "an empty name")


def test_a_path_that_cannot_be_followed_says_why(tmp_path: Path) -> None:
    (tmp_path / "dangling").symlink_to("nowhere")
    refused(tmp_path / "dangling", "a link to nowhere, and no such file is there")
    (tmp_path / "loop").symlink_to("loop")
    refused(tmp_path / "loop", "symbolic links")
    refused(tmp_path / ("n" * 300), "(?i)name too long")
    refused("a\0b.png", "not a name of a file")


def test_a_file_that_cannot_be_opened_says_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*arguments: object) -> int:
        raise PermissionError(13, "Permission denied")

    (tmp_path / "a.png").write_bytes(FORMS["png"])
    monkeypatch.setattr(os, "open", closed)
    refused(tmp_path / "a.png", "Permission denied")


def test_a_large_file_that_does_not_begin_as_a_picture_is_not_read(tmp_path: Path) -> None:
    with open(tmp_path / "zeros.png", "wb") as file:
        file.truncate(1 << 40)
    refused(tmp_path / "zeros.png", "not a picture")


def test_opencv_logs_nothing_and_keeps_its_level(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    before = cv2.utils.logging.getLogLevel()
    (tmp_path / "cut.tiff").write_bytes(FORMS["tiff"][:-40])
    refused(tmp_path / "cut.tiff", "header states no size|not a picture")
    (tmp_path / "cut.pam").write_bytes(FORMS["pam"].replace(b"DEPTH", b"DEPHT"))
    refused(tmp_path / "cut.pam", "not a picture that OpenCV can read")
    assert capfd.readouterr().err == ""
    assert cv2.utils.logging.getLogLevel() == before
