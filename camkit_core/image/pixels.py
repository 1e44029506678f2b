"""Pixels: converted, prepared for a model, and drawn under a heatmap."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..errors import InputError
from .opencv import opencv
from .ranks import refuse_other_ranks
from .transparency import on_white

Array = np.ndarray[Any, Any]
JET = 2  # cv2.COLORMAP_JET, without importing OpenCV for it


def to_picture(image: Any) -> Image.Image:
    """An RGB picture from PIL, an array or a tensor, on white where it is transparent.

    Args:
        image: PIL image; array (H, W), (H, W, 1), (H, W, 3) or (H, W, 4), or tensor (C, H, W)
            or (H, W); uint8, or floating-point in [0, 1].

    Raises:
        InputError: for another shape or range, saying what it was.
    """
    if isinstance(image, Image.Image):
        return on_white(_of_eight_bits(image))
    if isinstance(image, Tensor):
        values = image.detach().cpu()
        values = values.float() if values.dtype is torch.bfloat16 else values  # numpy has none
        image = (values.movedim(0, -1) if values.ndim == 3 else values).numpy()
    pixels = np.asarray(image)
    pixels = pixels[..., 0] if pixels.ndim == 3 and pixels.shape[2] == 1 else pixels
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] not in (3, 4)):
        raise InputError(
            f"expected a picture (H, W), (H, W, 3), or a tensor (C, H, W), got {pixels.shape}"
        )
    return on_white(Image.fromarray(_eight_bit(pixels)))


def _of_eight_bits(image: Image.Image) -> Image.Image:
    """A grey picture of 16 bits with the upper eight, as read from a file; another as it is."""
    if not image.mode.startswith("I;16"):
        return image
    return Image.fromarray((np.asarray(image).astype(np.uint16) >> 8).astype(np.uint8))


def _eight_bit(pixels: Array) -> Array:
    if pixels.dtype == np.uint8:
        return np.ascontiguousarray(pixels)
    if not np.issubdtype(pixels.dtype, np.floating):
        raise InputError(f"expected uint8 or floating-point pixels, got {pixels.dtype}")
    low, high = float(pixels.min()), float(pixels.max())
    if not (low >= -1e-6 and high <= 1 + 1e-6):
        raise InputError(
            f"expected floating-point pixels in [0, 1], got {low:.3g} to {high:.3g}; "
            f"divide by 255, or undo the model's normalisation"
        )
    levels: Array = np.rint(pixels.clip(0, 1) * 255).astype(np.uint8)
    return levels


def visible(image: Tensor) -> Array:
    """A model's input (C, H, W) made visible: (H, W, 3) or (H, W), uint8.

    Values in [0, 1] are taken as they are; other values are stretched to that range. Three
    channels are shown in colour, the first three of more; of two channels the first is shown.

    Raises:
        InputError: for a signal or a volume.
    """
    refuse_other_ranks(image.shape[1:])
    pixels = image.detach().float().cpu()
    pixels = torch.nan_to_num(pixels[:3] if len(pixels) >= 3 else pixels[:1])
    low, high = float(pixels.min()), float(pixels.max())
    if low < 0 or high > 1:
        pixels = (pixels - low) / max(high - low, 1e-12)
    shown = pixels.movedim(0, -1).numpy()
    return _eight_bit(shown if shown.shape[2] == 3 else shown[..., 0])


def show_cam_on_image(
    img: Array,
    mask: Array,
    use_rgb: bool = False,
    colormap: int = JET,
    image_weight: float = 0.5,
) -> Array:
    """A heatmap laid over a picture: (H, W, 3), uint8.

    Args:
        img: (H, W, 3), float in [0, 1].
        mask: (H, W) or (H, W, 1), float in [0, 1].
        use_rgb: whether `img` is RGB, not BGR.
        colormap: an OpenCV colour map.
        image_weight: the picture's share, in [0, 1].

    Raises:
        InputError: if the picture is not in [0, 1], or the share is not, or picture and heatmap
            differ in size.
    """
    if np.shape(img)[:2] != np.shape(mask)[:2]:
        raise InputError(
            f"expected a picture of the heatmap's size, got {np.shape(img)[:2]} and "
            f"{np.shape(mask)}; cut and resize the picture as it was for the model, or draw by "
            f"e.render(image=picture, transform=...)"
        )
    if float(np.max(img)) > 1:
        raise InputError(f"expected a float picture in [0, 1], got a maximum of {np.max(img):.3g}")
    if not 0 <= image_weight <= 1:
        raise InputError(f"expected image_weight in [0, 1], got {image_weight}")
    heat = opencv().applyColorMap(np.uint8(255 * mask), colormap)
    heat = np.float32(heat[..., ::-1] if use_rgb else heat) / 255
    mixed = (1 - image_weight) * heat + image_weight * img
    mixed = mixed / np.max(mixed)
    shown: Array = np.uint8(255 * mixed)  # type: ignore[assignment]
    return shown


def preprocess_image(
    img: Array,
    mean: Sequence[float] = (0.5, 0.5, 0.5),
    std: Sequence[float] = (0.5, 0.5, 0.5),
) -> Tensor:
    """A picture (H, W, 3), or (H, W), as a normalised batch (1, C, H, W).

    Args:
        img: uint8, or float in [0, 1].
        mean: of each channel.
        std: of each channel.
    """
    pixels = np.ascontiguousarray(img[..., None] if np.ndim(img) == 2 else img)
    scaled = torch.from_numpy(pixels / np.float32(255) if pixels.dtype == np.uint8 else pixels)
    centred = (scaled - torch.tensor(mean, device="cpu")) / torch.tensor(std, device="cpu")
    return centred.movedim(-1, 0)[None].float()


def deprocess_image(img: Array) -> Array:
    """Values of any range, such as a gradient, as a picture: uint8 around mid grey."""
    centred = (img - np.mean(img)) / (np.std(img) + 1e-5)
    shown: Array = np.uint8(np.clip(centred * 0.1 + 0.5, 0, 1) * 255)  # type: ignore[assignment]
    return shown
