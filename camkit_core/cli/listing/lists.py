"""`camkit list-methods`, `list-archs`, `list-renderers`, `list-metrics` and `list-sources`."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import Any

from ...plugins import get_registry
from ...plugins.contribution import BUILT_IN, Contribution
from ...plugins.facts import Metric
from ...plugins.method_groups import BASELINES, THE_FIVE, facts_of, group_of, grouped
from ..common.answers import put, put_json
from ..common.messages import say, visible
from .table import table, terminal_width

_STATED = {
    "method": ("needs", "needs_class", "position_wise", "cost"),
    "metric": ("higher_is_better", "check", "reading"),
}
# What a heading of camkit's own means to who sees it for the first time.
_GROUPS = {
    THE_FIVE: ": papers compare with these most; begin here",
    "gradient": ": further methods that take one",
    "gradient-free": ": these take none",
    "attention": ": of transformers alone",
    BASELINES: ": maps that any method has to beat",
}
_COST = (
    "The cost of a method is in runs of the model for one image; a tail run is one of what follows "
    "the target layer."
)
_LISTS = (
    ("method", "methods", "methods", "gradcam++", _COST),
    ("adapter", "archs", "architectures whose target layer is known", "timm.models.vgg", ""),
    ("renderer", "renderers", "renderers, the styles of pictures", "overlay", ""),
    ("metric", "metrics", "metrics that judge methods on any model and image", "insertion", ""),
    ("source", "sources", "sources of models, as in --model SOURCE:NAME", "timm", ""),
)


def add_list_commands(subparsers: Any) -> None:
    """Add the five commands to the command's subparsers."""
    for kind, name, what, one, more in _LISTS:
        parser = subparsers.add_parser(
            f"list-{name}",
            help=f"list the {what}",
            description=f"List the {what}: name, what it does, and the package it comes from "
            f"where that is not camkit. Imports none of them. {more}".rstrip(),
            epilog=f"examples:\n  camkit list-{name}\n  camkit list-{name} --json\n"
            f"  camkit info {one}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
            allow_abbrev=False,
        )
        parser.add_argument("--json", action="store_true", help="print JSON, problems included")
        parser.add_argument(
            "--strict", action="store_true", help="exit with 1 if a plugin is left out"
        )
        parser.set_defaults(func=list_plugins, listed=kind)


def list_plugins(args: argparse.Namespace) -> int:
    """Print the plugins of a kind; returns 0, or with --strict 1 if a plugin is left out."""
    return _list(args.listed, args)


def _list(kind: str, args: argparse.Namespace) -> int:
    rows, problems = get_registry().contributions(kind), get_registry().problems()
    code = int(args.strict and any(problem.left_out for problem in problems))
    if args.json:
        from dataclasses import asdict

        records = [_record(row) for row in rows]
        left_out = [asdict(problem) for problem in problems]
        put_json({"schema": 1, f"{kind}s": records, "problems": left_out})
        return code
    for line in _lines(kind, rows, terminal_width()):
        put(line)
    for problem in problems:
        say(str(problem))
    return code


def _lines(kind: str, rows: Sequence[Contribution], width: int) -> list[str]:
    """The lines of the table; methods stand under a heading for each group."""
    if kind != "method":
        return table([_cells(row) for row in rows], width)
    groups = grouped(rows)
    marks = [
        ["  " + cell if not place else cell for place, cell in enumerate(_cells(row))]
        for group in groups.values()
        for row in group
    ]
    return _under_headings(groups, marks, width)


def heading(group: str) -> str:
    """A group of methods, and what it means."""
    return f"{visible(group)}{_GROUPS.get(group, '')}"


def _under_headings(
    groups: dict[str, list[Contribution]], rows: list[list[str]], width: int
) -> list[str]:
    """One table for all groups, with their headings between its rows."""
    headings = {}
    start = 0
    for group, members in groups.items():
        headings[start] = heading(group)
        start += len(members)
    lines, number = [], -1
    for line in table(rows, width):
        if len(line) - len(line.lstrip()) == 2:  # the first line of a row
            number += 1
            lines += [headings[number]] if number in headings else []
        lines.append(line)
    return lines


def _cells(row: Contribution) -> list[str]:
    """Name, summary, what a user wants to know before it runs, and the package."""
    facts = row.facts
    told = [facts_of(row).cost] if row.kind == "method" else []
    told = [direction(facts)] if isinstance(facts, Metric) else told
    return [_asked_as(row), _sentence(row), *told, _origin(row)]


def _sentence(row: Contribution) -> str:
    """The summary; of a metric without the shape of its values."""
    return re.sub(r"[:,] \(N,\)", "", row.summary)


def direction(metric: Metric) -> str:
    """Which of two values of a metric is the better one, in words."""
    if metric.higher_is_better is None:
        return "direction not stated"
    better = "higher is better" if metric.higher_is_better else "lower is better"
    if not metric.check:
        return better
    side = "below" if metric.higher_is_better else "above"
    return f"a check: fails {side} {metric.limit:g}" if metric.limit is not None else "a check"


def _asked_as(row: Contribution) -> str:
    """The shortest name that means this contribution."""
    return row.qualified if row.status in ("shadowed", "conflict") else row.name


def _origin(row: Contribution) -> str:
    """The package, where it is not camkit itself."""
    package = "" if row.distribution == BUILT_IN else row.origin
    return f"{package} ({row.status})".lstrip() if row.status else package


def _record(row: Contribution) -> dict[str, Any]:
    keys = ("name", "qualified", "summary", "distribution", "version", "value", "status")
    record = {key: getattr(row, key) for key in keys}
    return {**record, **_stated(row)}


def _stated(row: Contribution) -> dict[str, Any]:
    """What a method or a metric states of itself that its user may want to know."""
    group = {"group": group_of(row)} if row.kind == "method" else {}
    return {**group, **{key: getattr(row.facts, key) for key in _STATED.get(row.kind, ())}}
