"""The gradient of a class's score before the last linear layer: a row of its weights.

Autograd would multiply all rows by a gradient that is zero but for one, which reads megabytes.
"""

from __future__ import annotations

from typing import Any

from torch import Tensor
from torch.autograd.graph import GradientEdge


def before_classes(scores: Tensor) -> tuple[Any, Tensor] | None:
    """Where in the graph the last linear layer begins, and the gradient there, the same in bits.

    Calls that were noted have no hooks of the model's, which could change the gradient between.

    Args:
        scores: (N,), of which the sum is meant.

    Returns:
        None unless they are those of one class, chosen from what a linear layer gives.
    """
    chosen: Any = scores.grad_fn
    if chosen is None or chosen.name() != "SelectBackward0" or chosen._saved_dim != 1:
        return None
    linear = chosen.next_functions[0][0]
    if linear is None or linear.name() != "AddmmBackward0" or linear._saved_alpha != 1:
        return None
    before = linear.next_functions[1]
    if before[0] is None:
        return None
    row = linear._saved_mat2[:, chosen._saved_index]
    return GradientEdge(*before), row.expand(len(scores), -1).clone()  # weights are the model's
