"""The parser of `camkit` for the page of all commands, its texts as reStructuredText."""

from __future__ import annotations

import argparse
import re
from collections.abc import Iterator
from itertools import zip_longest

from camkit_core.cli.command import _parser


def parser() -> argparse.ArgumentParser:
    """The parser; `*.jpg` opens no emphasis, and examples are code."""
    top = _parser()
    for command in commands(top):
        command.description = escaped(command.description)
        command.epilog = examples(command.epilog)
        for action in command._actions:
            if action.help != argparse.SUPPRESS:
                action.help = escaped(action.help)
    return top


def commands(parser: argparse.ArgumentParser) -> Iterator[argparse.ArgumentParser]:
    """A parser, and those of its subcommands."""
    yield parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for command in dict.fromkeys(action.choices.values()):
                yield from commands(command)


def escaped(text: str | None) -> str | None:
    """The text without markup of its own; what stands in backticks, and options, is code."""
    parts = re.sub(r"(?<![`\w-])(--[a-z][a-z-]*)(?![`\w])", r"`\1`", text or "").split("`")
    plain = [re.sub(r"([*|]|_(?=\W|$))", r"\\\1", part) for part in parts[::2]]
    code = [f"``{part}``" for part in parts[1::2]]
    return text and "".join(a + b for a, b in zip_longest(plain, code, fillvalue=""))


def examples(epilog: str | None) -> str | None:
    """Lines after `examples:` as a block of commands; any other text as it is."""
    if not epilog or not epilog.startswith("examples:\n"):
        return escaped(epilog)
    lines = (f"   $ {line.strip()}" for line in epilog.splitlines()[1:] if line.strip())
    return "Examples:\n\n.. code-block:: console\n\n" + "\n".join(lines)
