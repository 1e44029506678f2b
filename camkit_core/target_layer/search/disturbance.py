"""Whether a layer's positions are places of the image, found out by disturbing halves of it.

Noise in one half of the image moves the activations of that half most, where a layer's positions
are places. The share of pairs of positions, one of each half, in which the right one moves more is
1 for maps, and one half for positions that are none, whatever the depth of the layer and the
strength of the noise. The field of the noise has no mean, as a brightening would move all tokens
of a uniform attention alike.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ..layout import Layout

PLACES = 0.8  # of the pairs along each axis must be right
FEWEST = 10  # positions: below, the share has too few values to accept or refuse by it
MOVED = 1e-5  # relative to the activations: less is rounding

Movement = Mapping[str, Tensor]  # squared and summed over an axis that may hold channels


def disturbed(image: Tensor, low: bool = True) -> Tensor:
    """Versions (rank, C, *size) of an image (1, C, *size): one half of each axis with noise."""
    noise = _noise(image)
    return torch.cat([image + noise * _half(image, axis, low) for axis in range(2, image.ndim)])


def _half(image: Tensor, axis: int, low: bool) -> Tensor:
    side = image.shape[axis]
    mask = torch.zeros(side, dtype=image.dtype, device=image.device)
    if low:
        mask[: side // 2] = 1
    else:
        mask[side - side // 2 :] = 1
    return mask.view([-1 if each == axis else 1 for each in range(image.ndim)])


def _noise(image: Tensor) -> Tensor:
    """White noise, and noise that is constant on blocks; of the image's own standard deviation."""
    generator = torch.Generator().manual_seed(0)
    fine = torch.randn(image.shape, generator=generator, device="cpu")
    size = image.shape[2:]
    blocks = [max(1, side // 16) for side in size]
    counts = [-(-side // block) for side, block in zip(size, blocks, strict=True)]
    coarse = torch.randn((1, image.shape[1], *counts), generator=generator, device="cpu")
    for axis, (side, block) in enumerate(zip(size, blocks, strict=True), 2):
        coarse = coarse.repeat_interleave(block, axis).narrow(axis, 0, side)
    deviation = float(image.float().std()) if image.numel() > 1 else 0.0
    return ((fine + coarse) / 2**0.5 * (deviation or 1.0)).to(image)


def movement(before: Tensor, rows: Tensor, first: bool = True) -> dict[str, Tensor]:
    """How far each position of rows (R, ...) moved from `before` (1, ...).

    Squared and summed over channels, which may be the first axis or the last; and the same of the
    movement less its mean over positions, as attention moves all of them together. "relative" is
    the root mean square of it all, relative to that of `before`.

    Args:
        before: the activations of the plain image.
        rows: those of its versions.
        first: whether channels may be the first axis.
    """
    change = rows.float() - before.float()
    inner = tuple(range(1, change.ndim))
    squares = change.square()
    moved = {"last": squares.sum(-1), "relative": _relative(squares, before)}
    moved["last, own"] = (change - change.mean(inner[:-1], keepdim=True)).square().sum(-1)
    if first:
        moved["first"] = squares.sum(1)
        moved["first, own"] = (change - change.mean(inner[1:], keepdim=True)).square().sum(1)
    return moved


def right_pairs(moved: Movement, layout: Layout, opposite: Movement | None = None) -> float:
    """The share of pairs of positions in the right order, along the axis where it is least.

    Args:
        moved: with the low half of each axis disturbed.
        layout: how the positions are read as a grid.
        opposite: with the high halves disturbed; their contrast cancels how lively a place is.
    """
    kind = "first" if layout.channels_first else "last"
    return max(
        _least(moved[key], None if opposite is None else opposite[key], layout)
        for key in (kind, f"{kind}, own")
    )


def _least(low: Tensor, high: Tensor | None, layout: Layout) -> float:
    shares = []
    for axis, side in enumerate(layout.grid):
        if side < 2:
            continue
        values = _on_grid(low[axis], layout)
        if high is not None:
            other = _on_grid(high[axis], layout)
            values = (values - other) / (values + other).clamp(min=1e-300)
        values = values.movedim(axis, 0)
        half = side // 2
        shares.append(_share(values[:half].flatten(), values[side - half :].flatten()))
    return min(shares, default=0.0)


def _on_grid(values: Tensor, layout: Layout) -> Tensor:
    flat = values.flatten().double()
    if layout.kind == "NLC":
        flat = flat[layout.prefix : layout.prefix + layout.positions]
    return flat.reshape(layout.grid)


def _share(larger: Tensor, smaller: Tensor) -> float:
    """How often a value of the one is larger than one of the other; ties count half."""
    ordered = smaller.sort().values
    below, up_to = (torch.searchsorted(ordered, larger, right=right) for right in (False, True))
    return float((below + up_to).sum()) / (2 * len(larger) * len(smaller))


def alike(moved: Movement) -> bool:
    """Whether all positions moved alike, so that none can be told from another."""
    spread = moved["last"].flatten(1)
    return bool((spread.std(1) < 0.05 * spread.mean(1)).all())


def _relative(squares: Tensor, before: Tensor) -> Tensor:
    """The root mean square of the movement, relative to that of the activations."""
    largest = squares.flatten(1).mean(1).max()
    size = before.float().square().mean()
    return (largest / size).sqrt() if size > 0 else largest.sign() * torch.inf
