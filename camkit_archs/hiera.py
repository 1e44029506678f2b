"""Hiera, of timm: a transformer whose grid shrinks from stage to stage."""

from __future__ import annotations

from typing import Any

from camkit_core import Adapter, tokens_to_grid


def adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The last block: `blocks[-1]`.

    Tokens are ordered by mask unit. In the last stage a unit is a single token, so the tokens lie
    row by row.
    """
    cells = zip(model.tokens_spatial_shape, model.mask_unit_size, strict=True)
    height, width = (side // unit for side, unit in cells)
    return Adapter(model.blocks[-1], tokens_to_grid(height, width))
