"""`camkit evaluate`: methods where the truth is known."""

from __future__ import annotations

import argparse
import itertools
import math
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from ..inputs.shipped_networks import FAMILIES
from .common.answers import put, put_json
from .common.arguments import names, positive, stated
from .common.messages import say, visible

if TYPE_CHECKING:
    from ..testing.ground_truth.outcome import MeasuredOutcome

EXAMPLES = """examples:
  camkit evaluate --tier 0
  camkit evaluate --tier 0 --method gradcam,scorecam --json
  camkit evaluate --tier 1 --method gradcam,scorecam --arch vgg,vit --output results
"""


def add_evaluate_command(subparsers: Any) -> None:
    """Add `evaluate` to the command's subparsers."""
    parser = subparsers.add_parser(
        "evaluate",
        help="check methods where the truth is known",
        description="Tier 0 asks for exact truth: closed forms, networks whose classes cannot see "
        "each other's part of the image, planted patterns, and chance where nothing can be known. "
        "It needs no file and no training, and takes about a minute. Tier 1 scores methods on "
        "small trained networks by the masks of glyph scenes, and by the network's scores for the "
        "same scene with one glyph exchanged. It takes some minutes.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--tier", type=int, choices=(0, 1), default=0, help="default: 0")
    parser.add_argument(
        "--method",
        type=names,
        metavar="M[,M...]",
        help="of `camkit list-methods` (default: all)",
    )
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    group = parser.add_argument_group("tier 1")
    group.add_argument(
        "--arch",
        "--family",
        type=names,
        default=list(FAMILIES),
        metavar="A[,A...]",
        help=f"of {', '.join(FAMILIES)} (default: all)",
    )
    group.add_argument(
        "--scenes", type=positive, default=100, metavar="N", help="for each network (default: 100)"
    )
    group.add_argument(
        "--output", type=stated, metavar="DIR", help="write tier1.md and tier1.json there"
    )
    parser.set_defaults(func=run)


def run(args: argparse.Namespace) -> int:
    """Run the command; 1 if a check fails, else 0."""
    if args.tier == 1:
        from .evaluate_tier1 import tier1

        return tier1(args)
    return tier0(args.method, args.json)


def tier0(methods: list[str] | None, as_json: bool) -> int:
    """Print every outcome of tier 0; 1 if a check failed, else 0."""
    import warnings

    from ..errors import CamkitWarning
    from ..forward.chunks import bar as progress
    from ..testing.ground_truth.tier0 import evaluate, quick

    names = quick() if methods is None else methods
    done = itertools.chain([0], itertools.repeat(1))  # nothing is done when the first begins
    with warnings.catch_warnings(), progress(total=len(names) + 1, unit="method") as bar:
        warnings.simplefilter("ignore", CamkitWarning)

        def watch(name: str) -> None:
            bar.set_description_str(visible(name), refresh=False)
            bar.update(next(done))

        outcomes: list[MeasuredOutcome] = []
        for outcome in evaluate(names, watch):
            bar.update(0)  # shows the time
            outcomes.append(outcome)
    failed = [outcome for outcome in outcomes if outcome.verdict == "FAILED"]
    if as_json:
        document = {"schema": 1, "tier": 0, "findings": [_record(each) for each in outcomes]}
        put_json(document)
    else:
        _print(outcomes)
    say(f"{len(outcomes) - len(failed)} findings, {len(failed)} failures")
    return int(bool(failed))


def _record(outcome: MeasuredOutcome) -> dict[str, Any]:
    number = None if math.isnan(outcome.number) else outcome.number
    return {**asdict(outcome), "number": number}


def _print(outcomes: list[MeasuredOutcome]) -> None:
    for name in dict.fromkeys(outcome.method for outcome in outcomes):
        put(name)
        for outcome in outcomes:
            if outcome.method == name:
                put(f"  {outcome}")
