"""A target layer for a model that no adapter knows, chosen from a scan of its layers.

The layer is the last one whose output is a grid over the image that the gradient reaches as a
whole, outside attention and MLP, and before maps of the classes: the norm before a transformer's
last attention, or the last stage of a convolutional network.
"""

from __future__ import annotations

import re
from collections.abc import Hashable, Sequence
from weakref import WeakKeyDictionary

from torch import nn

from ..adapter import Adapter
from ..inputs.prepare import Inputs
from .candidates import Candidate, scan_layers
from .find import no_adapter
from .hints import Hints, hints_of

ENOUGH_COVERAGE = 0.9  # of a grid's positions must have a gradient
_ATTENTION = r"att(n|ention)"
_INNER = _ATTENTION + r"|mlp|ffn|feed_?forward"


def shortlist(candidates: Sequence[Candidate], model: nn.Module) -> list[Candidate]:
    """The candidates that could be explained, the last of them best.

    The shapes alone decide where the gradient is unknown, or zero everywhere as behind a head of
    zeros.
    """
    layers = [layer for layer in candidates if layer.differentiable]
    if not any(layer.gradient_coverage for layer in layers):
        return _by_shape(layers, model)
    covered = [layer for layer in layers if (layer.gradient_coverage or 0) >= ENOUGH_COVERAGE]
    before_classes = [layer for layer in covered if not layer.classes] or covered
    return _outside(_INNER, before_classes, model) or before_classes


def _by_shape(layers: list[Candidate], model: nn.Module) -> list[Candidate]:
    before_classes = [layer for layer in layers if not layer.classes]
    outside = _outside(_INNER, before_classes, model)
    if outside and outside[-1].layout.prefix:
        # The head may read the class token alone, which gets the other tokens' values in the last
        # attention: the layer must come before that.
        attending = [_inside(_ATTENTION, layer.name, model) for layer in layers]
        last = max((at for at, within in enumerate(attending) if within), default=len(layers))
        outside = [layer for layer in outside if layer in layers[:last]] or outside
    return outside or before_classes or layers


def _outside(pattern: str, layers: list[Candidate], model: nn.Module) -> list[Candidate]:
    return [layer for layer in layers if not _inside(pattern, layer.name, model)]


_picked: WeakKeyDictionary[nn.Module, dict[Hashable, tuple[Candidate, str]]]
# The layer and the reason, by model, shape (C, H, W) of an image, and part of the output.
_picked = WeakKeyDictionary()


def automatic_adapter(inputs: Inputs) -> tuple[Adapter, str]:
    """The adapter found for a model, and the reason; both are kept for each size of image.

    To be called where the model is left `untouched`.

    Raises:
        NoAdapter: if no layer is found, with the last ones whose output could be a map.
    """
    picked = _picked.setdefault(inputs.model, {})
    part = inputs.forward_args.output
    key = tuple(inputs.images.shape[1:]), part and part.identity
    if key not in picked:
        picked[key] = _pick(inputs)
    candidate, reason = picked[key]
    layer = inputs.model.get_submodule(candidate.name)
    return Adapter(layer, candidate.layout.reshape), reason


def _pick(inputs: Inputs) -> tuple[Candidate, str]:
    hints = hints_of(inputs.model, inputs.images)
    candidates, scanned = scan_layers(inputs, hints)
    listed = shortlist(candidates, inputs.model)
    if not listed:
        raise no_adapter(inputs.model, scanned.shapes)
    return listed[-1], _reason(listed, hints)


def _reason(listed: list[Candidate], hints: Hints) -> str:
    layout, coverage = listed[-1].layout, listed[-1].gradient_coverage
    stated = ", as the model states" if hints.states(layout) else ""
    by = f"its gradient reaches {coverage:.0%} of it" if coverage else "by its shape alone"
    return f"automatic: {layout}{stated}, {by}; the last of {len(listed)} such layers"


def _inside(pattern: str, name: str, model: nn.Module) -> bool:
    """Whether a module around the layer has that pattern in its name or its class's."""
    parts = name.split(".")[:-1]
    parents = [".".join(parts[: depth + 1]) for depth in range(len(parts))]
    return any(
        re.search(pattern, f"{part} {type(model.get_submodule(parent)).__name__}", re.IGNORECASE)
        for part, parent in zip(parts, parents, strict=True)
    )
