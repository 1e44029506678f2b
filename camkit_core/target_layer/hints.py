"""What a model states about its grids and tokens; it counts more than what shapes suggest."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from math import ceil
from typing import Any

from torch import Tensor, nn

from ..adapter import USUAL_PREFIXES
from .layout import Layout
from .shapes import layout_of, layouts_of

# A model has hundreds of layers, and few shapes.
_layout_of = lru_cache(maxsize=512)(layout_of)
_layouts_of = lru_cache(maxsize=512)(layouts_of)


@dataclass(frozen=True)
class Hints:
    """What a model states about its grids for one size of image.

    Attributes:
        image_size: (H, W), (L,) or (D, H, W).
        prefixes: how many tokens may precede those of the grid, the likeliest first.
        grids: those that the model states.
        latents: numbers of tokens that are no positions of the image.
    """

    image_size: tuple[int, ...]
    prefixes: tuple[int, ...] = USUAL_PREFIXES
    grids: tuple[tuple[int, ...], ...] = ()
    latents: tuple[int, ...] = ()

    def layout(self, shape: Sequence[int], latest: tuple[int, ...] = ()) -> Layout | None:
        """The layout of an output's shape (N, ...), or None if it is no grid.

        Args:
            shape: of the output.
            latest: channels and grid (C, *grid) of the layer that ended last; the tokens of
                signals and volumes lie on that grid.
        """
        if len(shape) == 3 and shape[1] in self.latents:
            return None
        return _layout_of(tuple(shape), self.image_size, self.prefixes, self.grids, latest)

    def layouts(
        self, shape: Sequence[int], grids: tuple[tuple[int, ...], ...] = ()
    ) -> tuple[Layout, ...]:
        """Each layout that an output's shape (N, ...) allows, the likeliest first.

        Args:
            shape: of the output.
            grids: those of maps that came before; tokens may lie on them beside other tokens.
        """
        if len(shape) == 3 and shape[1] in self.latents:
            return ()
        return _layouts_of(tuple(shape), self.image_size, self.prefixes, self.grids, grids)

    def slid(self, module: nn.Module, shape: Sequence[int]) -> Layout | None:
        """The layout of a signal that a window slid over; its last axis is then the position.

        None for a window of width 1, which may stand for a linear layer on any axis, and for a
        single channel, whose window may slide over the channels of other layers.
        """
        windows = nn.Conv1d, nn.MaxPool1d, nn.AvgPool1d
        if len(self.image_size) != 1 or not isinstance(module, windows):
            return None
        wide = module.kernel_size not in (1, (1,)) and len(shape) == 3 and shape[1] > 1
        fits = wide and 1 < shape[2] <= self.image_size[0]
        return Layout("NCL", (shape[2],)) if fits else None

    def states(self, layout: Layout) -> bool:
        """Whether the model itself states that grid."""
        return layout.grid in self.grids


def hints_of(model: nn.Module, images: Tensor) -> Hints:
    """The hints in a timm model, and in the config of a model of transformers."""
    size = tuple(images.shape[2:])
    if len(size) != 2:
        return Hints(size)
    height, width = size
    config: Any = getattr(model, "config", None)
    config = getattr(config, "vision_config", None) or config
    steps = [*_reductions(model), getattr(config, "patch_size", None)]
    grids = [_patches(model, (height, width))]
    grids += [(height // step, width // step) for step in steps if isinstance(step, int) and step]
    grids += [(ceil(height / step), ceil(width / step)) for step in _reductions(model)]
    latents = getattr(config, "num_latents", None)
    return Hints(
        (height, width),
        tuple(dict.fromkeys((*_prefixes(model, config), *USUAL_PREFIXES))),
        tuple(dict.fromkeys(grid for grid in grids if grid and min(grid) > 0)),
        (latents,) if isinstance(latents, int) else (),
    )


def _prefixes(model: nn.Module, config: Any) -> list[int]:
    timms = getattr(model, "num_prefix_tokens", None)
    registers = getattr(config, "num_register_tokens", None)  # transformers
    counts = [timms, 1 + registers if isinstance(registers, int) else None]
    return [count for count in counts if isinstance(count, int)]


def _patches(model: nn.Module, size: tuple[int, int]) -> tuple[int, int] | None:
    """The grid that timm's patch embedding makes of an image."""
    embedding: Any = getattr(model, "patch_embed", None)
    if not hasattr(embedding, "dynamic_feat_size"):
        return None
    height, width = embedding.dynamic_feat_size(size)
    return int(height), int(width)


def _reductions(model: nn.Module) -> list[int]:
    """By how much each of timm's features is smaller than the image."""
    information = getattr(model, "feature_info", None)
    if not isinstance(information, list):
        return []
    steps = [stage.get("reduction") for stage in information if isinstance(stage, dict)]
    return [step for step in steps if isinstance(step, int) and step > 0]
