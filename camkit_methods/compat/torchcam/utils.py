"""torch-cam's overlay of a map on a picture."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from camkit_core import ArgumentError, ArgumentTypeError, ImportFailed

__all__ = ["overlay_mask"]

# matplotlib's "jet": where each channel has its corners, and its values there.
_JET = (
    ((0, 0.35, 0.66, 0.89, 1), (0, 0, 1, 1, 0.5)),
    ((0, 0.125, 0.375, 0.64, 0.91, 1), (0, 0, 1, 1, 0, 0)),
    ((0, 0.11, 0.34, 0.65, 1), (0.5, 1, 1, 0, 0)),
)


def overlay_mask(
    img: Image.Image, mask: Image.Image, colormap: Any = "jet", alpha: float = 0.7
) -> Image.Image:
    """The picture, mixed with the map's colours.

    torch-cam squares the map before it is coloured; a map of bytes overflows in that, so pass one
    of floats: `to_pil_image(cam, mode="F")`.

    Args:
        img: a grayscale or RGB picture.
        mask: a map in [0, 1], of any size.
        colormap: "jet", or the name of another one of matplotlib, or such an object.
        alpha: the picture's share, in [0, 1).

    Raises:
        ArgumentTypeError: if a picture is no PIL image.
        ArgumentError: for another share, or a picture with other bands.
        ImportFailed: if the colours need matplotlib, which is not installed.
    """
    if not isinstance(img, Image.Image) or not isinstance(mask, Image.Image):
        raise ArgumentTypeError("img and mask arguments need to be PIL images")
    if not isinstance(alpha, float) or not 0 <= alpha < 1:
        raise ArgumentError(f"got alpha={alpha!r}; pass a float from 0 to less than 1")
    if len(img.getbands()) not in (1, 3):
        raise ArgumentError(f"got an img of mode {img.mode!r}; pass a grayscale or RGB image")
    values = np.asarray(mask.resize(img.size, resample=Image.Resampling.BICUBIC)) ** 2
    colours = _coloured(values, colormap)
    if img.mode in ("L", "RGB"):
        return Image.blend(Image.fromarray(colours), img.convert("RGB"), alpha)
    picture = np.asarray(img)
    picture = picture if picture.ndim == 3 else picture[..., None].repeat(3, axis=-1)
    return Image.fromarray((alpha * picture + (1 - alpha) * colours).astype(np.uint8))


def _coloured(values: Any, colormap: Any) -> Any:
    """Colours (H, W, 3), uint8; whole numbers are rows of the table, floats fractions of it."""
    if colormap != "jet":
        return _matplotlib(colormap)(values, bytes=True)[..., :3]
    if np.issubdtype(values.dtype, np.floating):
        values = np.nan_to_num(values * 256, nan=0).clip(0, 255).astype(int)
    places = np.linspace(0, 1, 256)
    table = np.stack([np.interp(places, *corners) for corners in _JET], axis=1)
    return (table * 255).astype(np.uint8)[values.clip(0, 255)]


def _matplotlib(colormap: Any) -> Any:
    try:
        from matplotlib import colormaps
    except ImportError as error:
        raise ImportFailed(
            f"colormap={colormap!r} needs matplotlib ({error}); pip install matplotlib, or leave "
            f'colormap="jet"'
        ) from error
    return colormaps.get_cmap(colormap)
