"""What a map must not be: empty, another method's, blind to the weights, or all of the image."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from ...plugins import get_registry
from ...plugins.method_groups import facts_of
from ...results.explanation import Explanation
from .judgement import BASELINES, Judgement
from .standings import Standing
from .wording import counted, listed, number, spaced

ALIKE = 0.8  # similarity from which a map did not notice that the weights were randomised
WHOLE = 0.9  # area from which a map is nearly all of the image
_SAME = 1e-4  # of [0, 1]: less than a step of the colour scale

# What a map that keeps the whole image does well in.
_REWARDS_AREA = ("average_drop", "average_increase", "average_gain")


def methods_of(judgement: Judgement) -> tuple[str, ...]:
    """The methods, in the order asked for, without the baselines."""
    return tuple(name for name in judgement.explanations if name not in BASELINES)


def equal_maps(judgement: Judgement) -> list[str]:
    """A sentence for each method whose maps several others repeat."""
    groups: dict[str, dict[str, float]] = {}
    for name in methods_of(judgement):
        found = judgement.explanations[name]
        apart = {first: _apart(judgement.explanations[first], found) for first in groups}
        first = next((one for one, distance in apart.items() if distance <= _SAME), None)
        if first is not None:
            groups[first][name] = apart[first]
        elif any(bool(one.heatmap.any()) for one in found):
            groups[name] = {}
    return [_equal(first, others) for first, others in groups.items() if others]


def _apart(first: Sequence[Explanation], second: Sequence[Explanation]) -> float:
    pairs = zip(first, second, strict=True)
    return max(float((one.heatmap - two.heatmap).abs().max()) for one, two in pairs)


def _equal(first: str, others: dict[str, float]) -> str:
    verb = "equals" if len(others) == 1 else "equal"
    largest = f"largest difference {max(others.values()):.1g}"
    text = f"{listed(list(others))} {verb} {first} here ({largest})"
    if _gradient_weighted({first, *others}):
        return f"{text}: one map, as where global pooling follows the layer."
    return f"{text}: they are one map."


def _gradient_weighted(names: set[str]) -> bool:
    """Whether all of these methods have one map where the gradient is the same everywhere."""
    rows = [row for row in get_registry().contributions("method") if row.name in names]
    return names <= {row.name for row in rows if facts_of(row).gradient_weighted}


def blank_maps(judgement: Judgement) -> list[str]:
    """A sentence for each method that found no evidence in some images."""
    sentences = []
    for name in methods_of(judgement):
        reasons = [reason for one in judgement.explanations[name] for reason in one.reasons]
        blank = [reason for reason in reasons if reason]
        if blank:
            why = next(iter(dict.fromkeys(blank)))
            which = f"{len(blank)} of {counted(len(reasons), 'map')}"
            sentences.append(f"{name} finds no evidence in {which}: {why}.")
    return sentences


def failed_randomisation(found: Sequence[Standing]) -> dict[str, str]:
    """The methods whose maps survive a change of all weights, each with a sentence."""
    return {
        name: f"{name} fails the randomisation check: its maps stay alike ({number(alike)}) when "
        f"the weights are randomised, so they do not show what the model learned."
        for name, alike in _means("randomisation", found).items()
        if alike >= ALIKE
    }


def gamed_by_area(found: Sequence[Standing]) -> dict[str, str]:
    """The methods whose maps are nearly the whole image, where a metric rewards that."""
    rewarding = [one.metric for one in found if one.metric in _REWARDS_AREA]
    if not rewarding:
        return {}
    which = listed([spaced(metric) for metric in rewarding])
    return {
        name: f"{name} is high nearly everywhere (area {number(area)}): keeping the whole image "
        f"by itself does well on {which}, so that says nothing for it."
        for name, area in _means("area", found).items()
        if area >= WHOLE
    }


def blank_everywhere(judgement: Judgement) -> tuple[str, ...]:
    """The methods none of whose maps has evidence."""
    found = judgement.explanations
    return tuple(
        name
        for name in methods_of(judgement)
        if not any(bool(torch.any(one.heatmap)) for one in found[name])
    )


def _means(metric: str, found: Sequence[Standing]) -> dict[str, float]:
    return {
        name: standing.means[name].mean
        for standing in found
        if standing.metric == metric
        for name in standing.methods
    }
