"""How a layer's output lies over the image."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from torch import Tensor

from ..adapter import Reshape, channels_last_to_grid, tokens_on
from .grids import over_image

Kind = Literal["NCHW", "NHWC", "NCDHW", "NDHWC", "NLC", "NCL"]
_MAPS: dict[int, Kind] = {1: "NCL", 2: "NCHW", 3: "NCDHW"}
_CHANNELS_LAST: dict[int, Kind] = {1: "NLC", 2: "NHWC", 3: "NDHWC"}


@dataclass(frozen=True)
class Layout:
    """A grid over the image, and where a layer's output has it.

    Attributes:
        kind: the order of the output's axes; L are tokens or a signal's positions. `prefix` of
            them come before those of the grid.
        grid: its sides, as many as the images have spatial axes.
        prefix: tokens that are no position of the image, such as the class token.
        suffix: such tokens after those of the grid.
        beyond: for each side of the grid, how many positions lie before and behind the image, which
            the model pads; negative where it crops it. () where the grid covers the image.
        order: where the tokens of the grid stand among all, row by row, and then the others; ()
            where they stand in this order, behind the prefix.
    """

    kind: Kind
    grid: tuple[int, ...]
    prefix: int = 0
    suffix: int = 0
    beyond: tuple[tuple[int, int], ...] = ()
    order: tuple[int, ...] = ()

    def __str__(self) -> str:
        prefix = f"{self.prefix} + " if self.prefix else ""
        suffix = f" + {self.suffix}" if self.suffix else ""
        covered = [side - sum(ends) for side, ends in zip(self.grid, self.beyond, strict=False)]
        over = f", {'x'.join(map(str, covered))} over the image" if covered else ""
        moved = ", in another order" if self.order else ""
        return f"{self.kind} {prefix}{'x'.join(map(str, self.grid))}{suffix}{over}{moved}"

    @property
    def positions(self) -> int:
        """How many positions the grid has."""
        return math.prod(self.grid)

    @property
    def is_maps(self) -> bool:
        """Whether the output is (N, C, *grid)."""
        return self._alone and self.kind == _MAPS[len(self.grid)]

    @property
    def is_channels_last(self) -> bool:
        """Whether the output is (N, *grid, C)."""
        return self._alone and self.kind == _CHANNELS_LAST[len(self.grid)]

    @property
    def _alone(self) -> bool:
        return not (self.prefix or self.suffix)

    @property
    def crops(self) -> bool:
        """Whether it has no positions for a part of the image."""
        return any(min(ends) < 0 for ends in self.beyond)

    @property
    def seen(self) -> Layout:
        """The layout without positions that the layer does not have."""
        beyond = tuple((max(before, 0), max(behind, 0)) for before, behind in self.beyond)
        return replace(self, beyond=beyond)

    @property
    def channel_axis(self) -> int | None:
        """The axis of the channels, where the zeros of what is cropped hide it; else None."""
        return (1 if self.channels_first else -1) if self.crops else None

    @property
    def channels_first(self) -> bool:
        """Whether the channels come right after the batch."""
        return self.kind.startswith("NC")

    def channels(self, shape: Sequence[int]) -> int:
        """How many channels an output of that layout and shape (N, ...) has."""
        return shape[1 if self.channels_first else -1]

    @property
    def reshape(self) -> Reshape | None:
        """From the layer's output to (N, C, *grid) over the image; None if it is that already."""
        whole = self._whole
        if not self.beyond:
            return whole
        return lambda output: over_image(whole(output) if whole else output, self.beyond)

    @property
    def _whole(self) -> Reshape | None:
        if self.kind in ("NCHW", "NCDHW") or (self.kind == "NCL" and len(self.grid) == 1):
            return None
        if self.kind in ("NHWC", "NDHWC"):
            return channels_last_to_grid
        tokens = tokens_on(self.grid, self.prefix, self.suffix)
        if self.order:
            return lambda output: tokens(output[:, list(self.order)])
        return tokens if self.kind == "NLC" else lambda output: tokens(output.transpose(1, 2))

    def read(self, output: Tensor) -> Tensor:
        """The layer's output, or a gradient of it, as (N, C, *grid)."""
        return self.reshape(output) if self.reshape else output


def maps_on(grid: Sequence[int]) -> Layout:
    """The layout (N, C, *grid)."""
    return Layout(_MAPS[len(grid)], tuple(grid))


def channels_last_on(grid: Sequence[int]) -> Layout:
    """The layout (N, *grid, C)."""
    return Layout(_CHANNELS_LAST[len(grid)], tuple(grid))
