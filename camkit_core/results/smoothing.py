"""Maps averaged: over flipped and rescaled versions of the images, and over layers."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import product

import torch
from torch import Tensor

from ..maps import spatial_axes, upsample

Change = Callable[[Tensor], Tensor]


@dataclass(frozen=True)
class View:
    """A version of the images: how to change them, and how to undo it on maps."""

    change: Change
    undo: Change


def views(augment: bool) -> list[View]:
    """The images as they are; with augmentation, six versions of them.

    Six as in the most used library: the last axis mirrored or not, values times 0.9, 1 or 1.1.
    """
    if not augment:
        return [View(_same, _same)]
    return [_view(flip, factor) for flip, factor in product((_same, _mirrored), (0.9, 1.0, 1.1))]


def _view(flip: Change, factor: float) -> View:
    return View(lambda images: flip(images) * factor, flip)


def _same(pixels: Tensor) -> Tensor:
    return pixels


def _mirrored(pixels: Tensor) -> Tensor:
    return torch.flip(pixels, (-1,))


def mean_of_layers(maps: Sequence[Tensor]) -> Tensor:
    """Maps of several layers as one, at the finest grid; a single map as it is.

    Each is divided by its largest absolute value first: layers differ in scale by orders of
    magnitude, and a plain mean would show one of them only.
    """
    if len(maps) == 1:
        return maps[0]
    finest = max((cam.shape[1:] for cam in maps), key=math.prod)
    return torch.stack([upsample(_unit_size(cam), finest) for cam in maps]).mean(0)


def _unit_size(cam: Tensor) -> Tensor:
    size = cam.abs().amax(spatial_axes(cam, 1), keepdim=True)
    return torch.where(size > 0, cam / size, torch.zeros_like(cam))
