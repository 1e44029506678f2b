"""Tier 1's trials as a page and as JSON."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from ...metrics.judging.baselines import BASELINES
from ...metrics.judging.bootstrap import Interval, difference_interval, mean_interval
from ...plugins.method_groups import THE_FIVE, methods_of
from .tier1 import CEILING, SCORES, UNTRAINED, NetworkScores

Trials = Mapping[str, NetworkScores]  # by family
Records = Mapping[str, Mapping[str, str]]  # by family, what its weights file says of its training


def compared(trial: NetworkScores) -> dict[str, dict[str, tuple[Interval, bool]]]:
    """By score and method: its mean with its interval, and whether it is as good as the best.

    As good is a method whose paired difference to the best one has an interval that reaches 0.
    Baselines and the ceiling take no part in that.
    """
    found: dict[str, dict[str, tuple[Interval, bool]]] = {}
    for column, score in enumerate(SCORES):
        values = {name: scores[:, column] for name, scores in trial.scores.items()}
        intervals = {name: mean_interval(one) for name, one in values.items()}
        ours = [name for name in values if name not in (*BASELINES, UNTRAINED, CEILING)]
        best = max(ours, key=lambda name: intervals[name].mean, default=None)
        found[score] = {}
        for name, one in values.items():
            apart = best is not None and difference_interval(values[best], one).low > 0
            found[score][name] = intervals[name], name in ours and not apart
    return found


def not_above(trial: NetworkScores, methods: Sequence[str]) -> list[tuple[str, str, str]]:
    """Method, score and baseline wherever a method is not above edges and centre for certain."""
    found = []
    for column, score in enumerate(SCORES):
        if score in ("discrimination", "rank correlation"):
            continue  # of which a map that knows no class has its chance
        for name in methods:
            for baseline in ("edges", "centre"):
                pair = trial.scores[name][:, column], trial.scores[baseline][:, column]
                if not difference_interval(*pair).low > 0:
                    found.append((name, score, baseline))
    return found


def page(trials: Trials, records: Records, made_by: str, guide: str = "evaluation.md") -> str:
    """The scores as Markdown, a table for each family.

    Args:
        trials: the scores.
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
    for family, trial in trials.items():
        lines += [*_family(family, trial, records[family]), ""]
    return "\n".join(lines)


def _family(family: str, trial: NetworkScores, record: Mapping[str, str]) -> Iterable[str]:
    grid = "x".join(map(str, trial.grid))
    yield f"## {family}"
    yield ""
    yield (
        f"Layer `{trial.layer}`, {grid}. {trial.scenes} scenes, all of whose labels the network "
        f"gets right, of {trial.seen}; its per-label accuracy is "
        f"{record['per-label accuracy']}."
    )
    yield ""
    yield f"| method | {' | '.join(SCORES)} |"
    yield f"|---|{'---|' * len(SCORES)}"
    found = compared(trial)
    for name in trial.scores:
        cells = [_cell(*found[score][name]) for score in SCORES]
        yield f"| {name} | {' | '.join(cells)} |"
    yield f"| chance | {' | '.join(f'{trial.chance[score]:.3f}' for score in SCORES)} |"
    yield ""
    yield standing(trial)
    for name, why in trial.refused.items():
        yield f"\n{name} does not apply: {why}"


def standing(trial: NetworkScores) -> str:
    """Whether the five are above the baselines, in a sentence."""
    below = not_above(trial, [name for name in methods_of(THE_FIVE) if name in trial.scores])
    if not below:
        return "Each of the five is above the edges and the centre in all three scores of place."
    told = "; ".join(f"{name} in {score} above {baseline}" for name, score, baseline in below)
    return f"Not for certain: {told}."


def _cell(interval: Interval, best: bool) -> str:
    if math.isnan(interval.mean):
        return "none"
    mean = f"**{interval.mean:.3f}**" if best else f"{interval.mean:.3f}"
    return f"{mean} [{interval.low:.3f}, {interval.high:.3f}]"


def document(trials: Trials, records: Records) -> dict[str, Any]:
    """The scores ready for JSON: of each family a list of networks, here of one."""
    return {
        "schema": 1,
        "scores": list(SCORES),
        "families": {
            family: [_network(trial, records[family])] for family, trial in trials.items()
        },
    }


def _network(trial: NetworkScores, record: Mapping[str, str]) -> dict[str, Any]:
    return {
        "seed": int(record["seed"]),
        "training": dict(record),
        "layer": trial.layer,
        "grid": list(trial.grid),
        "scenes": trial.scenes,
        "seen": trial.seen,
        "chance": trial.chance,
        "refused": trial.refused,
        "means": _means(trial),
    }


def _means(trial: NetworkScores) -> dict[str, dict[str, Any]]:
    found = compared(trial)
    return {
        name: {
            score: {**_numbers(found[score][name][0]), "as_good_as_best": found[score][name][1]}
            for score in SCORES
        }
        for name in trial.scores
    }


def _numbers(interval: Interval) -> dict[str, float | None]:
    pairs = zip(("mean", "low", "high"), interval, strict=True)
    return {name: None if math.isnan(value) else round(value, 5) for name, value in pairs}
