"""The command `camkit`: one file for each subcommand; `common/` is what several of them share."""

from .command import main

__all__ = ["main"]
