"""Messages to the person at the terminal: one line each, on stderr."""

from __future__ import annotations

import contextlib
import re
import sys
import warnings
from collections.abc import Iterator
from typing import TextIO

from ...errors import CamkitError
from .shell_words import for_the_shell

LONGEST = 2000  # letters of a message: who gives a text of a million finds the reason at its end
# Control characters, what turns the direction of text, what is not seen, and halves of characters:
# they would move the cursor, colour the screen, or show a name that is not there.
_HIDDEN = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff"
    "\ufff9-\ufffb\ud800-\udfff\U000e0000-\U000e007f]"
)


def visible(text: object) -> str:
    r"""A text with its control characters escaped.

    >>> print(visible("a\x1b[31m\nb"))
    a\x1b[31m\nb
    """
    return _HIDDEN.sub(lambda found: found[0].encode("unicode_escape").decode(), str(text))


def encoded(text: str, stream: TextIO) -> str:
    """A text with what the stream's encoding does not have escaped, so that it can be written."""
    encoding = getattr(stream, "encoding", None) or "utf-8"
    return text.encode(encoding, "backslashreplace").decode(encoding)


def one_line(text: str) -> str:
    """A text of several lines as one; where a line ended without a comma, a semicolon does."""
    joined = re.sub(r"(?<=[:;,.])\s*\n\s*", " ", text.strip())
    return re.sub(r"\s*\n\s*", "; ", joined)


def told(error: BaseException) -> str:
    """What an error says, also one that cannot say it; camkit's own with the shell's words."""
    try:
        return for_the_shell(str(error)) if isinstance(error, CamkitError) else str(error)
    except BaseException as second:
        if isinstance(second, KeyboardInterrupt):
            raise
        return f"(its text cannot be had: {type(second).__name__})"


def say(text: str) -> None:
    """Print a message. Where stderr is closed or full, nobody is told, and the work goes on."""
    line = visible(one_line(text))
    if len(line) > LONGEST:
        line = f"{line[: LONGEST * 3 // 4]} [...] {line[-LONGEST // 4 :]}"
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(encoded(f"camkit: {line}\n", sys.stderr))
        sys.stderr.flush()


def say_above_bar(text: str) -> None:
    """Print a message while a progress bar may be shown: the bar moves down a line."""
    from tqdm import tqdm  # the commands that show no bar need not import it

    with tqdm.external_write_mode(sys.stderr):
        say(text)


@contextlib.contextmanager
def warnings_in_one_line() -> Iterator[None]:
    """Python's own warnings look as messages do: no source, and no control characters."""

    def as_message(message: Warning | str, category: type[Warning], *where: object) -> str:
        line = visible(one_line(f"{category.__name__}: {message}"))[:LONGEST]
        return encoded(f"camkit: warning: {line}\n", sys.stderr)

    before = warnings.formatwarning
    warnings.formatwarning = as_message  # type: ignore[assignment]
    try:
        yield
    finally:
        warnings.formatwarning = before
