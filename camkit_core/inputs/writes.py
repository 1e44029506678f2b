"""Writes to tensors: how often, and whether by other threads while a model is explained."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from operator import attrgetter
from threading import Thread, active_count, current_thread
from threading import enumerate as enumerate_threads
from typing import Any

from torch import Tensor

from .look import Look

_version: Callable[[Any], int] = attrgetter("_version")
_SERVICES = (
    *("tqdm.", "IPython.core.history", "ipykernel.iostream", "ipykernel.heartbeat"),
    *("ipykernel.control", "ipykernel.shellchannel", "ipykernel.parentpoller"),
    "torch._inductor.compile_worker.",
)


def versions(tensors: Sequence[Tensor]) -> list[int]:
    """How often each tensor was written to, as far as it counts."""
    try:
        return list(map(_version, tensors))
    except RuntimeError:  # an inference tensor
        return [tensor._version for tensor in tensors if not tensor.is_inference()]


class Weights:
    """The weights of a model, which other threads may write.

    Args:
        look: at the model, as it is.

    Attributes:
        overwritten: whether they were written when `written` was asked last.
    """

    overwritten = False

    def __init__(self, look: Look) -> None:
        # To read the versions takes as long as to compare the attributes of all modules.
        self._tensors = look.weights
        self._before = versions(look.weights) if _other_threads() else None

    @property
    def watched(self) -> bool:
        """Whether there were other threads."""
        return self._before is not None

    def written(self) -> bool:
        """Whether a weight was written to while another thread may have done it."""
        before = self._before
        written = before is not None and versions(self._tensors) != before
        self.overwritten = written and _other_threads()
        return self.overwritten


def _other_threads() -> bool:
    """Whether there are other threads that may use a model."""
    if active_count() == 1:
        return False
    mine = current_thread()
    return any(thread is not mine and not _serves(thread) for thread in enumerate_threads())


def _serves(thread: Thread) -> bool:
    """Whether a thread only serves a progress bar, the compiler, or this process's notebook."""
    runs = getattr(getattr(thread, "_target", None), "__module__", None) or ""
    return type(thread).__module__.startswith(_SERVICES) or runs.startswith(_SERVICES)
