"""Freed memory, given back: a process that explains for hours would hold on to what it had freed.

The C library of most Linux systems keeps freed pieces in case they are wanted again. Among
tensors of many sizes they are not, and a process grows by half over its first thousands of images.
"""

from __future__ import annotations

import ctypes
import sys
from time import monotonic

SECONDS = 3.0  # between two; one takes a hundredth of a second


class Heap:
    """Gives freed memory back to the system from time to time."""

    def __init__(self) -> None:
        self._last = monotonic()

    def tidy(self) -> None:
        """Give freed memory back, if that was some time ago."""
        if not 0 <= monotonic() - self._last < SECONDS:  # below 0 on another machine
            give_back()
            self._last = monotonic()


def give_back() -> None:
    """Give freed memory back, where the C library has a way."""
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)
        if trim is not None:
            trim(0)
