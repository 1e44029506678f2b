"""PVTv2, of timm: a transformer whose grid shrinks from stage to stage."""

from __future__ import annotations

from typing import Any

from camkit_core import Adapter


def adapter(model: Any, image_size: tuple[int, int]) -> Adapter:
    """The last stage: `stages[-1]`, (N, C, h, w)."""
    return Adapter(model.stages[-1])
