"""A model in less precision or another order in memory, and how far its maps then are off."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ...errors import ArgumentError, shown
from ...results.explanation import Explanation

_DTYPES = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}
_FORMATS = {"contiguous": None, "channels_last": torch.channels_last}


@dataclass(eq=False)
class Precise:
    """Which copy of the model runs: the model itself, or one of another dtype or memory format.

    Attributes:
        dtype: None for the model's own.
        memory_format: None for the model's own.
        error: how far the maps of the first batch are from those of the model itself.
    """

    dtype: torch.dtype | None = None
    memory_format: Any = None
    OWN: ClassVar[str] = "the model's own"

    error: dict[str, float] = field(default_factory=dict)
    _copy: nn.Module | None = None

    @property
    def changes(self) -> bool:
        """Whether anything but the model itself runs."""
        return self.dtype is not None or self.memory_format is not None

    def record(self) -> dict[str, Any]:
        """What was asked for, ready for JSON."""
        return {
            "dtype": str(self.dtype or self.OWN).removeprefix("torch."),
            "memory_format": self.OWN if self.memory_format is None else "channels_last",
        }

    def device(self, model: nn.Module) -> torch.device:
        """Where the model is."""
        weight = next(model.parameters(), None)
        return torch.device("cpu") if weight is None else weight.device

    def of(self, model: nn.Module, images: Tensor) -> tuple[nn.Module, Tensor]:
        """The model that runs, and the images as it takes them; the model itself is not changed."""
        if not self.changes:
            return model, images
        if self._copy is None:
            self._copy = self._made(model)
        if self.dtype is not None:
            images = images.to(self.dtype)
        if self.memory_format is not None and images.ndim == 4:
            images = images.to(memory_format=self.memory_format)
        return self._copy, images

    def _made(self, model: nn.Module) -> nn.Module:
        copy = deepcopy(model)
        if self.memory_format is not None:
            copy = copy.to(memory_format=self.memory_format)
        return copy if self.dtype is None else copy.to(self.dtype)

    def measure(self, own: Explanation, changed: Explanation) -> None:
        """Note how far the maps of one batch are from those of the model itself, as heatmaps."""
        apart = (own.heatmap - changed.heatmap).abs()
        scores = (own.score - changed.score).abs().float()
        self.error = {
            "images": len(own),
            "largest": round(float(apart.max()), 6),
            "mean": round(float(apart.mean()), 6),
            "score": round(float(scores.max()), 6),
        }
        if isinstance(own.target, Tensor) and isinstance(changed.target, Tensor):
            same = (own.target == changed.target).float().mean()
            self.error["same_class"] = round(float(same), 6)


def precise(dtype: Any, memory_format: Any) -> Precise:
    """The precision that `dtype=` and `memory_format=` ask for.

    Raises:
        ArgumentError: for one that is not offered.
    """
    return Precise(
        _chosen("dtype", dtype, _DTYPES), _chosen("memory_format", memory_format, _FORMATS)
    )


def _chosen(name: str, given: Any, known: dict[str, Any]) -> Any:
    text = str(given).removeprefix("torch.").removesuffix("_format")
    if given is None:
        return None
    if text not in known:
        raise ArgumentError(f"expected {name}= as {' or '.join(known)}, got {shown(given)}")
    return known[text]
