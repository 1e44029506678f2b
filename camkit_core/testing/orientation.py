"""Is a map the right way round? Brightening one patch must move the activations at its place.

Ten places of the grid, at its edges and in the middle, such that a mirrored, transposed, shuffled
or shifted reading (a prefix token too many) moves most of them far away. For each, the patch of the
image is brightened and the movement of the activations (root mean square over channels) is added
up over images. A place is found literally if the movement is greatest there or next to it; or it is
assigned if, of the ten patches, its own is what moves it most, each patch's movement being taken
relative to its mean. The first is the plain definition; the second still tells one place
from another where depth or global attention moves everything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Activations = Callable[[Tensor], Tensor]  # of images (N, C, *size): (N, C, *grid)
FOUND = 0.8  # of the places make a map the right way round
BRIGHTER = 0.5  # in standard deviations of the image
PIXELS = 750_000  # of images run at once


@dataclass(frozen=True)
class Orientation:
    """The shares of patches whose place was found, in two ways."""

    literal: float
    assigned: float

    @property
    def right(self) -> bool:
        """Whether either way finds enough of them."""
        return max(self.literal, self.assigned) >= FOUND


def orientation(activations: Activations, images: Tensor) -> Orientation:
    """How many patches are found, by as many of the images as it takes to be sure.

    Args:
        activations: what the model's layer gives, read as a grid, for images.
        images: (N, C, *size); the first is enough where it finds the places.
    """
    energy: Tensor | float = 0.0
    chunk = max(1, PIXELS // images[0, 0].numel())
    for image in torch.split(images, 1):
        plain = activations(image)
        grid = tuple(plain.shape[2:])
        corners = places(grid)
        edited = torch.cat([brightened(image, place, grid) for place in corners])
        moved = torch.cat([activations(chunk) for chunk in torch.split(edited, chunk)]) - plain
        energy = energy + moved.double().square().sum(1)
        found = Orientation(_literal(energy, corners), _assigned(energy, corners))
        if found.right:
            break
    return found


def places(grid: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Places at both sides of four rows, and two in the middle; of several frames, in turns."""
    *outer, height, width = grid
    thirds = sorted({0, height // 3, 2 * height // 3, height - 1})
    flat = [(row, column) for row in thirds for column in sorted({0, width - 1})]
    flat += [(row, width // 2) for row in thirds[1:3]]
    flat = list(dict.fromkeys(flat))
    if not outer:
        return list(flat)
    return [(index * outer[0] // len(flat), *place) for index, place in enumerate(flat)]


def brightened(image: Tensor, place: tuple[int, ...], grid: tuple[int, ...]) -> Tensor:
    """The image (1, C, *size) with the patch of one place of the grid made brighter."""
    edited = image.clone()
    where: list[slice] = []
    for position, places_along, size in zip(place, grid, image.shape[2:], strict=True):
        start = position * size // places_along
        where.append(slice(start, max(start + 1, (position + 1) * size // places_along)))
    edited[(slice(None), slice(None), *where)] += BRIGHTER
    return edited


def _literal(energy: Tensor, corners: list[tuple[int, ...]]) -> float:
    grid = energy.shape[1:]
    near = [0 if side < 4 else max(1, side // 6) for side in grid]
    hits = 0
    for moved, place in zip(energy, corners, strict=True):
        peak = torch.unravel_index(moved.argmax(), grid)
        apart = [abs(int(p) - q) for p, q in zip(peak, place, strict=True)]
        hits += all(a <= n for a, n in zip(apart, near, strict=True))
    return hits / len(corners)


def _assigned(energy: Tensor, corners: list[tuple[int, ...]]) -> float:
    """The share of places that, of all patches, their own moves most."""
    here: list[Any] = [(slice(None), *place) for place in corners]
    at = torch.stack([energy[place] for place in here], 1)
    relative = at / energy.flatten(1).mean(1)[:, None].clamp(min=torch.finfo(at.dtype).tiny)
    own = relative.argmax(0) == torch.arange(len(corners))
    return float(own.double().mean()) if bool(at.any()) else 0.0
