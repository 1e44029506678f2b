"""Two channels behind pooling and a linear layer: maps that can be worked out by hand."""

from __future__ import annotations

from typing import Any

from torch import Tensor

import camkit_core as camkit
from helpers.toys import gap_linear, tensor

# Two channels of 2x2 behind which the score of class 0 is 2 mean(A1) - 4 mean(A2).
A1, A2 = [[1.0, 2.0], [3.0, 0.0]], [[0.0, 1.0], [1.0, 1.0]]
IMAGES = tensor([[A1, A2]])
MODEL = gap_linear([[2, -4], [1, 1]], [0, 0])


def cam(method: str, **options: Any) -> Tensor:
    """A method's raw map for class 0."""
    return camkit.explain(MODEL, IMAGES, method, 0, "0", **options).cam[0]
