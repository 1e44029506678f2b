"""`camkit info`: what a method, metric, renderer, adapter or source does, and its options."""

from __future__ import annotations

import argparse
import sys
from dataclasses import asdict
from typing import Any

from ...plugins.contribution import KINDS, Contribution
from ...plugins.docstrings import parsed
from ...plugins.facts import Method, Metric
from ...plugins.method_groups import group_of
from ...plugins.options import described
from ..common.answers import put, put_json
from ..common.arguments import stated
from .info_text import account_of
from .lists import direction
from .plugin_names import find_plugin
from .table import terminal_width

EXAMPLES = """examples:
  camkit info gradcam++
  camkit info insertion
  camkit info overlay
  camkit info torchvision.models.resnet
  camkit info gradcam --json
"""


def add_info_command(subparsers: Any) -> None:
    """Add the subcommand to the parser of `camkit`."""
    parser = subparsers.add_parser(
        "info",
        help="show what a method, metric, renderer, adapter or source does, and its options",
        description="Show what is known of a plugin: formula, paper, options with their types and "
        "defaults; of a method its cost, of a metric its direction and how to read it.",
        epilog=EXAMPLES,
        allow_abbrev=False,
    )
    parser.add_argument("name", type=stated, metavar="NAME", help="as the lists have it")
    parser.add_argument("--kind", choices=KINDS, help="where several kinds have the name")
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Print what is known; returns 0."""
    plugin = find_plugin(args.name, [args.kind] if args.kind else KINDS)
    known = _known(plugin)
    if args.json:
        put_json({"schema": 1, **known})
    else:
        for line in account_of(known, terminal_width()):
            put(line)
    return 0


def _known(plugin: Contribution) -> dict[str, Any]:
    """All that is known of a plugin, ready for JSON."""
    function = plugin.load()
    doc = parsed(getattr(function, "__doc__", None))
    options = [
        {**asdict(option), "what": doc.arguments.get(option.name, "")}
        for option in described(function)
    ]
    return {
        "kind": plugin.kind,
        "name": plugin.name,
        "package": plugin.origin,
        "code": plugin.value,
        "summary": doc.summary or plugin.summary,
        "text": list(doc.text),
        "returns": doc.returns,
        "paper": _paper(function),
        **_facts(plugin),
        "options": options,
    }


def _paper(function: Any) -> str:
    """The first line of the module, where it names a paper or what it is taken from."""
    module = sys.modules.get(getattr(function, "__module__", None) or "")
    first = parsed(getattr(module, "__doc__", None)).summary
    return first if "http" in first else ""


def _facts(plugin: Contribution) -> dict[str, Any]:
    """What a method or a metric states of itself."""
    facts = plugin.facts
    if isinstance(facts, Method):
        names = ("cost", "needs", "needs_class", "reads_layer")
        return {"group": group_of(plugin), **{name: getattr(facts, name) for name in names}}
    if isinstance(facts, Metric):
        told = ("higher_is_better", "check", "limit", "reading", "rewards")
        stated = {name: getattr(facts, name) for name in told}
        return {"direction": direction(facts), **stated}
    return {}
