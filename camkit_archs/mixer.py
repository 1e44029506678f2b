"""Networks of tokens without attention (MLP-Mixer, gMixer, ResMLP, gMLP), of timm."""

from __future__ import annotations

from typing import Any

from camkit_core import Adapter, tokens_to_grid


def adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The norm that pooling reads: `norm`."""
    return Adapter(model.norm, tokens_to_grid(*model.stem.grid_size))
