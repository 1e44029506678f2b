"""LLaVA-NeXT, of Hugging Face: an image in tiles, after a small version of the whole."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module
from typing import Any

from torch import Tensor

from camkit_core import Adapter, InputError, Pictures

from .tiles import Tiles


def adapter(model: Any, image_size: tuple[int, ...], call: Mapping[str, Any]) -> Adapter:
    """The projected image tokens, of `multi_modal_projector`, without those of padding."""
    transformers: Any = import_module("transformers.models.llava_next.modeling_llava_next")
    pinpoints = model.config.image_grid_pinpoints
    given, sizes = call.get("pixel_values"), call.get("image_sizes")
    if not isinstance(given, Tensor) or given.ndim != 5 or not isinstance(sizes, Tensor):
        raise InputError(
            f"{type(model).__name__} takes pixel_values (N, tiles, 3, side, side) and image_sizes "
            f"(N, 2); pass all that the processor makes: camkit.explain(model, inputs, ...)"
        )
    side, patch = given.shape[-1], model.config.vision_config.patch_size
    found = set()
    for size in sizes.tolist():
        rows, columns = transformers.get_anyres_image_grid_shape(size, pinpoints, side)
        cells = given.new_empty(1, rows * side // patch, columns * side // patch)
        inside = transformers.unpad_image(cells, size)
        border = [(a - b) // 2 * patch for a, b in zip(cells.shape, inside.shape, strict=True)]
        found.add((rows, columns, *border[1:]))
    rows, columns, *border = next(iter(found))
    if len(found) > 1 or given.shape[1] != rows * columns + 1 or len(sizes) != len(given):
        raise InputError(
            f"expected images of one size, whose tiles are alike, got image_sizes {sizes.tolist()} "
            f"and pixel_values {tuple(given.shape)}; explain the images one by one"
        )
    tiles = Tiles(given, rows, columns, 0, (border[0], border[1]))
    pictures = Pictures(tiles.pictures, tiles.tiles)
    return Adapter(model.model.multi_modal_projector, tiles.grid, pictures=pictures)
