"""A correct metric, and metrics with one bug each."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from camkit_core import Case


def right_metric(case: Case) -> Tensor:
    """How far the score falls without what the heatmap shows."""
    drops = []
    for index, (image, heat) in enumerate(zip(case.images, case.heatmaps, strict=True)):
        before, after = case.scores(index, [image, image * (1 - heat)], total=2)
        drops.append(before - after)
    return torch.stack(drops)


right_metric.higher_is_better = True


def _metric(function: Any) -> Any:
    function.higher_is_better = True
    return function


@_metric
def _mean_of_the_batch(case):
    return right_metric(case).mean()


@_metric
def _less_the_mean_of_the_batch(case):
    return right_metric(case) - right_metric(case).mean()


@_metric
def _divides_by_the_map(case):
    return 1 / case.heatmaps.flatten(1).sum(1)


@_metric
def _draws_from_the_process(case):
    return right_metric(case) * torch.rand(1)


@_metric
def _writes_into_the_weights(case):
    parameter = next(case._probe.recording.model.parameters())
    parameter.data.mul_(1.001)
    return right_metric(case)


@_metric
def _edits_the_maps(case):
    case.heatmaps.numpy()[:] **= 2
    return right_metric(case)


def _without_direction(case):
    return right_metric(case)


def _stating(**facts: Any) -> Any:
    """The right metric, with these attributes."""

    def stating(case):
        return right_metric(case)

    for name, value in {"higher_is_better": True, **facts}.items():
        setattr(stating, name, value)
    return stating


WELL_STATED = _stating(
    check=True, limit=0.1, failure="falls ({value})", reading="How far it falls."
)
METRICS = {
    "says no direction": ("direction", _without_direction),
    "a limit that is a text": ("facts", _stating(check=True, limit="0.9")),
    "a limit, and no check": ("facts", _stating(limit=0.9)),
    "a failure, and no limit": ("facts", _stating(check=True, failure="falls")),
    "a shortcut, and no limit": ("facts", _stating(check=True, shortcut="falling")),
    "a reading as long as a page": ("facts", _stating(reading="How far it falls. " * 30)),
    "a reading of two lines": ("facts", _stating(reading="How far\nit falls.")),
    "rewards what there is not": ("facts", _stating(rewards="volume")),
    "rewards what has no shortcut": ("facts", _stating(rewards="insertion")),
    "a baseline that there is not": ("facts", _stating(unbeatable=("black",))),
    "a baseline that is no tuple": ("facts", _stating(unbeatable="uniform")),
    "one value for all": ("values", _mean_of_the_batch),
    "divides by an empty map": ("empty-map", _divides_by_the_map),
    "compares with the batch": ("batch", _less_the_mean_of_the_batch),
    "draws without a seed": ("repeat", _draws_from_the_process),
    "edits the maps": ("given", _edits_the_maps),
    "changes the weights": ("untouched", _writes_into_the_weights),
}
