"""What `--help` shows as examples are command lines that the parser takes."""

from __future__ import annotations

import argparse
import re
import shlex
from collections.abc import Iterator

import pytest

from camkit_core.cli.command import _parser
from camkit_core.plugins import get_registry
from camkit_core.plugins.contribution import KINDS

PARSER = _parser()


def examples() -> Iterator[str]:
    commands = next(a for a in PARSER._actions if isinstance(a, argparse._SubParsersAction))
    for parser in (PARSER, *dict.fromkeys(commands.choices.values())):
        yield from re.findall(r"^  (?:\w+=\S+ )?camkit (.*)$", parser.epilog or "", re.MULTILINE)


def words(example: str) -> list[str]:
    return shlex.split(example.partition(" < ")[0], comments=True)


@pytest.mark.parametrize("example", [each for each in examples() if "--help" not in each])
def test_an_example_of_the_help_is_a_command_line(example: str) -> None:
    parsed = vars(PARSER.parse_args(words(example)))
    assert callable(parsed["func"])


def test_examples_name_plugins_that_are_there() -> None:
    there = {row.name for kind in KINDS for row in get_registry().contributions(kind)}
    for example in examples():
        asked = words(example)
        named = asked[1:2] if asked[0] == "info" else []
        if "--method" in asked:
            named += asked[asked.index("--method") + 1].split(",")
        assert {*named} <= there, example
