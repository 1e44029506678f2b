"""`camkit new-plugin`: its arguments, and the call of what writes the project."""

from __future__ import annotations

import argparse
from contextlib import suppress
from shlex import quote
from typing import Any

from ...errors import UnknownName
from ...plugins import get_registry
from ...plugins.contribution import KINDS
from ..common.answers import put
from ..common.messages import say
from .project import new_plugin

EXAMPLES = """examples:
  camkit new-plugin mycam
  camkit new-plugin contour --kind renderer --dir ~/projects
"""


def add_new_plugin_command(subparsers: Any) -> None:
    """Add the subcommand to the parser of `camkit`."""
    parser = subparsers.add_parser(
        "new-plugin",
        help="write a plugin's project to start from",
        description="Write the project camkit-NAME: a module of a few lines, its entry point, and "
        "the conformance test, which passes.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("name", metavar="NAME", help="lower-case letters, digits, - and _")
    parser.add_argument("--kind", choices=KINDS, default="method", help="default: method")
    parser.add_argument("--dir", default=".", help="where the project's folder is made")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Write the project and print its folder; returns 0."""
    project = new_plugin(args.name, args.kind, args.dir)
    put(project)
    _say_whose_name_it_is(args.kind, project.name)
    say(f'next: cd {quote(str(project))} && pip install -e ".[test]" && pytest')
    return 0


def _say_whose_name_it_is(kind: str, distribution: str) -> None:
    """A note where another package has the short name, which then goes on to mean its plugin."""
    name = distribution.removeprefix("camkit-")
    with suppress(UnknownName):
        other = get_registry().find(kind, name)
        say(f"note: {name} stays the {kind} of {other.origin}; yours is {distribution}:{name}")
