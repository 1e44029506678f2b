"""A target layer for models that no adapter knows, chosen from a survey of their layers.

Of the layers whose output is a grid over the image, and whose gradient reaches the whole grid, the
last one outside attention and MLP, and before maps of the classes, is taken: the norm before a
transformer's last attention, or the last stage of a convolutional network.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from weakref import WeakKeyDictionary

from torch import nn

from ..adapter import Adapter
from ..inputs.prepare import Inputs
from .candidates import Candidate, scan_layers
from .find import no_adapter
from .hints import hints_of

REACHED = 0.9  # of a grid's places must have a gradient
_ATTENTION = r"att(n|ention)"
_INNER = _ATTENTION + r"|mlp|ffn|feed_?forward"


def shortlist(candidates: Sequence[Candidate], model: nn.Module) -> list[Candidate]:
    """The candidates that could be explained, the last of them best.

    Where the gradient is unknown, or zero everywhere as behind a head of zeros, the shapes alone
    decide.
    """
    connected = [one for one in candidates if one.connected]
    if not any(one.reach for one in connected):
        return _by_shape(connected, model)
    sound = [one for one in connected if one.reach and one.reach >= REACHED]
    before = [one for one in sound if not one.classes] or sound
    return [one for one in before if not _inside(_INNER, one.name, model)] or before


def _by_shape(connected: list[Candidate], model: nn.Module) -> list[Candidate]:
    before = [one for one in connected if not one.classes]
    outside = [one for one in before if not _inside(_INNER, one.name, model)]
    if outside and outside[-1].layout.prefix:
        # The head may read the class token alone, which the last attention tells of the others.
        attending = [_inside(_ATTENTION, one.name, model) for one in connected]
        last = max((at for at, within in enumerate(attending) if within), default=len(connected))
        outside = [one for one in outside if one in connected[:last]] or outside
    return outside or before or connected


_picked: WeakKeyDictionary[nn.Module, dict[tuple[int, ...], tuple[Candidate, str]]]
_picked = WeakKeyDictionary()


def automatic_adapter(inputs: Inputs) -> tuple[Adapter, str]:
    """The adapter found for a model, and why it is that; remembered for each image size.

    To be called where the model is left `untouched`.

    Raises:
        NoAdapter: if no layer is found, with the last ones whose output could be a map.
    """
    known = _picked.setdefault(inputs.model, {})
    size = tuple(inputs.images.shape[1:])
    if size not in known:
        known[size] = _pick(inputs)
    candidate, reason = known[size]
    layer = inputs.model.get_submodule(candidate.name)
    return Adapter(layer, candidate.layout.reshape), reason


def _pick(inputs: Inputs) -> tuple[Candidate, str]:
    hints = hints_of(inputs.model, inputs.images)
    candidates, scan = scan_layers(inputs, hints)
    listed = shortlist(candidates, inputs.model)
    if not listed:
        raise no_adapter(inputs.model, scan.shapes)
    last = listed[-1]
    own = ", as the model states" if hints.states(last.layout) else ""
    by = f"its gradient reaches {last.reach:.0%} of it" if last.reach else "by its shape alone"
    return last, f"automatic: {last.layout}{own}, {by}; the last of {len(listed)} such layers"


def _inside(pattern: str, name: str, model: nn.Module) -> bool:
    parts = name.split(".")[:-1]
    parents = [".".join(parts[: depth + 1]) for depth in range(len(parts))]
    return any(
        re.search(pattern, f"{part} {type(model.get_submodule(parent)).__name__}", re.IGNORECASE)
        for part, parent in zip(parts, parents, strict=True)
    )
