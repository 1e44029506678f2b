"""Tier 1's scores as a page and as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...metrics.judging.baselines import BASELINES
from ...metrics.judging.bootstrap import Interval, difference_interval, mean_interval
from ...plugins.method_groups import THE_FIVE, methods_of
from .tier1 import CEILING, SCORES, UNTRAINED, NetworkScores

Networks = Mapping[str, NetworkScores]  # by family
Records = Mapping[str, Mapping[str, str]]  # by family, what its weights file says of its training


def compared(network: NetworkScores) -> dict[str, dict[str, tuple[Interval, bool]]]:
    """By score and method: its mean with its interval, and whether it is as good as the best.

    A method is as good as the best if the interval of their paired difference reaches 0. Baselines
    and the ceiling take no part in that.
    """
    by_score: dict[str, dict[str, tuple[Interval, bool]]] = {}
    for column, score in enumerate(SCORES):
        values = {name: scores[:, column] for name, scores in network.scores.items()}
        intervals = {name: mean_interval(each) for name, each in values.items()}
        methods = [name for name in values if name not in (*BASELINES, UNTRAINED, CEILING)]
        best = max(methods, key=lambda name: intervals[name].mean, default=None)
        by_score[score] = {}
        for name, each in values.items():
            worse = best is not None and difference_interval(values[best], each).low > 0
            by_score[score][name] = intervals[name], name in methods and not worse
    return by_score


def not_above(network: NetworkScores, methods: Sequence[str]) -> list[tuple[str, str, str]]:
    """Method, score and baseline, wherever a method is not certainly above edges and centre."""
    triples = []
    for column, score in enumerate(SCORES):
        if score in ("discrimination", "rank correlation"):
            continue  # both have chance for any map that depends on no class
        for name in methods:
            for baseline in ("edges", "centre"):
                pair = network.scores[name][:, column], network.scores[baseline][:, column]
                if not difference_interval(*pair).low > 0:
                    triples.append((name, score, baseline))
    return triples


def page(networks: Networks, records: Records, made_by: str, guide: str = "evaluation.md") -> str:
    """The scores as Markdown, a table for each family.

    Args:
        networks: the scores.
        records: of the same families.
        made_by: the command that makes this page.
        guide: the path, seen from the page, of the text that says how it was done.
    """
    lines = [
        "# Methods on scenes with known truth",
        "",
        f"Made by `{made_by}`. How it was done is said in [evaluation]({guide}). Bold is the "
        "best method of a score, and each that does not differ from it (paired bootstrap over "
        "scenes, 95 %). In brackets stand the intervals.",
        "",
    ]
    for family, network in networks.items():
        lines += [*_family(family, network, records[family]), ""]
    return "\n".join(lines)


def _family(family: str, network: NetworkScores, record: Mapping[str, str]) -> Iterable[str]:
    grid = "x".join(map(str, network.grid))
    yield f"## {family}"
    yield ""
    yield (
        f"Layer `{network.layer}`, {grid}. {network.scenes} scenes, all of whose labels the "
        f"network gets right, of {network.seen}; its per-label accuracy is "
        f"{record['per-label accuracy']}."
    )
    yield ""
    yield f"| method | {' | '.join(SCORES)} |"
    yield f"|---|{'---|' * len(SCORES)}"
    by_score = compared(network)
    for name in network.scores:
        cells = [_cell(*by_score[score][name]) for score in SCORES]
        yield f"| {name} | {' | '.join(cells)} |"
    yield f"| chance | {' | '.join(f'{network.chance[score]:.3f}' for score in SCORES)} |"
    yield ""
    yield standing(network)
    for name, why in network.refused.items():
        yield f"\n{name} does not apply: {why}"


def standing(network: NetworkScores) -> str:
    """Whether the five are above the baselines, in a sentence."""
    below = not_above(network, [name for name in methods_of(THE_FIVE) if name in network.scores])
    if not below:
        return "Each of the five is above the edges and the centre in all three scores of place."
    listed = "; ".join(f"{name} in {score} above {baseline}" for name, score, baseline in below)
    return f"Not for certain: {listed}."


def _cell(interval: Interval, best: bool) -> str:
    if math.isnan(interval.mean):
        return "none"
    mean = f"**{interval.mean:.3f}**" if best else f"{interval.mean:.3f}"
    return f"{mean} [{interval.low:.3f}, {interval.high:.3f}]"


def document(networks: Networks, records: Records) -> dict[str, Any]:
    """The scores ready for JSON: of each family a list of networks, here of one."""
    return {
        "schema": 1,
        "scores": list(SCORES),
        "families": {
            family: [_network(network, records[family])] for family, network in networks.items()
        },
    }


def _network(network: NetworkScores, record: Mapping[str, str]) -> dict[str, Any]:
    return {
        "seed": int(record["seed"]),
        "training": dict(record),
        "layer": network.layer,
        "grid": list(network.grid),
        "scenes": network.scenes,
        "seen": network.seen,
        "chance": network.chance,
        "refused": network.refused,
        "means": _means(network),
    }


def _means(network: NetworkScores) -> dict[str, dict[str, Any]]:
    by_score = compared(network)
    return {
        name: {score: _summary(*by_score[score][name]) for score in SCORES}
        for name in network.scores
    }


def _summary(interval: Interval, as_good_as_best: bool) -> dict[str, Any]:
    return {**_numbers(interval), "as_good_as_best": as_good_as_best}


def _numbers(interval: Interval) -> dict[str, float | None]:
    pairs = zip(("mean", "low", "high"), interval, strict=True)
    return {name: None if math.isnan(value) else round(value, 5) for name, value in pairs}
