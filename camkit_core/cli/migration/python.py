"""Whether a text is Python."""

from __future__ import annotations

import ast


def check_python(text: str) -> None:
    """Let Python itself parse it: libcst's parser crashes on some of what is none.

    Raises:
        SyntaxError: if it is no Python, with line and reason.
    """
    try:
        ast.parse(text)
    except SyntaxError as error:
        raise SyntaxError(f"line {error.lineno}: {error.msg}") from error
    except MemoryError as error:
        raise SyntaxError("it is nested too deeply") from error


def is_python(text: str) -> bool:
    """Whether Python can parse it."""
    try:
        check_python(text)
    except (SyntaxError, ValueError, RecursionError):
        return False
    return True
