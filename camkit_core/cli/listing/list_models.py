"""`camkit list-models`: the models that `--model` takes by name."""

from __future__ import annotations

import argparse
import fnmatch
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from ...errors import CamkitError, UnknownName, counted, shown
from ...plugins import get_registry
from ...plugins.contribution import BUILT_IN, Contribution, imported
from ...plugins.facts import Listing
from ...plugins.lookup import blaming_plugin
from ..common.answers import put, put_json
from ..common.messages import say
from ..common.parser import close_to, did_you_mean
from .remembered import remembered
from .table import table, terminal_width

EXAMPLES = """examples:
  camkit list-models vit
  camkit list-models "resnet*"
  camkit list-models ultralytics:
  camkit list-models --task detection --with-weights
  camkit list-models convnext --json
"""
TASKS = ("classification", "detection", "segmentation", "text-image")
_PLAIN = ("torchvision", "timm")  # whose names need no prefix, the first before the second
_MORE = (
    "any image model of the Hugging Face Hub is --model hf:OWNER/NAME, a folder of save_pretrained "
    "hf:FOLDER, a model of your own package.module:factory"
)


@dataclass(frozen=True)
class Named:
    """A model as `--model` takes it."""

    model: str
    source: str
    task: str
    weights: tuple[str, ...]


def add_list_models_command(subparsers: Any) -> None:
    """Add the subcommand to the parser of `camkit`."""
    parser = subparsers.add_parser(
        "list-models",
        help="list the models that --model takes by name",
        description="List the models of all installed sources: the name for --model, the task, and "
        "the names of the weights, the usual ones first; none has only random weights. "
        "Others than the usual are named behind the model: resnet50.IMAGENET1K_V1, "
        "timm:resnet50.a1_in1k, clip:ViT-B-32/openai.",
        epilog=EXAMPLES,
        allow_abbrev=False,
    )
    parser.add_argument(
        "pattern",
        nargs="?",
        default="",
        metavar="PATTERN",
        help='a part of the name, or a pattern with *, as "resnet*"; a source as timm:',
    )
    parser.add_argument("--task", choices=TASKS, help="only models of this task")
    parser.add_argument("--with-weights", action="store_true", help="only models with weights")
    parser.add_argument("--json", action="store_true", help="print JSON, problems included")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Print the models; returns 0.

    Raises:
        UnknownName: if no model fits, with the closest names.
    """
    every, problems = _every(args.pattern)
    models = [
        each
        for each in every
        if _fits(each.model, each.source, args.pattern)
        and args.task in (None, each.task)
        and (each.weights or not args.with_weights)
    ]
    if not models:
        raise _none(args.pattern, every, problems)
    if args.json:
        put_json({"schema": 1, "models": [vars(each) for each in models], "problems": problems})
        return 0
    for line in table([_cells(each) for each in models], terminal_width(), wrapped=2):
        put(line)
    for problem in problems:
        say(problem)
    say(f"{counted(len(models), 'model')}; {_MORE}")
    return 0


def _every(pattern: str) -> tuple[list[Named], list[str]]:
    """The models of every source that the pattern may mean, and why some cannot be listed."""
    models, problems, taken = [], [], set()
    for row in _sources(pattern):
        try:
            listed = _listed(row)
        except CamkitError as error:
            problems.append(f"{row.name}: {error}")
            continue
        for each in listed:
            plain = row.name in _PLAIN and each.name not in taken
            name = each.name if plain else f"{row.name}:{each.name}"
            models.append(Named(name, row.name, each.task, tuple(each.weights)))
            taken |= {each.name} if plain else set()
    return models, problems


def _sources(pattern: str) -> list[Contribution]:
    """The sources that a pattern may mean, those without a prefix first."""
    rows = [row for row in get_registry().contributions("source") if not row.status]
    prefix, colon, _ = pattern.partition(":")
    rows = [row for row in rows if row.name == prefix and colon] or rows
    return sorted(rows, key=lambda row: (*_PLAIN, row.name).index(row.name))


def _listed(row: Contribution) -> list[Any]:
    """The models of a source; those of the libraries that take long to import are remembered."""
    if row.distribution == BUILT_IN and row.name in _PLAIN:
        return remembered(row.name, ("torchvision", "timm", "torch"), lambda: _asked(row))
    return _asked(row)


def _asked(row: Contribution) -> list[Any]:
    with blaming_plugin(f"source {row.name!r} ({row.origin})", row.origin):
        facts = row.facts
        stated = facts.models if isinstance(facts, Listing) else ""
        return list(imported(stated)()) if stated else []


def _fits(model: str, source: str, pattern: str) -> bool:
    """Whether a pattern means a model; case, hyphen and underscore do not count."""
    wanted, plain = _folded(pattern), _folded(model.removeprefix(f"{source}:"))
    names = {plain, f"{_folded(source)}:{plain}"}
    if any(mark in wanted for mark in "*?["):
        return any(fnmatch.fnmatchcase(name, wanted) for name in names)
    return any(wanted in name for name in names)


def _folded(name: str) -> str:
    return re.sub(r"[-_]", "_", name.casefold())


def _cells(model: Named) -> list[str]:
    return [model.model, model.task or "-", ", ".join(model.weights) or "none"]


def _none(pattern: str, every: Iterable[Named], problems: list[str]) -> UnknownName:
    close = close_to(pattern, [each.model for each in every])[:5]
    because = f"; not listed: {'; '.join(problems)}" if problems else ""
    return UnknownName(
        f"no model fits {shown(pattern)}.{did_you_mean(close)} Beside those of the "
        f"lists, {_MORE}{because}"
    )
