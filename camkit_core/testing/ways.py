"""The ways to one explanation: `explain`, a prepared explainer, a compiled one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Literal

from torch import Tensor, nn

from ..engine import explain, prepare
from ..results.explanation import Explanation
from .checks import require

Way = Literal["explain", "prepared", "compiled"]


def explained(
    way: Way,
    model: nn.Module,
    images: Tensor,
    method: str | Callable[..., Tensor],
    target: Any = None,
    **settings: Any,
) -> Explanation:
    """The explanation of images (N, C, H, W) by one of the ways.

    An explainer is prepared by other images of that shape, of which nothing must be left.

    Raises:
        AssertionError: if compiled code was asked for, and the pass ran eagerly.
    """
    if way == "explain":
        return explain(model, images, method, target, **settings)
    compiles = way == "compiled"
    explainer = prepare(model, images.detach().flip(-1), method, compile=compiles, **settings)
    explanation = explainer(images, target)
    if compiles:
        reason = explanation.provenance["compiled"].get("eager", "")
        require(not reason, f"it ran eagerly, not compiled: {reason}")
    return explanation
