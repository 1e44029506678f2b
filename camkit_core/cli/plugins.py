"""`camkit plugins`: who contributes what, and what is wrong with it."""

from __future__ import annotations

import argparse
import sys
from collections import defaultdict
from collections.abc import Iterable
from typing import Any

from ..plugins import Registry, get_registry
from ..plugins.contribution import BUILT_IN, KINDS, Contribution
from .common.messages import one_line, say

EXAMPLES = """examples:
  camkit plugins
  camkit plugins --check
  camkit --disable-plugin camkit-broken explain photo.jpg
  CAMKIT_PLUGINS=camkit-mycam camkit plugins
"""


def add_plugins_command(subparsers: Any) -> None:
    """Add the command to the command's subparsers."""
    parser = subparsers.add_parser(
        "plugins",
        help="list the packages that contribute methods, adapters, renderers and metrics",
        description="List what each installed package contributes, and its status: declared (its "
        "name is known, its code imported when first used), shadowed, conflict, missing, disabled, "
        "or left out. Nothing of the typed entry points is imported without --check.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="import each package's code, in a process of its own; exit code 1 if any fails",
    )
    parser.add_argument(
        "--seconds", type=float, default=60.0, metavar="S", help="for a process (default: 60)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, problems included")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Print the plugins; returns 1 if --check finds one that cannot be imported, else 0."""
    registry = get_registry()
    rows = [row for kind in KINDS for row in registry.contributions(kind)]
    status = {(row.kind, row.qualified): row.status or "declared" for row in rows}
    if args.check:
        status |= _checked(rows, args.seconds)
    failed = args.check and any(said.startswith("failed") for said in status.values())
    if args.json:
        _print_json(registry, rows, status)
    else:
        _print_table(registry, rows, status)
    return int(failed or (args.check and any(one.left_out for one in registry.problems())))


def _checked(rows: Iterable[Contribution], seconds: float) -> dict[tuple[str, str], str]:
    from ..plugins.import_check import check_imports

    by_owner: dict[str, list[Contribution]] = defaultdict(list)
    for row in rows:
        if row.status != "disabled" and row.target is None:
            by_owner[row.distribution].append(row)
    found = {}
    for owner, owned in by_owner.items():
        say(f"importing what {owner} contributes")
        for checked in check_imports(owned, seconds):
            row, result = checked.contribution, one_line(checked.result)
            told = row.status or "ok"
            found[row.kind, row.qualified] = told if result == "ok" else f"failed: {result}"
    return found


def _print_table(
    registry: Registry, rows: Iterable[Contribution], status: dict[tuple[str, str], str]
) -> None:
    own = [row for row in rows if row.distribution == BUILT_IN]
    counts = ", ".join(f"{sum(row.kind == kind for row in own)} {kind}s" for kind in KINDS)
    origin = own[0].origin if own else BUILT_IN
    wrong = [row for row in own if status[row.kind, row.qualified] not in ("declared", "ok")]
    cells = [(origin, counts, "" if wrong else "built in")]
    cells += [
        (row.origin, f"{row.kind} {row.name}", status[row.kind, row.qualified])
        for row in rows
        if row.distribution != BUILT_IN or row in wrong
    ]
    cells += [
        (" ".join(source.named), f"hooks {name}", "disabled")
        for source, name, _ in registry.blocked()
    ]
    wide = [max(len(cell[column]) for cell in cells) for column in range(2)]
    for first, second, third in cells:
        sys.stdout.write(f"{first:{wide[0]}}  {second:{wide[1]}}  {third}".rstrip() + "\n")
    for problem in registry.problems():
        say(str(problem))


def _print_json(
    registry: Registry, rows: Iterable[Contribution], status: dict[tuple[str, str], str]
) -> None:
    import json
    from dataclasses import asdict

    plugins = [
        {
            "kind": row.kind,
            "name": row.name,
            "distribution": row.distribution,
            "version": row.version,
            "value": row.value,
            "status": status[row.kind, row.qualified],
        }
        for row in rows
    ]
    plugins += [
        {
            "kind": "hooks",
            "name": name,
            "distribution": source.distribution,
            "version": source.version,
            "value": value,
            "status": "disabled",
        }
        for source, name, value in registry.blocked()
    ]
    problems = [asdict(problem) for problem in registry.problems()]
    document = {"schema": 1, "plugins": plugins, "problems": problems}
    sys.stdout.write(json.dumps(document, indent=2) + "\n")
