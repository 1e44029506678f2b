"""How the command says things: to people, one line each, on stderr."""

from __future__ import annotations

import re
import sys


def one_line(text: str) -> str:
    """A text of several lines as one; where a line ended without a comma, a semicolon does."""
    joined = re.sub(r"(?<=[:;,.])\s*\n\s*", " ", text.strip())
    return re.sub(r"\s*\n\s*", "; ", joined)


def say(text: str) -> None:
    """Print a line for people."""
    sys.stderr.write(f"camkit: {one_line(text)}\n")
    sys.stderr.flush()
