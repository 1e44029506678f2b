"""Qwen2-VL, Qwen2.5-VL and Qwen3-VL, of Hugging Face: images of any size, in packed patches."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from camkit_core import Adapter, InputError, LayerError, Pictures


def adapter(model: Any, image_size: tuple[int, ...], call: Mapping[str, Any]) -> Adapter:
    """The image tokens that the language model reads, of `visual`: each of merged patches.

    The blocks of `visual`, by their names, have a grid of patches.
    """
    packed = _packed(model, call)
    pictures = Pictures(packed.pictures, packed.patches)
    return Adapter(model.model.visual, packed.grid, key=("pooler_output",), pictures=pictures)


def windowed_adapter(model: Any, image_size: tuple[int, ...], call: Mapping[str, Any]) -> Adapter:
    """The same of Qwen2.5-VL, whose blocks and merger have their tokens in the order of windows."""
    packed = _packed(model, call)
    pictures = Pictures(packed.pictures, packed.patches)
    return Adapter(
        model.model.visual,
        packed.grid,
        key=("pooler_output",),
        pictures=pictures,
        reads_others=False,
    )


def deepstack_adapter(
    model: Any, image_size: tuple[int, ...], call: Mapping[str, Any]
) -> list[Adapter]:
    """Of Qwen3-VL all image tokens that the language model reads, layer by layer.

    Its first layers get tokens of their own, of earlier blocks: `deepstack_merger_list`.
    """
    packed, visual = _packed(model, call), model.model.visual
    pictures = Pictures(packed.pictures, packed.patches)
    mergers = [visual.merger, *visual.deepstack_merger_list]
    return [Adapter(merger, packed.grid, pictures=pictures) for merger in mergers]


@dataclass(frozen=True)
class _Packed:
    """How patches of images of one size are packed: (N * h * w, channels * frames * side * side).

    The patches that are merged to one token follow each other.
    """

    images: int
    height: int  # in patches
    width: int
    merge: int
    channels: int
    frames: int
    side: int

    @property
    def _blocks(self) -> tuple[int, ...]:
        m = self.merge
        return self.height // m, self.width // m, m, m

    def pictures(self, patches: Tensor) -> Tensor:
        """Patches as pictures (N, channels, H, W)."""
        shape = self.channels, self.frames, self.side, self.side
        patches = patches.reshape(-1, *self._blocks, *shape)
        first = patches[..., 0, :, :]
        if not torch.equal(first[..., None, :, :].expand_as(patches), patches):
            raise InputError(
                "expected still images, whose frames are alike, in pixel_values; camkit explains "
                "no videos of this model"
            )
        pictures = first.permute(0, 5, 1, 3, 6, 2, 4, 7)
        sides = self.height * self.side, self.width * self.side
        return pictures.reshape(len(pictures), self.channels, *sides)

    def patches(self, pictures: Tensor, images: Sequence[int]) -> Tensor:
        """Pictures as patches, each in all frames."""
        rows, columns, m, _ = self._blocks
        shape = len(pictures), self.channels, rows, m, self.side, columns, m, self.side
        patches = pictures.reshape(shape).permute(0, 2, 5, 3, 6, 1, 4, 7)
        patches = patches.unsqueeze(6).expand(*[-1] * 6, self.frames, -1, -1)
        return patches.reshape(len(pictures) * self.height * self.width, -1)

    def grid(self, tokens: Tensor) -> Tensor:
        """Tokens (N * positions, C) as a grid, of merged patches or of patches."""
        rows, columns, m, _ = self._blocks
        merged, patches = (self.images * rows * columns * each for each in (1, m * m))
        if tokens.ndim != 2 or len(tokens) not in (merged, patches):
            raise LayerError(
                f"expected ({self.images} * {rows}x{columns} tokens, C), or {self.images} * "
                f"{self.height}x{self.width} patches, from the target layer, got "
                f"{tuple(tokens.shape)}; pass reshape_transform= for this layer or choose another"
            )
        if len(tokens) == merged:
            return tokens.reshape(self.images, rows, columns, -1).movedim(-1, 1)
        grid = tokens.reshape(self.images, *self._blocks, -1).permute(0, 5, 1, 3, 2, 4)
        return grid.reshape(self.images, -1, self.height, self.width)


def _packed(model: Any, call: Mapping[str, Any]) -> _Packed:
    """How the patches of a call are packed.

    Raises:
        InputError: for images of several sizes, or none.
    """
    grids = call.get("image_grid_thw")
    if not isinstance(grids, Tensor) or not grids.numel():
        raise InputError(
            f"{type(model).__name__} takes patches, whose places image_grid_thw tells; pass all "
            f"that the processor makes: camkit.explain(model, inputs, ...)"
        )
    sizes = sorted({tuple(grid) for grid in grids.tolist()})
    if len(sizes) > 1:
        raise InputError(
            f"expected images of one size in a call, got patches {sizes} (frames, rows, columns); "
            f"explain the images one by one"
        )
    vision = model.model.visual.config
    _, height, width = sizes[0]
    return _Packed(
        images=len(grids),
        height=height,
        width=width,
        merge=vision.spatial_merge_size,
        channels=vision.in_channels,
        frames=vision.temporal_patch_size,
        side=vision.patch_size,
    )
