"""The page of all commands has each of them, and shows their texts as they are."""

from __future__ import annotations

import pytest
from command_parser import commands, escaped, examples, parser

from camkit_core.cli.command import _parser


def test_the_page_has_every_command():
    assert [p.prog for p in commands(parser())] == [p.prog for p in commands(_parser())]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("as photos/*.jpg", r"as photos/\*.jpg"),
        ("`list-*` and *", r"``list-*`` and \*"),
        ("my_model_ or a|b", r"my_model\_ or a\|b"),
        ("or with --arch, two", "or with ``--arch``, two"),
        ("as for `camkit explain --model`", "as for ``camkit explain --model``"),
        (None, None),
    ],
)
def test_a_text_opens_no_markup(text, shown):
    assert escaped(text) == shown


def test_examples_become_code():
    block = examples("examples:\n  camkit demo\n  camkit demo --arch vit\n")
    assert block.endswith("console\n\n   $ camkit demo\n   $ camkit demo --arch vit")
