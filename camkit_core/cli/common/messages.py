"""Messages to the person at the terminal: one line each, on stderr."""

from __future__ import annotations

import re
import sys


def one_line(text: str) -> str:
    """A text of several lines as one; where a line ended without a comma, a semicolon does."""
    joined = re.sub(r"(?<=[:;,.])\s*\n\s*", " ", text.strip())
    return re.sub(r"\s*\n\s*", "; ", joined)


def say(text: str) -> None:
    """Print a message."""
    sys.stderr.write(f"camkit: {one_line(text)}\n")
    sys.stderr.flush()


def say_above_bar(text: str) -> None:
    """Print a message while a progress bar may be shown: the bar moves down a line."""
    from tqdm import tqdm  # the commands that show no bar need not import it

    with tqdm.external_write_mode(sys.stderr):
        say(text)
