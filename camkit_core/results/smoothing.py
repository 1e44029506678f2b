"""Maps averaged: over flipped and rescaled versions of the images, and over layers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from ..maps import unit_size, upsample

Change = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class View:
    """A version of the images.

    Attributes:
        change: from the images to the version.
        undo: from the version's maps to maps of the images.
    """

    change: Change
    undo: Change


def _same(pixels: Tensor) -> Tensor:
    return pixels


def _mirrored(pixels: Tensor) -> Tensor:
    return torch.flip(pixels, (-1,))


PLAIN = View(_same, _same)  # the images as they are


def image_views(augment: bool) -> list[View]:
    """The plain view; with augmentation, six views.

    Six as in the most used library: the last axis mirrored or not, values times 0.9, 1 or 1.1.
    """
    if not augment:
        return [PLAIN]
    return [_view(flip, factor) for flip, factor in product((_same, _mirrored), (0.9, 1.0, 1.1))]


def _view(flip: Change, factor: float) -> View:
    # A mirrored map is mirrored back; its scale stays as it is.
    return View(lambda images: flip(images) * factor, undo=flip)


def mean_of_views(maps: Sequence[Tensor]) -> Tensor:
    """The mean of the maps of several views; a single map as it is."""
    return maps[0] if len(maps) == 1 else torch.stack(list(maps)).mean(0)


def joined_layers(maps: Sequence[Tensor], fuse: str = "mean") -> Tensor:
    """Maps of several layers as one, at the finest grid; a single map as it is.

    Each is divided by its largest absolute value first: layers differ in scale by orders of
    magnitude, and a plain mean would show one of them only.

    Args:
        maps: (N, h, w) each, of different sizes.
        fuse: "mean", or "max" for the greatest value at each position.
    """
    if len(maps) == 1:
        return maps[0]
    finest = max((cam.shape[1:] for cam in maps), key=math.prod)
    sized = torch.stack([upsample(unit_size(cam), finest) for cam in maps])
    return sized.amax(0) if fuse == "max" else sized.mean(0)
