"""Locks between processes: two runs must not do the same images at once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

from ..errors import RunError

try:
    import fcntl
except ImportError:  # Windows has none: nobody is kept from a second run there
    fcntl = None  # type: ignore[assignment]


@contextmanager
def locked(path: Path, wait: bool = False) -> Iterator[None]:
    """Holds a lock that ends with the process, however it ends; child processes do not hold it.

    Args:
        path: of a file that stays there, empty.
        wait: whether to wait for another process that has it.

    Raises:
        RunError: if another process has it, and nobody waits.
    """
    with open(path, "ab") as file:
        if fcntl is not None:
            _lock(file.fileno(), wait, path)
        yield


def _lock(handle: int, wait: bool, path: Path) -> None:
    try:
        fcntl.lockf(handle, fcntl.LOCK_EX | (0 if wait else fcntl.LOCK_NB))
    except (BlockingIOError, PermissionError) as error:
        raise RunError(
            f"another process is explaining the same images into {os.fspath(path.parent)!r}; wait "
            f"for it, stop it, or share the work: shard 1/2 here, and 2/2 there"
        ) from error
    except OSError:
        return  # a file system without locks


def held_elsewhere(paths: Iterable[Path]) -> bool:
    """Whether another process holds one of these locks; this one must hold none of them."""
    if fcntl is None:
        return False
    return any(map(_held, paths))


def _held(path: Path) -> bool:
    try:
        with open(path, "ab") as file:
            fcntl.lockf(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return True
    except OSError:  # a file system without locks, or the file is gone
        return False
    return False
