"""`camkit new-plugin`: its arguments, and the call of what writes the project."""

from __future__ import annotations

import argparse
from shlex import quote
from typing import Any

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
    say(f'next: cd {quote(str(project))} && pip install -e ".[test]" && pytest')
    return 0
