"""`camkit plugins`: list the contributions of each package, and their problems."""

from __future__ import annotations

import argparse
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Any

from ..plugins import Registry, get_registry
from ..plugins.contribution import BUILT_IN, KINDS, Contribution, Source
from .common.answers import put, put_json
from .common.arguments import seconds
from .common.messages import one_line, say

EXAMPLES = """examples:
  camkit plugins
  camkit plugins --check
  camkit --disable-plugin camkit-broken list-methods
  CAMKIT_PLUGINS=camkit-mycam camkit plugins
"""


def add_plugins_command(subparsers: Any) -> None:
    """Add the subcommand to the parser of `camkit`."""
    parser = subparsers.add_parser(
        "plugins",
        help="list the packages that contribute methods, adapters, renderers, metrics and sources",
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
        "--seconds", type=seconds, default=60.0, metavar="S", help="for a process (default: 60)"
    )
    parser.add_argument("--json", action="store_true", help="print JSON, problems included")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Print the plugins; returns 1 if --check finds one that cannot be imported, else 0."""
    registry = get_registry()
    fatal = _fatal_hooks(registry, args.seconds) if args.check else {}
    if fatal:
        registry = _without(registry, fatal)
    rows = [row for kind in KINDS for row in registry.contributions(kind)]
    status = {_key(row): row.status or "declared" for row in rows}
    status |= {_blocked_key(*blocked): "disabled" for blocked in registry.blocked()} | fatal
    if args.check:
        status |= _import_status(rows, args.seconds)
    failed = args.check and any(text.startswith("failed") for text in status.values())
    if args.json:
        _print_json(registry, rows, status)
    else:
        _print_table(registry, rows, status)
    return int(failed or (args.check and any(problem.left_out for problem in registry.problems())))


def _key(row: Contribution) -> tuple[str, str]:
    return row.kind, row.qualified


def _blocked_key(source: Source, name: str, value: str = "") -> tuple[str, str]:
    return "hooks", f"{source.distribution}:{name}"


def _fatal_hooks(registry: Registry, seconds: float) -> dict[tuple[str, str], str]:
    """The status of each hook plugin that would end or stop this command, as listing imports it."""
    from ..plugins.import_check import fatal_hooks

    found = fatal_hooks(registry.choice, seconds)
    return {_blocked_key(each.source, each.name): f"failed: {each.result}" for each in found}


def _without(registry: Registry, hooks: Iterable[tuple[str, str]]) -> Registry:
    """The same choice of plugins without some hook plugins."""
    choice = registry.choice
    disable = [*choice.disable, *(qualified for _, qualified in hooks)]
    return Registry(choice.only, disable, choice.prefer, choice.strict)


def _import_status(rows: Iterable[Contribution], seconds: float) -> dict[tuple[str, str], str]:
    """The status of each contribution after its import, in a process for each package."""
    from ..plugins.import_check import check_imports

    by_package: dict[str, list[Contribution]] = defaultdict(list)
    for row in rows:
        if row.status != "disabled" and row.target is None:
            by_package[row.distribution].append(row)
    status = {}
    for package, contributions in by_package.items():
        say(f"importing what {package} contributes")
        for checked in check_imports(contributions, seconds):
            row, result = checked.contribution, one_line(checked.result)
            status[_key(row)] = (row.status or "ok") if result == "ok" else f"failed: {result}"
    return status


def _print_table(
    registry: Registry, rows: Sequence[Contribution], status: dict[tuple[str, str], str]
) -> None:
    cells = _cells(rows, status)
    cells += [
        (" ".join(source.named), f"hooks {name}", status[_blocked_key(source, name)])
        for source, name, _ in registry.blocked()
    ]
    first_width, second_width = (max(len(cell[column]) for cell in cells) for column in range(2))
    for first, second, third in cells:
        line = f"{first:{first_width}}  {second:{second_width}}  {third}"
        put(line.rstrip())
    for problem in registry.problems():
        say(str(problem))


def _cells(
    rows: Sequence[Contribution], status: dict[tuple[str, str], str]
) -> list[tuple[str, str, str]]:
    """Origin, contribution and status: camkit's own in one line, and each broken one in a line."""
    built_in = [row for row in rows if row.distribution == BUILT_IN]
    broken = [row for row in built_in if status[_key(row)] not in ("declared", "ok")]
    counts = ", ".join(f"{sum(row.kind == kind for row in built_in)} {kind}s" for kind in KINDS)
    origin = built_in[0].origin if built_in else BUILT_IN
    listed = [row for row in rows if row.distribution != BUILT_IN or row in broken]
    return [
        (origin, counts, "" if broken else "built in"),
        *((row.origin, f"{row.kind} {row.name}", status[_key(row)]) for row in listed),
    ]


def _print_json(
    registry: Registry, rows: Sequence[Contribution], status: dict[tuple[str, str], str]
) -> None:
    from dataclasses import asdict

    plugins = [
        {
            "kind": row.kind,
            "name": row.name,
            "distribution": row.distribution,
            "version": row.version,
            "value": row.value,
            "status": status[_key(row)],
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
            "status": status[_blocked_key(source, name)],
        }
        for source, name, value in registry.blocked()
    ]
    problems = [asdict(problem) for problem in registry.problems()]
    document = {"schema": 1, "plugins": plugins, "problems": problems}
    put_json(document)
