"""Is a map the right way round? A brighter patch must change the activations at its position.

The test takes ten positions of the grid, at its edges and in its middle: a mirrored, transposed,
shuffled or shifted reading (a prefix token too many) puts most of them far away. For each position,
the patch of the image there is brightened, and the change of the activations (squared, summed over
channels) is added up over images. There are two definitions of a patch that is found:

- literal: the change is greatest at the patch's position, or next to it.
- assigned: of the ten patches, this one changes its own position the most, each patch's change
  being taken relative to its mean over the grid. It still separates positions where depth or
  global attention changes everything.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

Activations = Callable[[Tensor], Tensor]  # of images (N, C, *size): (N, C, *grid)
FOUND = 0.8  # the share of patches found from which on a map is the right way round
BRIGHTER = 0.5  # in standard deviations of the image
PIXELS = 750_000  # of the images in one run


@dataclass(frozen=True)
class Orientation:
    """The shares of patches that are found, by both definitions."""

    literal: float
    assigned: float

    @property
    def right(self) -> bool:
        """Whether either share is large enough."""
        return max(self.literal, self.assigned) >= FOUND


def orientation(activations: Activations, images: Tensor) -> Orientation:
    """The shares of patches that are found, from the first images that are enough for it.

    Args:
        activations: the output of the model's layer for images, read as a grid.
        images: (N, C, *size); the second is used only if the first is not enough, and so on.
    """
    energy: Tensor | float = 0.0
    chunk = max(1, PIXELS // images[0, 0].numel())
    for image in torch.split(images, 1):
        plain = activations(image)
        grid = tuple(plain.shape[2:])
        positions = places(grid)
        edited = torch.cat([brightened(image, place, grid) for place in positions])
        change = torch.cat([activations(rows) for rows in torch.split(edited, chunk)]) - plain
        energy = energy + change.double().square().sum(1)
        shares = Orientation(_literal(energy, positions), _assigned(energy, positions))
        if shares.right:
            break
    return shares


def places(grid: tuple[int, ...]) -> list[tuple[int, ...]]:
    """Positions at both ends of four rows, and two in the middle; spread over frames, if any."""
    *outer, height, width = grid
    thirds = sorted({0, height // 3, 2 * height // 3, height - 1})
    flat = [(row, column) for row in thirds for column in sorted({0, width - 1})]
    flat += [(row, width // 2) for row in thirds[1:3]]
    flat = list(dict.fromkeys(flat))
    if not outer:
        return list(flat)
    return [(index * outer[0] // len(flat), *place) for index, place in enumerate(flat)]


def brightened(image: Tensor, place: tuple[int, ...], grid: tuple[int, ...]) -> Tensor:
    """The image (1, C, *size) with the patch at one position of the grid made brighter."""
    edited = image.clone()
    patch: list[slice] = []
    for index, side, size in zip(place, grid, image.shape[2:], strict=True):
        start = index * size // side
        patch.append(slice(start, max(start + 1, (index + 1) * size // side)))
    edited[(slice(None), slice(None), *patch)] += BRIGHTER
    return edited


def _literal(energy: Tensor, positions: list[tuple[int, ...]]) -> float:
    """The share of patches whose change is greatest at, or next to, their own position."""
    grid = energy.shape[1:]
    near = [0 if side < 4 else max(1, side // 6) for side in grid]
    hits = 0
    for change, place in zip(energy, positions, strict=True):
        peak = torch.unravel_index(change.argmax(), grid)
        apart = [abs(int(p) - q) for p, q in zip(peak, place, strict=True)]
        hits += all(a <= n for a, n in zip(apart, near, strict=True))
    return hits / len(positions)


def _assigned(energy: Tensor, positions: list[tuple[int, ...]]) -> float:
    """The share of positions that, of all patches, their own patch changes most."""
    columns: list[Any] = [(slice(None), *place) for place in positions]
    there = torch.stack([energy[column] for column in columns], 1)  # (patches, positions)
    mean = energy.flatten(1).mean(1)[:, None].clamp(min=torch.finfo(there.dtype).tiny)
    own = (there / mean).argmax(0) == torch.arange(len(positions))
    return float(own.double().mean()) if bool(there.any()) else 0.0
