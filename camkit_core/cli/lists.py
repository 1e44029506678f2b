"""`camkit list-methods`, `list-archs`, `list-renderers`, `list-metrics` and `list-sources`."""

from __future__ import annotations

import argparse
import shutil
from collections.abc import Sequence
from typing import Any

from ..plugins import get_registry
from ..plugins.contribution import Contribution
from ..plugins.method_groups import group_of, grouped
from .common.answers import put, put_json
from .common.messages import say, visible

_STATED = {
    "method": ("needs", "needs_class", "position_wise"),
    "metric": ("higher_is_better", "check", "reading"),
}


def add_list_commands(subparsers: Any) -> None:
    """Add the five commands to the command's subparsers."""
    for name, run, what in (
        ("list-methods", list_methods, "methods"),
        ("list-archs", list_archs, "architectures whose target layer is known"),
        ("list-renderers", list_renderers, "renderers"),
        ("list-metrics", list_metrics, "metrics that judge methods on any model and image"),
        ("list-sources", list_sources, "sources of models, as in --model SOURCE:NAME"),
    ):
        parser = subparsers.add_parser(
            name,
            help=f"list the {what}",
            description=f"List the {what}: name, what it does, and the package it comes from. "
            "Imports none of them.",
            allow_abbrev=False,
        )
        parser.add_argument("--json", action="store_true", help="print JSON, problems included")
        parser.add_argument(
            "--strict", action="store_true", help="exit with 1 if a plugin is left out"
        )
        parser.set_defaults(func=run)


def list_methods(args: argparse.Namespace) -> int:
    """Print the methods; returns 0, or with --strict 1 if a plugin is left out."""
    return _list("method", args)


def list_archs(args: argparse.Namespace) -> int:
    """Print the adapters; returns 0, or with --strict 1 if a plugin is left out."""
    return _list("adapter", args)


def list_renderers(args: argparse.Namespace) -> int:
    """Print the renderers; returns 0, or with --strict 1 if a plugin is left out."""
    return _list("renderer", args)


def list_metrics(args: argparse.Namespace) -> int:
    """Print the metrics; returns 0, or with --strict 1 if a plugin is left out."""
    return _list("metric", args)


def list_sources(args: argparse.Namespace) -> int:
    """Print the sources; returns 0, or with --strict 1 if a plugin is left out."""
    return _list("source", args)


def _list(kind: str, args: argparse.Namespace) -> int:
    rows, problems = get_registry().contributions(kind), get_registry().problems()
    code = int(args.strict and any(problem.left_out for problem in problems))
    if args.json:
        from dataclasses import asdict

        records = [_record(row) for row in rows]
        left_out = [asdict(problem) for problem in problems]
        put_json({"schema": 1, f"{kind}s": records, "problems": left_out})
        return code
    for line in _lines(kind, rows, shutil.get_terminal_size((120, 24)).columns):
        put(line)
    for problem in problems:
        say(str(problem))
    return code


def _lines(kind: str, rows: tuple[Contribution, ...], width: int) -> list[str]:
    """The lines of the table; methods stand under a heading for each group."""
    if kind != "method":
        return table(rows, width)
    groups = grouped(rows)
    lines = iter(table([row for group in groups.values() for row in group], width - 2))
    return [
        line
        for group, members in groups.items()
        for line in (group, *(f"  {next(lines)}" for _ in members))
    ]


def table(rows: Sequence[Contribution], width: int) -> list[str]:
    """Aligned lines of name, summary and origin, at most `width` characters if possible."""
    cells = [tuple(map(visible, (_asked_as(row), row.summary, _origin(row)))) for row in rows]
    first = max((len(name) for name, _, _ in cells), default=0)
    last = max((len(origin) for _, _, origin in cells), default=0)
    room = max(width - first - last - 4, 20)
    middle = min(room, max((len(summary) for _, summary, _ in cells), default=0))
    return [
        f"{name:{first}}  {_cut(summary, middle):{middle}}  {origin}"
        for name, summary, origin in cells
    ]


def _asked_as(row: Contribution) -> str:
    """The shortest name that means this contribution."""
    return row.qualified if row.status in ("shadowed", "conflict") else row.name


def _origin(row: Contribution) -> str:
    return f"{row.origin} ({row.status})" if row.status else row.origin


def _cut(text: str, room: int) -> str:
    return text if len(text) <= room else text[: room - 3].rstrip() + "..."


def _record(row: Contribution) -> dict[str, Any]:
    keys = ("name", "qualified", "summary", "distribution", "version", "value", "status")
    record = {key: getattr(row, key) for key in keys}
    return {**record, **_stated(row)}


def _stated(row: Contribution) -> dict[str, Any]:
    """What a method or a metric states of itself that its user may want to know."""
    group = {"group": group_of(row)} if row.kind == "method" else {}
    return {**group, **{key: getattr(row.facts, key) for key in _STATED.get(row.kind, ())}}
