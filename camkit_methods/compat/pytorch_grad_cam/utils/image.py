"""Pictures and maps, under pytorch-grad-cam's names."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from camkit_core import ImportFailed
from camkit_core.image import deprocess_image as deprocess_array
from camkit_core.image import opencv, show_cam_on_image
from camkit_core.image import preprocess_image as preprocess_array

__all__ = [
    "create_labels_legend",
    "deprocess_image",
    "preprocess_image",
    "scale_accross_batch_and_channels",
    "scale_cam_image",
    "show_cam_on_image",
    "show_factorization_on_image",
]
Array = np.ndarray[Any, Any]


def preprocess_image(
    img: Array, mean: Sequence[float] = (0.5,) * 3, std: Sequence[float] = (0.5,) * 3
) -> Tensor:
    """A picture (H, W, 3), or (H, W), as a normalised batch (1, C, H, W) of its floating dtype.

    Of uint8 it is float32.
    """
    batch = preprocess_array(img, mean, std)
    return batch.to(torch.from_numpy(img[:0]).dtype) if img.dtype.kind == "f" else batch


def deprocess_image(img: Array | Tensor) -> Array:
    """Values of any range, such as a gradient, as a picture: uint8 around mid grey.

    It takes a tensor as well, such as metrics give as visualizations, and as that library's README
    passes it; the library itself does not.
    """
    return deprocess_array(img.detach().cpu().numpy() if isinstance(img, Tensor) else img)


def scale_cam_image(cam: Array, target_size: Sequence[int] | None = None) -> Array:
    """Each map less its minimum, over its maximum: float32 in [0, 1], resized to (width, height).

    Of volumes the size is (depth, height, width) read from its end, and the resizing is by splines.
    """
    return np.asarray([_sized(_stretched(each), target_size) for each in cam], np.float32)


def _stretched(cam: Array) -> Array:
    lowered = cam - np.min(cam)
    stretched: Array = lowered / (1e-7 + np.max(lowered))
    return stretched


def _sized(cam: Array, size: Sequence[int] | None) -> Array:
    if size is None:
        return cam
    cam = np.asarray(cam, np.float32)
    if cam.ndim == 2:
        resized: Array = opencv().resize(cam, tuple(size))
        return resized
    return _splined(cam, [new / old for old, new in zip(cam.shape, size[::-1], strict=True)])


def _splined(volume: Array, factors: Sequence[float]) -> Array:
    try:
        from scipy.ndimage import zoom
    except ImportError as error:
        raise ImportFailed(
            "pytorch-grad-cam resizes the maps of volumes by SciPy's splines, and SciPy is not "
            "installed: python -m pip install scipy; or camkit.explain, which needs none"
        ) from error
    larger: Array = zoom(volume, factors)
    return larger


def scale_accross_batch_and_channels(tensor: Array, target_size: Sequence[int]) -> Array:
    """Each channel of (N, C, h, w) brought to [0, 1] and resized to (width, height)."""
    maps = scale_cam_image(tensor.reshape(-1, *tensor.shape[2:]), target_size)
    return maps.reshape(*tensor.shape[:2], target_size[1], target_size[0])


def create_labels_legend(
    concept_scores: Array, labels: Mapping[int, str], top_k: int = 2
) -> list[str]:
    """For each concept, of scores (concepts, K), its best classes and their scores, a line each."""
    best = np.argsort(concept_scores, axis=1)[:, ::-1][:, :top_k]
    return [
        "\n".join(f"{','.join(labels[k].split(',')[:3])}:{row[k]:.2f}" for k in classes)
        for row, classes in zip(concept_scores, best, strict=True)
    ]


def show_factorization_on_image(
    img: Array,
    explanations: Array,
    colors: Sequence[Any] | None = None,
    image_weight: float = 0.5,
    concept_labels: Sequence[str] | None = None,
) -> Array:
    """Concepts over a picture, each in a colour of its own where it is the strongest: uint8.

    Args:
        img: (H, W, 3), float in [0, 1].
        explanations: the concepts' maps (concepts, H, W), in [0, 1].
        colors: one for each, in [0, 1]; None for hues as far apart as can be.
        image_weight: the picture's share.
        concept_labels: a text for each; a legend of them is put beside the picture.
    """
    count = len(explanations)
    palette = colors or [colorsys.hsv_to_rgb(0.9 * k / count, 1, 1) for k in range(count)]
    strongest = explanations.argmax(axis=0)
    paint = np.asarray([colour[:3] for colour in palette], np.float32)
    paint = paint / paint.max(1, keepdims=True).clip(1e-6)
    mask = paint[strongest] * explanations.max(axis=0)[..., None]
    shown: Array = np.asarray((img * image_weight + mask * (1 - image_weight)) * 255, np.uint8)
    if concept_labels is None:
        return shown
    return np.hstack([shown, _legend(paint, concept_labels, shown.shape)])


def _legend(paint: Array, labels: Sequence[str], shape: Sequence[int]) -> Array:
    """A column of colours and texts, as large as the picture."""
    sheet = Image.new("RGB", (shape[1], shape[0]), "white")
    draw, row = ImageDraw.Draw(sheet), shape[0] / len(labels)
    font = ImageFont.load_default(max(8, int(min(row / 4, shape[1] / 20))))
    for index, (colour, label) in enumerate(zip(paint, labels, strict=True)):
        top, side = int(index * row), int(row / 2)
        fill = tuple(int(255 * part) for part in colour)
        draw.rectangle((2, top + side // 2, 2 + side, top + side // 2 + side), fill=fill)
        draw.multiline_text((side + 8, top + side // 4), label, "black", font)
    return np.asarray(sheet)
