"""What is wrong with maps: empty, equal to another method's, or failing a check."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch

from ...errors import counted
from ...plugins.facts import Method
from ...results.explanation import Explanation
from .judgement import Judgement
from .standings import Standing
from .wording import listed, number, spaced

_SAME = 1e-4  # of [0, 1]: less than a step of the colour scale


class Failure(NamedTuple):
    """A method that fails a check, and the verdict's sentence on it."""

    method: str
    sentence: str


def equal_maps(judgement: Judgement) -> list[str]:
    """A sentence for each method whose maps other methods repeat."""
    groups: dict[str, dict[str, float]] = {}  # by the first of a group, how far others differ
    for name in judgement.methods:
        explanations = judgement.explanations[name]
        distances = {
            first: _distance(judgement.explanations[first], explanations) for first in groups
        }
        first = next((other for other, distance in distances.items() if distance <= _SAME), None)
        if first is not None:
            groups[first][name] = distances[first]
        elif not _blank(explanations):
            groups[name] = {}
    return [_equal(first, others, judgement) for first, others in groups.items() if others]


def _distance(first: Sequence[Explanation], second: Sequence[Explanation]) -> float:
    """The largest difference between the heatmaps of two methods."""
    pairs = zip(first, second, strict=True)
    return max(float((left.heatmap - right.heatmap).abs().max()) for left, right in pairs)


def _equal(first: str, others: dict[str, float], judgement: Judgement) -> str:
    verb = "equals" if len(others) == 1 else "equal"
    largest = f"largest difference {max(others.values()):.1g}"
    text = f"{listed(list(others))} {verb} {first} here ({largest})"
    facts = [judgement.method_facts.get(name, Method()) for name in (first, *others)]
    if all(method.gradient_weighted for method in facts):
        return f"{text}: one map, as where global pooling follows the layer."
    return f"{text}: they are one map."


def blank_maps(judgement: Judgement) -> list[str]:
    """A sentence for each method that found no evidence in some images."""
    sentences = []
    for name in judgement.methods:
        reasons = [
            reason for explanation in judgement.explanations[name] for reason in explanation.reasons
        ]
        blank = [reason for reason in reasons if reason]
        if blank:
            which = f"{len(blank)} of {counted(len(reasons), 'map')}"
            sentences.append(f"{name} finds no evidence in {which}: {blank[0]}.")
    return sentences


def blank_everywhere(judgement: Judgement) -> tuple[str, ...]:
    """The methods none of whose maps has evidence."""
    return tuple(name for name in judgement.methods if _blank(judgement.explanations[name]))


def _blank(explanations: Sequence[Explanation]) -> bool:
    return not any(bool(torch.any(explanation.heatmap)) for explanation in explanations)


def failures(standings: Sequence[Standing]) -> tuple[Failure, ...]:
    """The methods that fail a check, each with its sentence; those of shortcuts come last."""
    return (*failed_checks(standings), *rewarded_shortcuts(standings))


def failed_checks(standings: Sequence[Standing]) -> list[Failure]:
    """Methods past a limit that always counts, as of maps that survive a change of all weights."""
    return [
        Failure(name, f"{name} {_failure(check, name)}.")
        for check in standings
        if not check.facts.shortcut
        for name in check.failing
    ]


def rewarded_shortcuts(standings: Sequence[Standing]) -> list[Failure]:
    """Methods past the limit of a check whose shortcut does well on other metrics."""
    return [
        Failure(name, f"{name} {_failure(check, name)}: {why}, so that says nothing for it.")
        for check in standings
        if (why := _reward(check, standings))
        for name in check.failing
    ]


def _failure(check: Standing, name: str) -> str:
    """What is said of a method that fails, after its name."""
    usual = f"fails the {spaced(check.metric)} check ({{value}}, and the limit is {{limit}})"
    text = (check.facts.failure or usual).replace("{limit}", str(check.facts.limit))
    return text.replace("{value}", number(check.means[name].mean))


def _reward(check: Standing, standings: Sequence[Standing]) -> str:
    """What the shortcut of a check does well on; "" where no metric rewards it."""
    rewarding = [
        spaced(standing.metric) for standing in standings if standing.facts.rewards == check.metric
    ]
    if not check.facts.shortcut or not rewarding:
        return ""
    return f"{check.facts.shortcut} by itself does well on {listed(rewarding)}"
