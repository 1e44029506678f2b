"""Targets of models that predict numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ...errors import TargetError
from .similarity import vector


@dataclass(frozen=True, eq=False)
class RegressionTarget:
    """One of the numbers that a model predicts, or how near it comes to a value.

    Args:
        index: which of the numbers.
        value: None explains the number itself: what raises it? A value explains the negative
            distance to it: what brings the prediction there?
    """

    index: int = 0
    value: float | None = None

    def __call__(self, sample: Any) -> Tensor:
        numbers = vector(sample, None, at_least=0).reshape(-1)
        if not 0 <= self.index < len(numbers):
            raise TargetError(
                f"target {self.index} is out of range: the model predicts {len(numbers)} numbers"
            )
        number = numbers[self.index]
        return number if self.value is None else -(number - self.value).abs()
