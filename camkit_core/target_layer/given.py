"""How a layer that the caller names lies over the image, and what is doubtful about it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from ..errors import LayerError
from ..inputs.prepare import Inputs
from .automatic import Outcome, remember, remembered
from .doubts import PASSED, tested
from .layout import Layout
from .names import LayerName
from .search.asked import reads_maps, scores_of
from .search.resampled import RESAMPLED
from .search.search import Search, search


def layout_of_given(
    inputs: Inputs, name: LayerName, targets: Sequence[Any]
) -> tuple[Layout | None, tuple[str, ...]]:
    """How a layer lies over the image, as far as a search can tell, and what to note of it.

    Raises:
        LayerError: if it does not depend on the images.
    """
    found: Search | None = None
    if (outcome := remembered(inputs, targets)) is None:
        try:
            found = search(inputs, scores_of(targets), reads_maps(targets))
        except RuntimeError:
            return None, ()  # of torch, mostly, about gradients; else the pass of all images raises
        outcome = remember(inputs, targets, found)
    layer = str(replace(name, after=()))
    _refuse_unrelated(layer, outcome)
    if outcome.doubts.get(layer) == "":
        found = found or search(inputs, scores_of(targets), reads_maps(targets))
        if test := tested(inputs, found, layer):
            outcome.layouts[layer], outcome.doubts[layer] = test
    return outcome.layouts.get(layer), _notes(layer, outcome)


def _refuse_unrelated(layer: str, outcome: Outcome) -> None:
    if layer in outcome.unrelated:
        related = [other for other in outcome.layouts if other not in outcome.unrelated]
        raise LayerError(
            f"layer {layer!r} does not depend on the images, so it has no map of them; choose one "
            f"that does, such as {', '.join(map(repr, related[-3:])) or 'none that returns maps'}"
        )


def _notes(layer: str, outcome: Outcome) -> tuple[str, ...]:
    doubt = outcome.doubts.get(layer)
    if not doubt or doubt == PASSED:
        return ()
    doubtful = f"the map of {layer!r} may not lie where the evidence is: {doubt[4:]}"
    if not doubt.startswith(RESAMPLED[:12]):
        doubtful += "; pass reshape_transform= to put its positions in the order of the image's"
    return (doubtful,)
