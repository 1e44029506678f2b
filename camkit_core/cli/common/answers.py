"""The answers of a command, on stdout: whole lines, or one JSON document, and nothing else."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
from collections.abc import Iterator
from typing import Any, TextIO

from .messages import encoded, visible


class OutputLostError(Exception):
    """Stdout is closed or full, or its reader has gone: what was done stays done.

    Attributes:
        full: whether it is full.
    """

    def __init__(self, error: Exception) -> None:
        super().__init__(getattr(error, "strerror", None) or str(error))
        self.full = getattr(error, "errno", None) == errno.ENOSPC


class _Printed:
    """Stdout for code that is not the command's: it goes to stderr, without control characters."""

    def write(self, text: str) -> int:
        """Write to stderr what a model or a plugin prints."""
        with contextlib.suppress(OSError, ValueError):
            lines = "\n".join(map(visible, text.split("\n")))
            sys.stderr.write(encoded(lines, sys.stderr))
        return len(text)

    def __getattr__(self, name: str) -> Any:
        return getattr(sys.stderr, name)


_kept: list[TextIO | None] = []  # the real stdout, while a command runs; None if it is closed


@contextlib.contextmanager
def stdout_for_answers() -> Iterator[None]:
    """Keep stdout for `put` and `put_json`: what else is printed goes to stderr."""
    _kept.append(sys.stdout)
    sys.stdout = _Printed()
    try:
        yield
    finally:
        sys.stdout = _kept.pop()


def put(line: object) -> None:
    """Print a line, without the control characters of the names in it.

    Raises:
        OutputLostError: if it cannot be written.
    """
    _write(f"{visible(line)}\n")


def put_above_bar(line: object) -> None:
    """Print a line while a progress bar may be shown on the same terminal."""
    from tqdm import tqdm  # the commands that show no bar need not import it

    with tqdm.external_write_mode(sys.stderr):
        put(line)


def put_json(document: Any) -> None:
    """Print a JSON document.

    Raises:
        OutputLostError: if it cannot be written.
    """
    _write(json_text(document))


def json_text(document: Any) -> str:
    """A document as JSON in ASCII, which escapes all control characters but one."""
    import json  # takes a few milliseconds, which other commands save

    try:
        text = json.dumps(document, indent=2, allow_nan=False, default=repr)
    except ValueError:  # a number that JSON does not have
        from ...metrics.judging.report.record import finite

        text = json.dumps(finite(document), indent=2, allow_nan=False, default=repr)
    return text.replace("\x7f", "\\u007f") + "\n"


def _write(text: str) -> None:
    stream = _kept[-1] if _kept else sys.stdout
    try:
        if stream is None:  # it was closed before the start
            raise BrokenPipeError
        stream.write(encoded(text, stream))
        stream.flush()
    except (OSError, ValueError) as error:
        raise OutputLostError(error) from error


def open_streams() -> None:
    """See to it that no file of ours becomes stdout or stderr, where these are closed.

    A library that prints from C would write into it.
    """
    while (number := os.open(os.devnull, os.O_RDWR)) < 3:  # the lowest number that is free
        pass
    os.close(number)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - until the process ends


def flushed() -> bool:
    """Whether all of stdout could be written; what could not is given up, without a word."""
    _flushed(sys.stderr)
    return _flushed(sys.stdout)


def _flushed(stream: TextIO | None) -> bool:
    if stream is None:  # it was closed before the start
        return False
    try:
        stream.flush()
        return True
    except (OSError, ValueError):
        # Python flushes again when it exits, and would print an error.
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return False
