"""Seeded bugs of facts: methods that state of themselves what is malformed, or does not hold."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import Tensor

from camkit_core import Probe


def stating(**facts: Any) -> Callable[[Probe], Tensor]:
    """Grad-CAM, with these attributes."""

    def gradcam(probe: Probe) -> Tensor:
        return probe.weighted_sum(probe.gradients.mean(probe.spatial_axes))

    for name, value in facts.items():
        setattr(gradcam, name, value)
    return gradcam


def gradient_times_activation(activations: Any, gradient: Any) -> Any:
    """The map where the gradient is the same everywhere."""
    return np.tensordot(gradient, activations, 1)


TRUE_FACTS = {
    "group": "a lab's own",
    "gradient_weighted": True,
    "closed_form": gradient_times_activation,
}
# By what is wrong: what the check says of it, and the method.
FALSE_FACTS = {
    "a group that is no text": ("group must be str", stating(group=["gradient"])),
    "a group of two lines": ("is no heading", stating(group="gradient\nfree")),
    "a group as long as a sentence": ("is no heading", stating(group="gradient " * 5)),
    "a need that nothing meets": ("needs must be one of", stating(needs="tale")),
    "tail runs that it never asks for": ("no tail run", stating(needs="tail")),
    "attention that it does not read": ("network that has none", stating(needs="attention")),
    "no class, which it reads": ("another class has another map", stating(needs_class=False)),
    "no layer, which it reads": ("another layer has another map", stating(reads_layer=False)),
    "positions, where it weighs channels": ("its map goes to", stating(position_wise=True)),
    "that it is costly, which it is not": ("takes 0.2 runs", stating(costly=True)),
    "a closed form that is a text": ("closed_form must be", stating(closed_form="g * a")),
    "a closed form of another map": (
        "not that of its closed_form",
        stating(closed_form=lambda activations, gradient: activations.sum(0)),
    ),
    "a closed form of another shape": (
        "not that of its closed_form",
        stating(closed_form=lambda activations, gradient: gradient),
    ),
    "a reason that is no text": (
        "expected_failures must be",
        stating(expected_failures={"target": 3}),
    ),
}


def squared(probe: Probe) -> Tensor:
    """States that it is gradient times activation, and squares the activations."""
    return probe.channel_sum(probe.gradients * probe.activations.square())


squared.gradient_weighted = True  # type: ignore[attr-defined]
FALSE_FACTS["gradients, where it weighs otherwise"] = ("not gradient times activation", squared)
