"""Score camkit's methods on scenes whose truth is known, for networks of several seeds.

    python benchmarks/tier1.py --output docs/results                  the shipped networks
    python benchmarks/tier1.py --train weights --seeds 3 --output docs/results

The second command makes the page of the docs: it trains the networks that are not in the folder
`weights` yet, and takes 86 minutes on four cores. `camkit evaluate --tier 1` makes the same tables
for the shipped networks, which are those of seed 0.
"""

from __future__ import annotations

import argparse
import json
import logging
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from train_networks import folder_of, train_all

from camkit_core.metrics.judging.bootstrap import mean_interval
from camkit_core.testing.ground_truth.networks import FAMILIES, WEIGHTS
from camkit_core.testing.ground_truth.tier1 import SCORES, NetworkScores
from camkit_core.testing.ground_truth.tier1_run import (
    checked_scenes,
    records,
    try_all,
    usual_methods,
)
from camkit_core.testing.ground_truth.tier1_table import document, page, standing

Scores = dict[str, NetworkScores]  # by family


def scored(args: argparse.Namespace) -> list[Scores]:
    """The scores of every family, for each seed."""
    seeds = []
    for seed in range(args.seeds):
        by_family = {}
        networks = try_all(args.arch, args.method, args.scenes, folder_of(args.weights, seed))
        for family, scores in networks:
            by_family[family] = scores
            print(f"{family}, seed {seed}: {standing(scores)}", flush=True)
        seeds.append({family: by_family[family] for family in args.arch})
    return seeds


def all_seeds(seeds: Sequence[Scores]) -> Iterable[str]:
    """The mean of each score, for every network of a family beside one another."""
    yield "## All seeds"
    yield ""
    yield f"| family | method | {' | '.join(SCORES)} |"
    yield f"|---|---|{'---|' * len(SCORES)}"
    for family, first in seeds[0].items():
        networks = [scores[family] for scores in seeds]
        for method in first.scores:
            cells = [_means(networks, method, column) for column in range(len(SCORES))]
            yield f"| {family} | {method} | {' | '.join(cells)} |"
    yield ""
    for family in seeds[0]:
        for seed, scores in enumerate(seeds):
            yield f"- {family}, seed {seed}: {standing(scores[family])}"
    yield ""


def _means(networks: Sequence[NetworkScores], method: str, column: int) -> str:
    means = [mean_interval(network.scores[method][:, column]).mean for network in networks]
    return ", ".join(f"{mean:.3f}" for mean in means)


def merged(documents: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The documents of several seeds as one: each family has a list of networks."""
    families = documents[0]["families"]
    lists = {name: [one["families"][name][0] for one in documents] for name in families}
    return {**documents[0], "families": lists}


def command(args: argparse.Namespace) -> str:
    """The command that makes the same page."""
    words = ["python benchmarks/tier1.py"]
    if args.method != usual_methods():
        words.append(f"--method {' '.join(args.method)}")
    if args.arch != list(FAMILIES):
        words.append(f"--arch {' '.join(args.arch)}")
    if args.scenes != 100:
        words.append(f"--scenes {args.scenes}")
    if args.weights != WEIGHTS:
        words.append(f"--train {args.weights.name} --seeds {args.seeds}")
    return " ".join(words)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--method", nargs="+", default=usual_methods(), help="default: all")
    parser.add_argument("--arch", nargs="+", default=list(FAMILIES), choices=FAMILIES)
    parser.add_argument("--scenes", type=int, default=100, help="for each network (100)")
    parser.add_argument(
        "--train",
        type=Path,
        default=WEIGHTS,
        dest="weights",
        metavar="DIR",
        help="train the networks that are not in DIR yet, and use those of DIR",
    )
    parser.add_argument("--seeds", type=int, default=1, help="networks of each family to train (1)")
    parser.add_argument("--output", type=Path, help="folder of tier1.md and tier1.json")
    args = parser.parse_args()
    if args.seeds > 1 and args.weights == WEIGHTS:
        parser.error("camkit ships one network of each family; for more seeds, pass --train DIR")
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    for control in checked_scenes():
        print(control)
    if args.weights != WEIGHTS:
        train_all(args.arch, args.seeds, args.weights)
    seeds = scored(args)
    training = [records(args.arch, folder_of(args.weights, seed)) for seed in range(args.seeds)]
    text = page(seeds[0], training[0], command(args), "../evaluation.md")
    if args.seeds > 1:
        text += "\n" + "\n".join(all_seeds(seeds))
    data = merged([document(*pair) for pair in zip(seeds, training, strict=True)])
    if args.output:
        args.output.mkdir(parents=True, exist_ok=True)
        (args.output / "tier1.md").write_text(text)
        (args.output / "tier1.json").write_text(json.dumps(data, indent=1) + "\n")


if __name__ == "__main__":
    main()
