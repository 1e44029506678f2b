"""`camkit list-methods`, `list-archs` and `list-renderers`: read from metadata, nothing imported."""

from __future__ import annotations

import argparse
import json
import shutil
import sys
import textwrap
from functools import partial
from typing import Any

from .contribution import Contribution
from .plugins import Registry, get_registry

_COMMANDS = {
    "list-methods": ("method", "list the installed methods"),
    "list-archs": ("adapter", "list the architectures whose layer and grid are known"),
    "list-renderers": ("renderer", "list the installed renderers"),
}


def add_list_commands(commands: Any) -> None:
    """Add the three commands to an argparse subparsers object."""
    for command, (kind, summary) in _COMMANDS.items():
        parser = commands.add_parser(
            command,
            help=summary,
            description=f"{summary.capitalize()}: name, what it does, where it comes from.",
            epilog=f"example:\n  camkit {command} --json",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        parser.add_argument("--json", action="store_true", help="print JSON, problems included")
        parser.set_defaults(func=partial(run, kind))


def run(kind: str, args: argparse.Namespace) -> int:
    """Print what there is of a kind."""
    registry = get_registry()
    rows = [_row(registry, one) for one in registry.contributions(kind)]
    problems = [str(problem) for problem in registry.problems()]
    if args.json:
        document = {"schema": 1, f"{kind}s": rows, "problems": problems}
        sys.stdout.write(json.dumps(document, indent=2) + "\n")
        return 0
    sys.stdout.write(_table(rows))
    for problem in problems:
        sys.stderr.write(f"camkit: {problem}\n")
    return 0


def _row(registry: Registry, one: Contribution) -> dict[str, str]:
    return {
        "name": one.name,
        "summary": one.summary,
        "distribution": one.distribution,
        "version": one.version,
        "status": registry.status(one),
    }


def _table(rows: list[dict[str, str]]) -> str:
    if not rows:
        return "none installed\n"
    names = max(len(row["name"]) for row in rows)
    origins = [_origin(row) for row in rows]
    room = max(20, shutil.get_terminal_size((110, 20)).columns - names - max(map(len, origins)) - 4)
    lines = [
        f"{row['name']:{names}}  {textwrap.shorten(row['summary'], room, placeholder=' ...'):{room}}"
        f"  {origin}".rstrip()
        for row, origin in zip(rows, origins, strict=True)
    ]
    return "\n".join(lines) + "\n"


def _origin(row: dict[str, str]) -> str:
    origin = f"{row['distribution']} {row['version']}"
    return f"{origin} ({row['status']})" if row["status"] else origin
