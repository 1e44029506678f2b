"""Targets of models that predict numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ...arguments import checked
from ...errors import TARGET_ERRORS, TargetError, shown
from .similarity import vector


@dataclass(frozen=True, eq=False)
class RegressionTarget:
    """One of the numbers that a model predicts, or how near it comes to a value.

    Args:
        index: which of the numbers.
        value: None explains the number itself: what raises it? A value explains the negative
            distance to it: what brings the prediction there?

    Raises:
        TargetTypeError: for an index that is no integer, or a value that is no number.
    """

    index: int = 0
    value: float | None = None

    def __post_init__(self) -> None:
        for name, kind in (("index", int), ("value", float | None)):
            value = checked("RegressionTarget", name, getattr(self, name), kind, TARGET_ERRORS)
            object.__setattr__(self, name, value)

    def __call__(self, sample: Any) -> Tensor:
        numbers = vector(sample, None, at_least=0).reshape(-1)
        if not 0 <= self.index < len(numbers):
            raise TargetError(
                f"target {shown(self.index)} is out of range: the model predicts "
                f"{len(numbers)} numbers"
            )
        number = numbers[self.index]
        return number if self.value is None else -(number - self.value).abs()
