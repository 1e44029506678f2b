"""How a layer's output lies over the image, as its shape tells."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from operator import gt
from typing import Literal

from torch import Tensor

from ..adapter import USUAL_PREFIXES, Reshape, channels_last_to_grid, tokens_on
from .grids import height_of, over_image

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


def layout_of(
    shape: Sequence[int],
    image_size: Sequence[int],
    prefixes: Sequence[int] = USUAL_PREFIXES,
    grids: Sequence[tuple[int, ...]] = (),
    latest: Sequence[int] = (),
) -> Layout | None:
    """The layout that fits an output's shape (N, ...) best, or None if it is no grid.

    A grid is one that the model states, or else has the image's proportions, as far as whole
    numbers allow; a video's grid has them in height and width. Proportions say nothing about
    signals and about a volume's tokens: these lie on the latest grid.

    Args:
        shape: of the output.
        image_size: (H, W) of the model's input; (L,) or (D, H, W).
        prefixes: how many tokens may precede those of the grid, the likeliest first.
        grids: those that the model states for images.
        latest: channels and grid (C, *grid) of the layer that ended last; () where unknown.
    """
    if len(shape) == 3 and len(image_size) != 2:
        return _on(latest, shape, prefixes)
    if stated := next(_stated(shape, prefixes, grids), None):
        return stated
    layouts = list(_possible(shape, image_size, prefixes))
    misfits = [_misfit(layout, image_size) for layout in layouts]
    fitting = [
        (misfit, layout)
        for misfit, layout in zip(misfits, layouts, strict=True)
        if misfit <= _tolerance(layout)
    ]
    return min(fitting, key=lambda pair: pair[0])[1] if fitting else None


def layouts_of(
    shape: Sequence[int],
    image_size: Sequence[int],
    prefixes: Sequence[int] = USUAL_PREFIXES,
    grids: Sequence[tuple[int, ...]] = (),
    earlier: Sequence[tuple[int, ...]] = (),
) -> tuple[Layout, ...]:
    """Each layout that an output's shape (N, ...) allows, the likeliest first.

    Args:
        shape: see `layout_of`, as for the arguments that are not listed here.
        image_size: see `layout_of`.
        prefixes: see `layout_of`.
        grids: see `layout_of`.
        earlier: the grids of maps that came before; tokens may lie on them beside up to 32 others.
    """
    if len(image_size) == 1:
        return _signals(shape, image_size[0])
    layouts = [*_stated(shape, prefixes, grids), *_beside_others(shape, earlier)]
    if len(shape) == 3 and len(image_size) != 2:
        return tuple(dict.fromkeys(layouts))
    possible = _possible(shape, image_size, prefixes)
    fitting = [layout for layout in possible if _misfit(layout, image_size) <= _tolerance(layout)]
    fitting.sort(key=lambda layout: _misfit(layout, image_size))
    return tuple(dict.fromkeys([*layouts, *fitting]))


def _signals(shape: Sequence[int], length: int) -> tuple[Layout, ...]:
    if len(shape) != 3 or min(shape[1:]) < 2:
        return ()
    layouts = Layout("NCL", (shape[2],)), Layout("NLC", (shape[1],))
    return tuple(layout for layout in layouts if layout.positions <= length)


def _beside_others(shape: Sequence[int], grids: Sequence[tuple[int, ...]]) -> Iterator[Layout]:
    """Tokens on a grid, after and before up to 32 tokens that are no positions of it."""
    if len(shape) != 3 or min(shape[1:]) < 2:
        return
    for grid in grids:
        others = shape[1] - math.prod(grid)
        if 0 <= others <= 32 and math.prod(grid) > 1:
            yield from (
                Layout("NLC", grid, before, others - before) for before in range(others, -1, -1)
            )
        if shape[2] == math.prod(grid) > 1:
            yield Layout("NCL", grid)


def _stated(
    shape: Sequence[int], prefixes: Sequence[int], grids: Sequence[tuple[int, ...]]
) -> Iterator[Layout]:
    if len(shape) != 3 or min(shape[1:]) == 1:  # a single token is no grid of one channel
        return
    for prefix in prefixes:
        for grid in grids:
            if shape[1] == prefix + math.prod(grid):
                yield Layout("NLC", grid, prefix)


def _on(latest: Sequence[int], shape: Sequence[int], prefixes: Sequence[int]) -> Layout | None:
    """Tokens on the latest grid; None where both axes could be its positions, or neither.

    An axis as long as the latest layer had channels may still be these, while the other axis was
    pooled.
    """
    if not latest or min(shape[1:]) < 2:
        return None
    channels, *grid = latest
    first, second = (0 if side == channels else side for side in shape[1:])
    positions = math.prod(grid)
    fitting = [Layout("NLC", tuple(grid), p) for p in prefixes if first - p == positions][:1]
    if second == positions:
        fitting.append(Layout("NCL", tuple(grid)))
    return fitting[0] if len(fitting) == 1 else None


def _possible(
    shape: Sequence[int], image_size: Sequence[int], prefixes: Sequence[int]
) -> Iterator[Layout]:
    if len(shape) == len(image_size) + 2:
        video = len(shape) == 5
        yield Layout("NCDHW" if video else "NCHW", tuple(shape[2:]))
        yield Layout("NDHWC" if video else "NHWC", tuple(shape[1:-1]))
    if len(shape) == 3 and min(shape[1:]) > 1:
        for prefix in prefixes:
            if height := height_of(shape[1] - prefix, image_size):
                yield Layout("NLC", (height, (shape[1] - prefix) // height), prefix)
        # An axis no longer than the prefix may be the class token alone: no channels of a grid.
        if shape[1] > max(prefixes) and (height := height_of(shape[2], image_size)):
            yield Layout("NCL", (height, shape[2] // height))


def _misfit(layout: Layout, image_size: Sequence[int]) -> float:
    """By how many positions the grid is wider or narrower than the image's proportions say."""
    h, w = layout.grid[-2:]
    if any(map(gt, layout.grid, image_size)) or h * w < 2:
        return float("inf")
    return abs(h * image_size[-1] / image_size[-2] - w)


def _tolerance(layout: Layout) -> float:
    # Convolutions without padding drop positions at the edge; tokens cover all of the image.
    return 1.5 if layout.kind not in ("NLC", "NCL") else 0.75
