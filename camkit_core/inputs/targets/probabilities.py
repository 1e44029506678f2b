"""Whether scores are probabilities: by their values, and by the operation that made them."""

from __future__ import annotations

import re
from typing import Any

from torch import Tensor

# Operations after which a probability is the same probability, by the names of their gradients.
_PASSING = re.compile(
    r"(View|UnsafeView|ReshapeAlias|Squeeze|Unsqueeze|Select|Slice|ToCopy|Clone|Alias|T|Transpose|"
    r"Permute|Expand|Unbind|Split|Index|Cat|Stack|Clamp|ClampMin|ClampMax|AsStrided)Backward\d*"
)
_MAKING = re.compile(r"(Sigmoid|Hardsigmoid|Softmax)Backward\d*")
_DEPTH = 12  # operations between what made a probability and the output


def are_probabilities(scores: Tensor) -> bool:
    """Whether class scores (N, K) are probabilities.

    All are in [0, 1]; and the rows add up to 1, or a sigmoid or softmax made them. Values alone do
    not tell a sigmoid from logits that happen to be small.
    """
    values = scores.detach()
    lowest, highest = values.aminmax()
    if not (lowest >= 0 and highest <= 1 + 1e-3):
        return False
    sums = values.sum(1)
    return bool(scores.shape[1] > 1 and ((sums - 1).abs() < 1e-3).all()) or from_sigmoid(scores)


def from_sigmoid(scores: Tensor) -> bool:
    """Whether a sigmoid or a softmax made these scores, as far as their graph tells."""
    # A view that was made without gradients has none, but the tensor that it views may have.
    base = scores if scores.grad_fn is not None or scores._base is None else scores._base
    node: Any = base.grad_fn
    for _ in range(_DEPTH):
        if node is None or _MAKING.fullmatch(node.name()):
            return node is not None
        if not _PASSING.fullmatch(node.name()):
            return False
        node = next((before for before, _ in node.next_functions if before is not None), None)
    return False
