"""Images in tiles beside a small version of the whole: one picture, and one grid for both."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from camkit_core import LayerError


@dataclass(frozen=True)
class Tiles:
    """Square tiles of N images, in rows and columns; with a thumbnail, or one tile alone.

    Attributes:
        given: the tiles as the model takes them (N, T, C, side, side).
        rows: of tiles.
        columns: of tiles.
        thumbnail: the position among the T tiles of the small version of the whole image; None
            where the only tile is the image.
        border: by how many pixels the picture is padded at its top and bottom, and at its left
            and right, which the model leaves out.
    """

    given: Tensor
    rows: int
    columns: int
    thumbnail: int | None
    border: tuple[int, int] = (0, 0)

    def pictures(self, pixels: Tensor) -> Tensor:
        """Tiles as pictures (N, C, H, W), without what pads them."""
        whole = self._joined(pixels)
        return whole[self._inside(whole)]

    def tiles(self, pictures: Tensor, images: Sequence[int]) -> Tensor:
        """Pictures as tiles. Their thumbnail is the one given, plus what was changed, made small.

        So the pictures that were given have the thumbnail that was given, to the last bit.
        """
        tiles = self.given.to(pictures)[list(images)]
        whole = self._joined(tiles)
        inside = self._inside(whole)
        if self.thumbnail is not None:
            changed, size = pictures - whole[inside], (self._side, self._side)
            small = interpolate(changed, size, mode="bilinear", antialias=True)
            tiles[:, self.thumbnail] += small
        whole[inside] = pictures
        cut = _split(_split(whole, 3, self.columns), 2, self.rows)
        tiles[:, self._order] = cut.permute(0, 2, 4, 1, 3, 5).flatten(1, 2)
        # These models take a tile of zeros for none.
        zero = ~tiles.flatten(2).any(2)[:, :, None, None, None]
        return tiles + zero * torch.finfo(tiles.dtype).smallest_normal

    def grid(self, tokens: Tensor) -> Tensor:
        """Tokens (N * T, positions, C) as a grid of the picture.

        The tiles' channels come first, and then the thumbnail's, each of whose tokens stands at all
        positions that it covers: (N, 2C, h, w); (N, C, h, w) without a thumbnail.
        """
        images, count = self.given.shape[:2]
        side = math.isqrt(tokens.shape[1]) if tokens.ndim == 3 else 0
        prefix = tokens.shape[1] - side**2 if side else 0  # a class token, in some towers
        if not side or len(tokens) != images * count or prefix > 1 or self._side % side:
            raise LayerError(
                f"expected ({images} * {count} tiles, positions of a square, C) from the target "
                f"layer, got {tuple(tokens.shape)}; pass reshape_transform= for this layer or "
                f"choose another"
            )
        tiles = _split(_split(tokens[:, prefix:], 0, images), 2, side)
        tiles = tiles.movedim(-1, 2)  # (N, T, C, side, side)
        whole = self._joined(tiles)
        grid = whole[self._inside(whole)]
        if self.thumbnail is None:
            return grid
        rows, columns = (
            ((torch.arange(large, device=grid.device) + 0.5) * side / large).long()
            for large in grid.shape[2:]
        )
        return torch.cat([grid, tiles[:, self.thumbnail][:, :, rows][:, :, :, columns]], 1)

    @property
    def _side(self) -> int:
        return int(self.given.shape[-1])

    @property
    def _order(self) -> list[int]:
        """The positions of the tiles in reading order."""
        first = 1 if self.thumbnail == 0 else 0
        return list(range(first, first + self.rows * self.columns))

    def _joined(self, tiles: Tensor) -> Tensor:
        """Tiles (N, T, C, h, w) in their rows and columns: (N, C, rows * h, columns * w)."""
        placed = _split(tiles[:, self._order], 1, self.rows)
        return placed.permute(0, 3, 1, 4, 2, 5).flatten(2, 3).flatten(3, 4)

    def _inside(self, whole: Tensor) -> tuple[slice, ...]:
        """Which part of tiles that were joined is the picture, without its border."""
        every = slice(None)
        cell = self.rows * self._side // whole.shape[2]
        top, left = (border // cell for border in self.border)
        height, width = whole.shape[2:]
        return every, every, slice(top, height - top), slice(left, width - left)


def _split(tensor: Tensor, axis: int, count: int) -> Tensor:
    """An axis as two, the first of that many."""
    shape = tensor.shape
    return tensor.reshape(*shape[:axis], count, shape[axis] // count, *shape[axis + 1 :])
