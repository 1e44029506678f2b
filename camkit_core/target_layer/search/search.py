"""The last layer that passes every test; and for each other one, the test that it failed.

The tests, in the order of their price: (a) the images change it; (b) the score reads it, at most
of its positions; (c) its positions are places of the image; (d) it is not the answer itself. All
but (c) take one forward and backward pass, and (c) as well where the calls that made a layer say
how it lies over the image. A disturbance of the image tells where they do not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

from torch import nn

from ...inputs.prepare import Inputs
from ..hints import Hints, hints_of
from .beside import FINER
from .candidates import Candidate
from .elimination import Elimination
from .places import disturb
from .readout import handed_on
from .scan import Scan, Scores, scan

_ATTENTION = r"att(n|ention)"
_INNER = _ATTENTION + r"|mlp|ffn|feed_?forward"
_HEAD = r"head|decod"
LAST = 6  # candidates that a disturbance looks at, of each grid
SHARE = 0.9  # of the best reach, where nothing is reached as a whole


@dataclass(frozen=True, eq=False)
class Search:
    """The candidates of a model for a target, and the choice.

    Attributes:
        candidates: in the order in which the layers end; each that is not chosen and could not be
            has a reason.
        choice: the one that is explained; None if there is none.
        dense: whether the score is read off a map over the image that the model returns.
        scanned: the pass of the first image.
        hints: what the model states about its grids.
    """

    candidates: list[Candidate]
    choice: Candidate | None
    dense: bool
    scanned: Scan
    hints: Hints


def search(inputs: Inputs, scores: Scores | None = None, dense: bool = False) -> Search:
    """Find the layer to explain. To be called where the model is left `untouched`.

    Args:
        inputs: their first image is passed.
        scores: from the output for one image to the asked scores; see `scan`.
        dense: whether it is known that they are read off a map over the image.

    Raises:
        RuntimeError: what the model raises.
    """
    hints = hints_of(inputs.model, inputs.images)
    scanned = scan(inputs, hints, scores)
    return _Chooser(inputs, hints, scanned).search(dense)


class _Chooser(Elimination):
    """Refuses candidates, one test after the other, and takes the last one that is left."""

    def search(self, dense: bool) -> Search:
        """The choice, and the reasons against the others."""
        self.refuse_unread()
        self.refuse_astray()
        self.end_at_activations()
        left = self.left()
        dense = dense or self._returns_certified_map()
        if self._doubtful(left):
            shortlist = self._shortlist(left)
            disturbed = disturb(self.inputs, self.scanned, shortlist, self.hints)
            dense = dense or disturbed.output_is_map
            self.refuse_misplaced(left)
            self._test_the_rest(left)
        elif not self.scanned.image.is_meta:
            uncertain = [candidate for candidate in left if not candidate.certified]
            self.refuse(uncertain, "(c) where its positions lie is not certain")
        dense = dense or self.own_map_is_handed_on()
        if dense:
            self.refuse_answers()
        self.refuse_where(self._inner, "(f) it is inside attention or an MLP")
        self._before_last_attention()
        if dense:
            self.refuse_where(self._in_head, "(f) it is inside the head, behind the backbone")
        self._by_reach()
        if dense:
            self._scales_and_grids()
        return Search(self.candidates, self.settle(), dense, self.scanned, self.hints)

    def _test_the_rest(self, left: Sequence[Candidate]) -> None:
        """Where none of the candidates that were looked at passes, look at the others."""
        rest = [each for each in left if each.places is None and self.reached(each)]
        if self.left() or not rest:
            return
        for candidate in rest:
            candidate.reason = ""
        disturb(self.inputs, self.scanned, rest, self.hints)
        self.refuse_misplaced(rest)

    def _returns_certified_map(self) -> bool:
        return not self.scanned.certified.keys().isdisjoint(self.scanned.answers.values())

    def _doubtful(self, left: Sequence[Candidate]) -> bool:
        """Whether certificates leave open what is chosen."""
        if self.scanned.image.is_meta or not left:
            return False
        last = [candidate for candidate in self._outside(left) if self.reached(candidate)]
        if not last or not last[-1].certified:
            return True
        if not self.scanned.answers:
            return False
        answered = self.scanned.certified.keys() >= set(self.scanned.answers.values())
        return not answered or not all(candidate.certified for candidate in last)

    def _outside(self, left: Sequence[Candidate]) -> Sequence[Candidate]:
        return [candidate for candidate in left if not self._inner(candidate)] or left

    def _shortlist(self, left: Sequence[Candidate]) -> list[Candidate]:
        """What a disturbance looks at: the last candidates, and the last of each grid."""
        outside = self._outside(left)
        sound = [candidate for candidate in outside if self.reached(candidate)] or list(outside)
        chosen = {id(candidate) for candidate in sound[-LAST:]}
        by_kind: dict[object, list[Candidate]] = {}
        for candidate in sound[::-1]:
            kind = candidate.layout.kind, candidate.layout.grid, candidate.certified
            by_kind.setdefault(kind, []).append(candidate)
        few = LAST if self.scanned.answers else 3
        for candidates in by_kind.values():
            chosen.update(id(candidate) for candidate in candidates[:few])
        if self.scanned.answers:
            chosen.update(id(candidate) for candidate in self.candidates if candidate.own_map)
        return [candidate for candidate in self.candidates if id(candidate) in chosen]

    def _before_last_attention(self) -> None:
        """Where no gradient tells, the head may read the class token alone.

        It gets the other tokens' values in the last attention: the layer must come before that.
        """
        if not self.known:
            self.refuse_where(
                lambda candidate: candidate.name.call is not None,
                "(b) it runs more than once, and no gradient tells which call counts",
            )
        left = self.left()
        if self.known or not left or not (left[-1].layout.prefix or left[-1].layout.suffix):
            return
        attention = parts_like(_ATTENTION, self.model)
        attending = [inside(attention, each.name.module) for each in self.candidates]
        last = max((at for at, within in enumerate(attending) if within), default=0)
        earlier = {id(candidate) for candidate in self.candidates[:last]}
        self.refuse_where(
            lambda candidate: id(candidate) not in earlier,
            "(b) the head may read another token alone",
        )

    def _by_reach(self) -> None:
        """Test (b): what is reached as a whole; else of the coarsest grid what is reached best."""
        left = self.left()
        if not self.known or not left:
            return
        if not any(candidate.reached for candidate in left):
            self._coarsest()
            best = max(candidate.reach or 0 for candidate in self.left())
            self._refuse_reach(lambda candidate: (candidate.reach or 0) >= SHARE * best)
        else:
            self._refuse_reach(lambda candidate: candidate.reached)

    def _refuse_reach(self, enough: Callable[[Candidate], bool]) -> None:
        for candidate in self.left():
            if not enough(candidate):
                candidate.reason = f"(b) the score's gradient reaches {candidate.reach:.0%} of it"

    def _coarsest(self) -> None:
        left = self.left()
        fewest = min((candidate.layout.positions for candidate in left), default=0)
        finer = [candidate for candidate in left if candidate.layout.positions > fewest]
        self.refuse(finer, FINER)

    def _scales_and_grids(self) -> None:
        """Of a map over the image: the coarsest grid from which every scale of it is made."""
        scales: dict[tuple[int, ...], set[int]] = {}
        for candidate in self.candidates:
            slot = candidate.slot
            if slot is None or not candidate.layout.is_maps:
                continue
            if handed_on(self.flow, slot, self.scanned.ends):
                scales.setdefault(candidate.layout.grid, set()).add(slot)
        if len(scales) > 1:
            self.refuse_where(
                lambda candidate: not self._makes_all(candidate, list(scales.values())),
                "(f) not every scale of the answer is made from it",
            )
        self._coarsest()

    def _makes_all(self, candidate: Candidate, scales: Sequence[set[int]]) -> bool:
        if candidate.slot is None:
            return False
        below = self.flow.below([candidate.slot])
        return all(not below.isdisjoint(scale) for scale in scales)

    @cached_property
    def _heads(self) -> frozenset[str]:
        return parts_like(_HEAD, self.model)

    @cached_property
    def _inner_parts(self) -> frozenset[str]:
        return parts_like(_INNER, self.model)

    def _in_head(self, candidate: Candidate) -> bool:
        return inside(self._heads, candidate.name.module)

    def _inner(self, candidate: Candidate) -> bool:
        return inside(self._inner_parts, candidate.name.module)


def parts_like(pattern: str, model: nn.Module) -> frozenset[str]:
    """The names of the modules with that pattern in their own name or their class's."""
    return frozenset(
        name
        for name, part in model.named_modules(remove_duplicate=False)
        if re.search(pattern, f"{name.rpartition('.')[2]} {type(part).__name__}", re.IGNORECASE)
    )


def inside(parts: frozenset[str], name: str) -> bool:
    """Whether a module by that name is inside one of these parts."""
    return any(name[:end] in parts for end, letter in enumerate(name) if letter == ".")
