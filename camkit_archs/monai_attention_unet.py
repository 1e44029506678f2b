"""AttentionUnet of MONAI, whose halves are nested in layers named after attention."""

from __future__ import annotations

from typing import Any

from camkit_core import Adapter


def adapter(model: Any, size: tuple[int, ...]) -> Adapter:
    """The innermost block, which has the coarsest grid; the skip connections pass it by."""
    inner = model.model[1].submodule
    while hasattr(inner, "__getitem__"):
        inner = inner[1].submodule
    return Adapter(inner)
