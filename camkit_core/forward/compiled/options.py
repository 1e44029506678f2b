"""What is asked of compiled code, checked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import torch

from ...errors import ArgumentError, shown

_DTYPES = {"bfloat16": torch.bfloat16, "float16": torch.float16}
_GRAPH = "cuda_graph"
_FORMATS = {"contiguous": torch.contiguous_format, "channels_last": torch.channels_last}


@dataclass(frozen=True)
class Options:
    """How the pass up to the layer is compiled.

    Attributes:
        dtype: the precision of its products; None for the model's own.
        memory_format: of the images.
        cuda_graph: whether a GPU is given the code as one CUDA graph.
    """

    dtype: torch.dtype | None = None
    memory_format: torch.memory_format = torch.contiguous_format
    cuda_graph: bool = False

    def record(self) -> dict[str, Any]:
        """The same, ready for JSON."""
        return {
            "dtype": str(self.dtype or "the model's own").removeprefix("torch."),
            "memory_format": str(self.memory_format).removeprefix("torch."),
        }


def options_of(compiles: Any, dtype: Any, memory_format: Any) -> Options | None:
    """The options; None where nothing is to be compiled.

    Raises:
        ArgumentError: for other values, and for a dtype or memory format without compiled code.
    """
    if not isinstance(compiles, bool) and compiles != _GRAPH:
        raise ArgumentError(
            f"expected compile= as True, False or {_GRAPH!r}; got {shown(compiles)}"
        )
    given = {"dtype": dtype, "memory_format": memory_format}
    asked = [name for name, value in given.items() if value is not None]
    if asked and not compiles:
        raise ArgumentError(f"{asked[0]}= is for compiled code; add compile=True, or leave it out")
    if not compiles:
        return None
    chosen = Options.memory_format if memory_format is None else memory_format
    return Options(
        None if dtype is None else _chosen("dtype", dtype, _DTYPES),
        _chosen("memory_format", chosen, _FORMATS),
        compiles == _GRAPH,
    )


def _chosen(name: str, given: Any, known: dict[str, Any]) -> Any:
    text = str(given).removeprefix("torch.").removesuffix("_format")
    if text not in known:
        raise ArgumentError(f"expected {name}= as {' or '.join(known)}; got {shown(given)}")
    return known[text]
