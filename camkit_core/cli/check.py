"""`camkit check`: run the conformance kit on a plugin."""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any

from ..errors import ArgumentError
from ..plugins import get_registry
from ..plugins.contribution import KINDS
from .common.answers import put, put_json
from .common.arguments import input_size, stated
from .listing.plugin_names import find_plugin

EXAMPLES = """examples:
  camkit check gradcam
  camkit check --all
  camkit check --all --kind renderer
  camkit check overlay insertion
  camkit check timm --model test_resnet
  camkit check torchvision.models.resnet --model resnet18 --size 64 --size 64x96
"""
_A = {"adapter": "an adapter", "source": "a source"}  # what needs a model
MARKS = {"passed": "ok", "failed": "FAILED", "expected failure": "known", "skipped": "skipped"}


def add_check_command(subparsers: Any) -> None:
    """Add the subcommand to the parser of `camkit`."""
    parser = subparsers.add_parser(
        "check",
        help="check that a plugin keeps what camkit promises of it",
        description="Run the conformance kit on an installed method, adapter, renderer, metric or "
        "source: shapes, ranges, batches, dtypes, threads, and that model and process are left as "
        "they were. The exit code is 1 if a check fails.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("name", nargs="*", metavar="NAME", help="of the plugin, or several")
    parser.add_argument(
        "--kind", choices=KINDS, help="where several kinds have the name; of --all: method"
    )
    parser.add_argument("--all", action="store_true", help="every installed one of the kind")
    parser.add_argument(
        "--model",
        type=stated,
        metavar="M",
        help="for an adapter: as `camkit explain --model`; for a source: without its prefix",
    )
    parser.add_argument(
        "--size", type=input_size, action="append", metavar="N or HxW", help="that the model takes"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Print the outcome of each check; returns 1 if a check failed, else 0."""
    failed, documents = False, []
    for name, kind in _asked(args):
        outcomes = _outcomes(args, name, kind)
        failed = failed or any(outcome.status == "failed" for outcome in outcomes)
        if args.json:
            checks = [vars(outcome) for outcome in outcomes]
            documents.append({"name": name, "kind": kind, "checks": checks})
        else:
            _print(name, outcomes)
    if args.json:
        put_json({"schema": 1, "plugins": documents})
    return int(failed)


def _asked(args: argparse.Namespace) -> list[tuple[str, str]]:
    """The plugins to check: name and kind."""
    if args.name:
        kinds = [args.kind] if args.kind else KINDS
        return [(name, find_plugin(name, kinds).kind) for name in args.name]
    if not args.all:
        raise ArgumentError("name a plugin to check, or pass --all; see camkit list-methods")
    kind = args.kind or "method"
    if kind in _A:
        raise ArgumentError(f"{_A[kind]} is checked on a model: name it, and pass --model")
    rows = get_registry().contributions(kind)
    there = [row for row in rows if row.status not in ("missing", "disabled")]
    return [(row.qualified, kind) for row in there]


def _outcomes(args: argparse.Namespace, name: str, kind: str) -> Sequence[Any]:
    from .. import testing

    if kind == "adapter":
        return testing.outcomes(_adapter_checks(args, name))
    if kind == "source":
        model = _model_of(args, kind, f"a name of `camkit list-models {name}:`")
        return testing.outcomes(testing.source_checks(name, model))
    checks_of_kind: dict[str, Callable[[str], Sequence[Any]]] = {
        "method": testing.method_checks,
        "renderer": testing.renderer_checks,
        "metric": testing.metric_checks,
    }
    return testing.outcomes(checks_of_kind[kind](name))


def _adapter_checks(args: argparse.Namespace, name: str) -> Sequence[Any]:
    model = _model_of(args, "adapter", f"one of {name}, as --model resnet18 for ResNets")
    from ..loading.models import load_model
    from ..testing import adapter_checks

    loaded = load_model(model, "none")
    # A size of one number is that of a square.
    sizes = [(size[0], size[-1]) for size in args.size or [_usual_size(loaded)]]
    return adapter_checks(name, loaded.model, sizes)


def _model_of(args: argparse.Namespace, kind: str, which: str) -> str:
    """The model that a plugin is checked on."""
    if not args.model:
        raise ArgumentError(f"{_A[kind]} is checked on a model: pass --model, {which}")
    model: str = args.model
    return model


def _usual_size(loaded: Any) -> tuple[int, ...]:
    import numpy as np

    return tuple(loaded.preprocess(np.zeros((256, 256, 3), dtype=np.uint8)).shape[1:])


def _print(plugin: str, outcomes: Sequence[Any]) -> None:
    put(plugin)
    width = max(len(outcome.name) for outcome in outcomes)
    for outcome in outcomes:
        reason = outcome.why.removeprefix(f"{outcome.name}: {outcome.text}; ")  # it stands there
        why = f": {reason}" if reason else ""
        put(f"  {MARKS[outcome.status]:7}  {outcome.name:{width}}  {outcome.text}{why}")
    counts = Counter(outcome.status for outcome in outcomes)
    totals = ", ".join(f"{counts[status]} {status}" for status in MARKS)
    put(f"{len(outcomes)} checks: {totals}")
