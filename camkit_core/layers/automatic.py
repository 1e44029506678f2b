"""A target layer for models that no adapter knows, chosen from a survey of their layers.

Of the layers whose output is a grid over the image, and whose gradient reaches the whole grid, the
last one outside attention and MLP, and before maps of the classes, is taken: the norm before a
transformer's last attention, or the last stage of a convolutional network.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from weakref import WeakKeyDictionary

from torch import Tensor, nn

from ..adapter import Adapter
from ..inputs.forward_args import ALONE, Companions
from .candidates import Candidate, search
from .find import no_adapter
from .hints import stated

REACHED = 0.9  # of a grid's places must have a gradient
_ATTENTION = r"att(n|ention)"
_INNER = _ATTENTION + r"|mlp|ffn|feed_?forward"


def pick(candidates: Sequence[Candidate], model: nn.Module) -> Candidate | None:
    """The candidate to explain; None if there is none that the gradient reaches.

    Where it is unknown, or zero everywhere as behind a head of zeros, the shapes alone decide.
    """
    shortlist = _shortlist(candidates, model)
    return shortlist[-1] if shortlist else None


def _shortlist(candidates: Sequence[Candidate], model: nn.Module) -> list[Candidate]:
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


def automatic_adapter(
    model: nn.Module, images: Tensor, companions: Companions = ALONE
) -> tuple[Adapter, str]:
    """The adapter found for a model, and why it is that; remembered for each image size.

    To be called where the model is left `untouched` (contexts.py).

    Raises:
        NoAdapter: if no layer is found, with the last ones whose output could be a map.
    """
    known = _picked.setdefault(model, {})
    size = tuple(images.shape[1:])
    if size not in known:
        known[size] = _found(model, images, companions)
    found, why = known[size]
    return Adapter(model.get_submodule(found.name), found.layout.reshape), why


def _found(model: nn.Module, images: Tensor, companions: Companions) -> tuple[Candidate, str]:
    said = stated(model, images)
    candidates, seen = search(model, images, said, companions)
    shortlist = _shortlist(candidates, model)
    if not shortlist:
        raise no_adapter(model, seen.shapes)
    found = shortlist[-1]
    own = ", as the model states" if said.states(found.layout) else ""
    by = f"its gradient reaches {found.reach:.0%} of it" if found.reach else "by its shape alone"
    return found, f"automatic: {found.layout}{own}, {by}; the last of {len(shortlist)} such layers"


def _inside(pattern: str, name: str, model: nn.Module) -> bool:
    parts = name.split(".")[:-1]
    parents = [".".join(parts[: depth + 1]) for depth in range(len(parts))]
    return any(
        re.search(pattern, f"{part} {type(model.get_submodule(parent)).__name__}", re.IGNORECASE)
        for part, parent in zip(parts, parents, strict=True)
    )
