"""Methods of many runs, with fewer: what they promise holds for any number."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from torch import Tensor

import camkit_core as camkit
from camkit_core.plugins import get_registry

FEW = {"sess": {"num_scales": 3, "scale_step": 1.0}, "sscam": {"samples": 12}}


def shortened(name: str) -> Callable[..., Tensor]:
    """The method with all that it states of itself, and other defaults."""
    method = get_registry().find("method", name).load()

    @wraps(method)
    def short(probe: camkit.Probe, **options: Any) -> Tensor:
        cam: Tensor = method(probe, **{**FEW[name], **options})
        return cam

    return short
