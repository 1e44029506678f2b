"""How a layer's output may lie over the image, as its shape tells."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from operator import gt

from ..adapter import USUAL_PREFIXES
from .grids import height_of
from .layout import Layout


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
