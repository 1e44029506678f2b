"""What a judgement holds: the explanations, what each metric says of them, what they cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from torch import Tensor

from ...plugins.facts import Method, Metric
from ...results.explanation import Explanation
from .baselines import BASELINES


@dataclass(frozen=True, eq=False)
class Measure:
    """What one metric says of one method or baseline.

    Attributes:
        metric: the metric's name.
        method: the method's name, or that of a baseline.
        values: (T * N,), float64, on the CPU: a value for each explained image, target by target;
            nan where the metric is not defined, as for an empty map.
        higher_is_better: the metric's direction.
        seconds: what computing it took.
    """

    metric: str
    method: str
    values: Tensor
    higher_is_better: bool
    seconds: float = 0.0


@dataclass(frozen=True)
class Cost:
    """What one method's maps cost.

    Attributes:
        seconds: for all images and targets, with a forward pass of its own.
        forward_passes: runs of the whole model, for each image and target.
        tail_passes: runs of only the layers after the target layer, for each image and target.
        backward_passes: gradient computations, for each image and target.
    """

    seconds: float
    forward_passes: float = 0.0
    tail_passes: float = 0.0
    backward_passes: float = 0.0


@dataclass(frozen=True, eq=False)
class Judgement:
    """Methods judged on the user's own model and images.

    Attributes:
        explanations: by method in the order asked for, then by baseline: an explanation for each
            target.
        measures: a measure for each metric and each method or baseline.
        costs: by method; baselines have none.
        names: a short name for each of the T * N explained images, such as "dog.jpg, pug".
        pictures: the picture of each, (H, W, 3) uint8.
        provenance: model, layer, versions, seeds: ready for JSON.
        metric_facts: by metric, what it states of itself.
        method_facts: by method, what it states of itself.
    """

    explanations: dict[str, tuple[Explanation, ...]]
    measures: tuple[Measure, ...]
    costs: dict[str, Cost]
    names: Sequence[str]
    pictures: Sequence[Any]
    provenance: dict[str, Any] = field(default_factory=dict)
    metric_facts: Mapping[str, Metric] = field(default_factory=dict)
    method_facts: Mapping[str, Method] = field(default_factory=dict)

    @property
    def methods(self) -> tuple[str, ...]:
        """The methods, in the order asked for, without the baselines."""
        return tuple(name for name in self.explanations if name not in BASELINES)
