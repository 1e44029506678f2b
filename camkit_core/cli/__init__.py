"""The command `camkit`: one file for each subcommand; `common/` is what several of them share."""

from __future__ import annotations

from collections.abc import Sequence

__all__ = ["main"]


def main(arguments: Sequence[str] | None = None) -> int:
    """Run `camkit` with the arguments of the shell, or those given; returns the exit code.

    0: done. 1: done, except for some images, or its answers could not be printed. 2: not done.
    130: interrupted. Answers go to stdout; errors, one line each, and notes go to stderr.
    """
    try:
        from .command import run  # here, so that Ctrl-C while it is imported is an interruption
    except KeyboardInterrupt:
        return 130
    return run(arguments)
