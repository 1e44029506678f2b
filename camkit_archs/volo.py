"""VOLO, of timm: its class token joins late, and reads the last stage of patches."""

from __future__ import annotations

from typing import Any

from camkit_core import Adapter, channels_last_to_grid


def adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The last stage of patches: `network[-1]`, (N, h, w, C)."""
    return Adapter(model.network[-1], channels_last_to_grid)
