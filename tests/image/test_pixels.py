"""Pictures read, made of arrays and tensors, and the functions known from the most used library."""

from __future__ import annotations

import sys

import cv2
import numpy as np
import pytest
import torch
from PIL import Image
from pytorch_grad_cam.utils import image as peer

from camkit_core import CamkitError, InputError
from camkit_core.image import (
    deprocess_image,
    preprocess_image,
    read_image,
    show_cam_on_image,
    to_picture,
    visible,
)

PIXELS = np.random.default_rng(0).integers(0, 256, (12, 20, 3), dtype=np.uint8)


@pytest.mark.parametrize("name", ["plain.png", "täst ö.png", "photo.bmp"])
def test_a_picture_is_read_as_rgb(tmp_path, name):
    Image.fromarray(PIXELS).save(tmp_path / name)
    assert (read_image(tmp_path / name) == PIXELS).all()


def test_a_grey_picture_is_read_as_rgb(tmp_path):
    Image.fromarray(PIXELS[..., 0]).save(tmp_path / "grey.png")
    assert (read_image(tmp_path / "grey.png") == PIXELS[..., :1]).all()


def test_a_photo_is_turned_upright(tmp_path):
    tags = Image.Exif()
    tags[0x0112] = 6  # taken with a camera turned on its side
    Image.fromarray(PIXELS).save(tmp_path / "side.jpg", exif=tags)
    assert read_image(tmp_path / "side.jpg").shape == (20, 12, 3)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("gone.png", None, "no such file"),
        ("empty.png", b"", "the file is empty"),
        ("text.png", b"not a picture", "not a picture that OpenCV can read"),
    ],
)
def test_what_is_no_picture_says_why(tmp_path, name, content, reason):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=f"{name}: {reason}"):
        read_image(tmp_path / name)


def test_a_folder_is_no_picture(tmp_path):
    with pytest.raises(InputError, match="a folder"):
        read_image(tmp_path)


def test_a_missing_system_library_names_the_headless_package(tmp_path, monkeypatch):
    Image.fromarray(PIXELS).save(tmp_path / "plain.png")
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(CamkitError, match="pip install opencv-python-headless"):
        read_image(tmp_path / "plain.png")


@pytest.mark.parametrize(
    "image",
    [
        Image.fromarray(PIXELS),
        PIXELS,
        PIXELS / 255,
        (PIXELS / 255).astype(np.float32),
        torch.from_numpy(PIXELS).movedim(-1, 0),
        torch.from_numpy(PIXELS).movedim(-1, 0) / 255,
        np.dstack([PIXELS, np.full_like(PIXELS[..., 0], 255)]),
    ],
    ids=["pil", "uint8", "float64", "float32", "tensor", "float tensor", "rgba"],
)
def test_pictures_come_in_many_forms(image):
    assert (np.asarray(to_picture(image)) == PIXELS).all()


@pytest.mark.parametrize(
    "image", [PIXELS[..., 0], PIXELS[..., :1], torch.from_numpy(PIXELS[..., 0])]
)
def test_grey_pictures_become_rgb(image):
    assert (np.asarray(to_picture(image)) == PIXELS[..., :1]).all()


@pytest.mark.parametrize("wrong", [PIXELS * 1.0, PIXELS / 127.5 - 1, PIXELS * np.nan])
def test_a_wrong_range_is_named(wrong):
    with pytest.raises(InputError, match=r"in \[0, 1\], got"):
        to_picture(wrong)


def test_a_wrong_shape_is_named():
    with pytest.raises(InputError, match=r"\(2, 3, 4, 5\)"):
        to_picture(np.zeros((2, 3, 4, 5)))


def test_a_models_input_is_made_visible():
    kept = torch.from_numpy(PIXELS).movedim(-1, 0) / 255
    assert (visible(kept) == PIXELS).all()
    shown = visible(kept * 4 - 2)
    assert (shown.min(), shown.max()) == (0, 255)
    assert visible(kept[:1]).shape == (12, 20)
    assert visible(torch.cat([kept, kept])).shape == (12, 20, 3)


@pytest.mark.parametrize("use_rgb", [False, True])
@pytest.mark.parametrize("options", [{}, {"colormap": cv2.COLORMAP_VIRIDIS}, {"image_weight": 0.3}])
def test_show_cam_on_image_is_the_peers(use_rgb, options):
    picture, mask = np.float32(PIXELS) / 255, np.linspace(0, 1, 240).reshape(12, 20)
    ours = show_cam_on_image(picture, mask, use_rgb, **options)
    assert (ours == peer.show_cam_on_image(picture, mask, use_rgb, **options)).all()


def test_show_cam_on_image_refuses_what_is_not_in_range():
    with pytest.raises(InputError, match="maximum of 255"):
        show_cam_on_image(np.full((2, 2, 3), 255.0), np.zeros((2, 2)))
    with pytest.raises(InputError, match="image_weight"):
        show_cam_on_image(np.ones((2, 2, 3)), np.zeros((2, 2)), image_weight=2)
    with pytest.raises(InputError, match=r"heatmap's size, got \(4, 2\) and \(2, 2\).*transform="):
        show_cam_on_image(np.ones((4, 2, 3)), np.zeros((2, 2)))


def test_preprocess_image_is_the_peers():
    picture = np.float32(PIXELS) / 255
    mean, std = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]
    expected = peer.preprocess_image(picture, mean, std)
    assert torch.allclose(preprocess_image(picture, mean, std), expected)
    assert torch.allclose(preprocess_image(PIXELS, mean, std), expected, atol=1e-6)


def test_deprocess_image_is_the_peers():
    gradient = np.random.default_rng(1).normal(size=(12, 20, 3))
    assert (deprocess_image(gradient) == peer.deprocess_image(gradient)).all()
