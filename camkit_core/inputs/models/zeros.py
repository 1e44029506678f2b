"""A file that was made at its whole size and never filled to its end, as broken downloads are."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

_BLOCK = 1 << 20
_FEWEST = 4096
_LARGEST_NUMBER = 16


def check_filled(path: Path, starts: Iterable[int]) -> None:
    """Raise ValueError if the file's last part is zeros, from the middle of a tensor on.

    Formats without checksums need it. Zeros from the beginning of a tensor on may be its values.

    Args:
        path: the file.
        starts: where its tensors begin.
    """
    zeros = _zeros_from(path)
    near = any(abs(start - zeros) <= _LARGEST_NUMBER for start in starts)
    if path.stat().st_size - zeros >= _FEWEST and not near:
        raise ValueError("its last part is zeros, as of a download that broke off")


def _zeros_from(path: Path) -> int:
    """The place from which on the file is zeros."""
    with path.open("rb") as file:
        end = path.stat().st_size
        while end:
            begin = max(0, end - _BLOCK)
            file.seek(begin)
            filled = len(file.read(end - begin).rstrip(b"\0"))
            if filled:
                return begin + filled
            end = begin
    return 0
