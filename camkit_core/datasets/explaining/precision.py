"""A model in less precision or another order in memory, and how far its maps then are off."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ...arguments import checked
from ...errors import ArgumentError, shown, warn
from ...forward.compiled.in_force import by
from ...forward.compiled.options import Options
from ...forward.compiled.passes import CompiledPasses
from ...results.explanation import Explanation

_DTYPES = {"float32": None, "bfloat16": torch.bfloat16, "float16": torch.float16}
_USUAL = torch.contiguous_format
_FORMATS = {"contiguous": None, "channels_last": torch.channels_last}


@dataclass(eq=False)
class Precise:
    """Which copy of the model runs: the model itself, or one of another dtype or memory format.

    Attributes:
        dtype: None for the model's own.
        memory_format: None for the model's own.
        compiled: whether the passes up to the layer run as compiled code; the model is not copied.
        reason: why passes of the first batch's shape ran eagerly all the same.
        error: how far the maps of the first batch are from those of the model itself.
    """

    dtype: torch.dtype | None = None
    memory_format: Any = None
    compiled: bool = False
    reason: str = ""
    OWN: ClassVar[str] = "the model's own"

    error: dict[str, float] = field(default_factory=dict)
    _copy: nn.Module | None = None
    _passes: CompiledPasses | None = None

    @property
    def changes(self) -> bool:
        """Whether anything but the model itself runs."""
        return self.compiled or self.dtype is not None or self.memory_format is not None

    def record(self) -> dict[str, Any]:
        """What was asked for, ready for JSON."""
        return {
            "dtype": str(self.dtype or self.OWN).removeprefix("torch."),
            "memory_format": self.OWN if self.memory_format is None else "channels_last",
            **({"compiled": True} if self.compiled else {}),
        }

    def device(self, model: nn.Module) -> torch.device:
        """Where the model is."""
        weight = next(model.parameters(), None)
        return torch.device("cpu") if weight is None else weight.device

    def of(self, model: nn.Module, images: Tensor) -> tuple[nn.Module, Tensor]:
        """The model that runs, and the images as it takes them; the model itself is not changed."""
        if self.compiled or not self.changes:
            return model, images
        if self._copy is None:
            self._copy = self._made(model)
        if self.dtype is not None:
            images = images.to(self.dtype)
        if self.memory_format is not None and images.ndim == 4:
            images = images.to(memory_format=self.memory_format)
        return self._copy, images

    @contextmanager
    def running(self) -> Iterator[None]:
        """Inside, passes run compiled, if that was asked for: those of the first batch's shape."""
        if not self.compiled:
            yield
            return
        if self._passes is None:
            self._passes = CompiledPasses(Options(self.dtype, self.memory_format or _USUAL))
        with by(self._passes) as reasons:
            yield
        if self._passes.open and reasons:
            self.reason = reasons[0]
            warn(f"images run eagerly, not compiled: {self.reason}")
        self._passes.open = False

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


def precise(dtype: Any, memory_format: Any, compiled: Any = None) -> Precise:
    """The precision that `dtype=`, `memory_format=` and `compile=` ask for.

    Raises:
        ArgumentError: for one that is not offered.
    """
    return Precise(
        _chosen("dtype", dtype, _DTYPES),
        _chosen("memory_format", memory_format, _FORMATS),
        compiled is not None and checked("explain_dataset", "compile", compiled, bool),
    )


def _chosen(name: str, given: Any, known: dict[str, Any]) -> Any:
    text = str(given).removeprefix("torch.").removesuffix("_format")
    if given is None:
        return None
    if text not in known:
        raise ArgumentError(f"expected {name}= as {' or '.join(known)}, got {shown(given)}")
    return known[text]
