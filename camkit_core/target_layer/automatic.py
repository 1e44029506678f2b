"""A target layer for a model that no adapter knows, found by a search and remembered."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from torch import nn

from ..adapter import Adapter
from ..inputs.model_memory import ModelMemory
from ..inputs.prepare import Inputs
from .doubts import doubts_of, layout_to_read
from .layout import Layout
from .names import LayerName
from .refusal import no_layer
from .search.asked import kinds_of, reads_maps, scores_of
from .search.beside import note_around, note_beside, note_images
from .search.candidates import REACHED, Candidate
from .search.resampled import note_warped
from .search.search import Search, search


@dataclass(frozen=True)
class Choice:
    """What a search chose.

    Attributes:
        name: of what is explained.
        layout: how it lies over the image.
        reason: why it was chosen.
        notes: what a reader of the explanation should know of the choice.
    """

    name: LayerName
    layout: Layout
    reason: str
    notes: tuple[str, ...] = ()

    def adapter(self, model: nn.Module) -> Adapter:
        """The adapter that reads it in a model."""
        layer = model.get_submodule(self.name.module)
        name = self.name
        return Adapter(
            layer,
            self.layout.reshape,
            self.layout.channel_axis,
            call=name.call,
            key=name.key,
            after=name.after,
        )


@dataclass(frozen=True)
class Outcome:
    """What is kept of a search.

    Attributes:
        choice: what it chose.
        layouts: how each candidate lies over the image, by its name without what follows it.
        unrelated: the names of those that do not depend on the images.
        doubts: by the names of those whose positions are not known to be places of the image, the
            test that they failed; empty where none was made.
    """

    choice: Choice | None
    layouts: dict[str, Layout]
    unrelated: tuple[str, ...]
    doubts: dict[str, str]


_CROPPED = "{} shows a part of the image, as the model crops it; elsewhere the map says nothing"
_outcomes: ModelMemory[Outcome] = ModelMemory()


def automatic(inputs: Inputs, targets: Sequence[Any]) -> Choice:
    """What is explained, by a search.

    To be called where the model is left `untouched`.

    Args:
        inputs: the model and its images.
        targets: each as `target` of `explain`, at least one.

    Raises:
        NoAdapter: if no layer passes the tests, with the reason for each late one.
    """
    outcome = remembered(inputs, targets)
    if outcome and outcome.choice:
        return outcome.choice
    found = search(inputs, scores_of(targets), reads_maps(targets))
    choice = remember(inputs, targets, found).choice
    if choice is None:
        raise no_layer(inputs, found)
    return choice


def remembered(inputs: Inputs, targets: Sequence[Any]) -> Outcome | None:
    """What an earlier search found; None if there was none of these inputs and targets."""
    return _outcomes.of(inputs.model).get(_key(inputs, targets))


def remember(inputs: Inputs, targets: Sequence[Any], found: Search) -> Outcome:
    """Keep what a search found; the same as `remembered` gives from here on."""
    choice = chosen(found, found.choice) if found.choice else None
    layouts = {str(each.name): layout_to_read(each, each.reason) for each in found.candidates}
    unrelated = [str(each.name) for each in found.candidates if each.reason.startswith("(a)")]
    outcome = Outcome(choice, layouts, tuple(unrelated), doubts_of(found))
    _outcomes.of(inputs.model)[_key(inputs, targets)] = outcome
    return outcome


def _key(inputs: Inputs, targets: Sequence[Any]) -> Hashable:
    """What a search depends on: the images' size, the rest of the call, and the kind of target."""
    return tuple(inputs.images.shape[1:]), inputs.forward_args.identity, kinds_of(targets)


def chosen(found: Search, candidate: Candidate) -> Choice:
    """A candidate as the choice of a search."""
    name = replace(candidate.name, after=candidate.after)
    flow, candidates = found.scanned.flow, found.candidates
    chosen, certified = found.scanned.chosen, found.scanned.certified
    ends = found.scanned.ends
    beside = note_beside(flow, candidates, candidate)
    if not (beside or found.dense):
        beside = note_around(flow, candidates, candidate, certified, ends)
    notes = (
        *_notes(candidate),
        *beside,
        *note_warped(flow, candidates, candidate, chosen, certified),
        *note_images(flow, candidate, ends),
    )
    return Choice(name, candidate.layout, _reason(found, candidate), notes)


def _reason(found: Search, candidate: Candidate) -> str:
    layout, reach = candidate.layout, candidate.reach
    stated = ", as the model states" if found.hints.states(layout) else ""
    by = f"its gradient reaches {reach:.0%} of it" if reach else "by its shape alone"
    count = sum(not each.reason for each in found.candidates)
    return f"automatic: {layout}{stated}, {by}; the last of {count} such layers"


def _notes(candidate: Candidate) -> tuple[str, ...]:
    if candidate.reach == 0:
        return (
            f"the score's gradient is zero at every layer, so {str(candidate)!r} was chosen by "
            f"its shape and its place in the model alone",
        )
    cropped = (_CROPPED.format(repr(str(candidate))),) if candidate.layout.crops else ()
    if candidate.reach is None or candidate.reach >= REACHED or candidate.maximum:
        return cropped
    return (
        *cropped,
        f"the score's gradient reaches {candidate.reach:.0%} of the positions of "
        f"{str(candidate)!r}, and no layer is reached as a whole",
    )
