"""Why a map is blank: a reason for each image."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from ..errors import warn
from ..probe.probe import Probe
from .caveats import scored_alike


def without_undefined(cam: Tensor, probe: Probe) -> Tensor:
    """`cam` (N, h, w) with a map of nan for each image whose score is undefined.

    A gradient can be finite where the score is nan: a ReLU's is zero there. No map explains such a
    score.
    """
    scores = probe.scores
    broken = ~probe.images.flatten(1).isfinite().all(1).to(scores.device)
    undefined = (scores.isnan() | (broken & ~scores.isfinite())).to(cam.device)
    return cam.masked_fill(undefined.view(-1, *[1] * (cam.ndim - 1)), torch.nan)


def blank_reasons(
    ranges: Sequence[tuple[float, float]], probes: Sequence[Probe], default_layer: str | None
) -> tuple[str | None, ...]:
    """For each of N maps: why its heatmap is blank, or None if it is not.

    Args:
        ranges: the lowest and the highest value of each map; nan if any value is.
        probes: those that the maps were made from: one, or one for each level of a pyramid.
        default_layer: the layer an adapter would have chosen, if another was explained.
    """
    return tuple(
        _reason(low, high, probes, index, default_layer) for index, (low, high) in enumerate(ranges)
    )


def _reason(
    lowest: float, highest: float, probes: Sequence[Probe], index: int, default_layer: str | None
) -> str | None:
    if -math.inf < lowest < highest < math.inf and highest > 0:
        return None
    layer = ", ".join(probe.recording.layer for probe in probes)
    if not (math.isfinite(lowest) and math.isfinite(highest)):
        why = "" if bool(probes[0].images[index].isfinite().all()) else ", because the image is not"
        return f"activations or gradients at {layer!r} are not finite (inf or nan){why}"
    if highest > 0:
        return (
            f"the map is the same everywhere, so it names no place: {layer!r} has one position, "
            f"or all of them weigh alike; try an earlier layer"
        )
    if lowest < 0:
        return (
            f"nothing at {layer!r} speaks for this target: the map is negative everywhere it is "
            f"not zero; e.cam holds the signed values"
        )
    if all(probe.zero_gradient(index) for probe in probes):
        if probes[0].targets.classes is not None and scored_alike(probes[0].logits[index]):
            return (
                f"the gradient is exactly zero at every position of {layer!r}, as all classes "
                f"have the same score: the model looks untrained; load its weights, as no layer "
                f"of it explains anything"
            )
        advice = f"try {default_layer!r}" if default_layer else "try an earlier layer"
        return (
            f"the gradient is exactly zero at every position of {layer!r}: the score does not "
            f"read them (after the last attention only the class token is read, and a "
            f"saturated score has no slope); {advice}"
        )
    return f"the map is zero everywhere: no channel of {layer!r} carries weight"


def warn_of_blanks(reasons: tuple[str | None, ...]) -> tuple[str, ...]:
    """A note for each blank map; one warning tells of them all."""
    if not any(reasons):
        return ()
    notes = tuple(f"image {i}: {text}" for i, text in enumerate(reasons) if text)
    warn(f"blank map: {'; '.join(notes)}")
    return notes
