"""Maps known in advance: of a network with activations A and the score mean(w A), by formula.

The network passes its images on as activations, so each method's map can be written down in numpy,
without the engine. There are two images, not square, with targets of their own, and channels of all
kinds: for the class, against it, and dead.

The formulas of camkit's own methods stand here, by name, and not in the methods' files. That is on
purpose: a truth that is independent of the code which it is held against. Any other method may
bring its formula as the fact `closed_form`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from ...errors import CamkitError
from ...probe.further.configured_method import Method
from ..ways import Way, explained
from .outcome import MeasuredOutcome, inapplicable, passed_or_failed

Array = np.ndarray[Any, Any]
CHECK = "closed form"
TARGETS = (2, 0)
_WITHIN = 1e-5


class Affine(nn.Module):
    """Images as they are, averaged over positions, and one linear layer."""

    def __init__(self, weights: Tensor) -> None:
        super().__init__()
        self.layer = nn.Identity()
        self.head = nn.Linear(weights.shape[1], len(weights), bias=False, dtype=weights.dtype)
        self.head.weight = nn.Parameter(weights)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, K) of images (N, C, H, W)."""
        scores: Tensor = self.head(self.layer(images).mean((2, 3)))
        return scores


def by_formula(activations: Array, weights: Array) -> dict[str, Array]:
    """Each method's map (h, w), from activations (C, h, w) >= 0 and the weights of a class (C,).

    The gradient of the score is w / Z everywhere in a channel, Z being the number of positions.
    """
    positions = activations[0].size
    gradient = weights / positions
    sums = activations.sum((1, 2))
    positive = np.maximum(gradient, 0)
    return {
        "gradcam": _combined(gradient, activations),
        "xgradcam": _combined(gradient, activations),
        "hirescam": _combined(gradient, activations),
        "gradcam++": _combined(positions * positive / (2 + sums * positive), activations),
        "layercam": _combined(positive, activations),
        "gradcam_elementwise": _combined(positive, activations),
        "ablationcam": _combined(gradient * sums, activations),  # the drops of the score
        "scorecam": _combined(_masked(activations, weights), activations),
    }


def _masked(activations: Array, weights: Array) -> Array:
    """Score-CAM's weights: the softmax over channels of the scores of the masked images."""
    low = activations.min((1, 2), keepdims=True)
    spread = activations.max((1, 2), keepdims=True) - low
    masks = np.where(spread > 0, (activations - low) / np.where(spread > 0, spread, 1), 0)
    scores = np.array([weights @ (activations * mask).mean((1, 2)) for mask in masks])
    exponents = np.exp(scores - scores.max())
    return np.asarray(exponents / exponents.sum())


def _combined(weights: Array, activations: Array) -> Array:
    return np.asarray((weights[:, None, None] * activations).sum(0))


def check_closed_form(
    name: str,
    method: str | Method,
    closed_form: Callable[..., Any] | None = None,
    way: Way = "explain",
) -> list[MeasuredOutcome]:
    """Whether a method's map is its formula's.

    Args:
        name: the method's.
        method: itself, or its name.
        closed_form: the formula that it states: the map (h, w) of activations (C, h, w) and the
            gradient (C,). None for the one that is written down here; without one there is
            nothing to check.
        way: by which camkit explains.
    """
    rng = np.random.default_rng(0)
    activations = rng.uniform(0, 3, (2, 5, 3, 4)) * (rng.random((2, 5, 3, 4)) < 0.7)
    activations[:, 4] = 0  # a dead channel
    weights = rng.normal(size=(3, 5)) * 4
    cases = [(image, weights[target]) for image, target in zip(activations, TARGETS, strict=True)]
    if closed_form is not None:
        maps = [closed_form(image, row / image[0].size) for image, row in cases]
    elif name in by_formula(*cases[0]):
        maps = [by_formula(image, row)[name] for image, row in cases]
    else:
        return [inapplicable(name, CHECK, "its formula is not among those written down here")]
    expected = np.stack([np.asarray(cam, dtype=float) for cam in maps])
    network = Affine(torch.from_numpy(weights)).eval()
    try:
        images = torch.from_numpy(activations)
        cam = explained(way, network, images, method, TARGETS, layer="layer").cam
    except CamkitError as error:
        return [passed_or_failed(name, CHECK, False, float("nan"), str(error))]
    if tuple(cam.shape) != expected.shape:
        shapes = f"expected maps {expected.shape}, got {tuple(cam.shape)}"
        return [passed_or_failed(name, CHECK, False, float("nan"), shapes)]
    error_share = float(abs(cam.numpy() - expected).max() / abs(expected).max())
    what = "largest error, of the map's largest value"
    return [passed_or_failed(name, CHECK, error_share < _WITHIN, error_share, what)]
