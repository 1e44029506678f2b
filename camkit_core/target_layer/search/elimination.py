"""The tests that a candidate must pass; each that it fails is written down as its reason."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ...inputs.prepare import Inputs
from ..hints import Hints
from .after import after, read_by_maximum
from .candidates import Candidate
from .disturbance import FEWEST, MOVED, PLACES
from .joined import joined, weighs_alone
from .readout import affine_tail, handed_on, placewise_tail, reduced
from .resampled import steers_alone
from .scan import Scan

ANSWER = "(d) the answer is read off it position by position, and is itself a map"


class Elimination:
    """Refuses candidates by a reason; those without one are left."""

    def __init__(self, inputs: Inputs, hints: Hints, scanned: Scan) -> None:
        self.inputs, self.hints, self.scanned = inputs, hints, scanned
        self.model, self.flow = inputs.model, scanned.flow
        self.candidates = scanned.candidates
        self.known = any(candidate.reach for candidate in self.candidates)

    def left(self) -> list[Candidate]:
        return [candidate for candidate in self.candidates if not candidate.reason]

    def reached(self, candidate: Candidate) -> bool:
        return candidate.reached or not self.known

    def refuse(self, candidates: Sequence[Candidate], reason: str) -> None:
        for candidate in candidates:
            candidate.reason = candidate.reason or reason

    def refuse_where(self, test: Callable[[Candidate], bool], reason: str) -> None:
        """Refuse the candidates that fail a test of preference, if others are left."""
        left = self.left()
        refused = [candidate for candidate in left if test(candidate)]
        if len(refused) < len(left):
            self.refuse(refused, reason)

    def refuse_unread(self) -> None:
        """Tests (a) and (b), and of (d) what gradients show."""
        for candidate in self.candidates:
            if candidate.slot is None and not self.scanned.unseen:
                candidate.reason = "(a) it does not depend on the images"
            elif not candidate.differentiable:
                candidate.reason = "(b) the score does not depend on it"
            elif self.known and candidate.reach == 0:
                candidate.reason = "(b) the score's gradient is zero at every position of it"
            elif self.known and (candidate.own_map or self.single(candidate)):
                candidate.reason = "(d) one channel of it is the answer's own map"
        self.refuse_class_maps()

    def single(self, candidate: Candidate) -> bool:
        """Whether its only channel is the map of the only class."""
        return candidate.channels == 1 == self.scanned.classes

    def refuse_class_maps(self) -> None:
        """Channels that are the classes, where the gradient cannot tell."""
        classes = self.scanned.classes
        if not self.known and classes and classes > 1:
            self.refuse_where(
                lambda candidate: candidate.channels == classes,
                "(d) its channels are the classes",
            )

    def refuse_astray(self) -> None:
        """Test (c), where the calls of the model tell that positions are no places."""
        chosen, ends = self.scanned.chosen, self.scanned.ends
        for candidate in self.left():
            if candidate.slot is None:
                continue
            if reason := self.scanned.astray.get(candidate.slot):
                candidate.reason = reason
            elif chosen and steers_alone(self.flow, candidate.slot, chosen, ends):
                candidate.reason = "(d) it only says where the model looks"

    def end_at_activations(self) -> None:
        for candidate in self.left():
            if candidate.slot is not None:
                ends = after(self.flow, candidate.slot, self.scanned.returned)
                candidate.end, candidate.after = ends
                candidate.maximum |= read_by_maximum(self.flow, candidate.end)
        self.refuse_followed()

    def refuse_followed(self) -> None:
        """Of candidates that end at one tensor, the last stands for all."""
        last: dict[int, Candidate] = {}
        for candidate in reversed(self.left()):
            if candidate.end is None:
                continue
            later = last.setdefault(candidate.end, candidate)
            if candidate.after and later is not candidate:
                candidate.reason = f"(e) the network reads what {str(later)!r} makes of it"

    def settle(self) -> Candidate | None:
        """The last that is left, with what it is joined to; a gate or a part is stepped over."""
        passed: list[tuple[Candidate, str]] = []
        for candidate in reversed(self.left()):
            reason = self.incomplete(candidate)
            if not reason:
                for each, why in passed:
                    each.reason = why
                return candidate
            passed.append((candidate, reason))
        return self.left()[-1] if self.left() else None

    def incomplete(self, candidate: Candidate) -> str:
        """Why it holds too little of what the score reads; it ends at its joint from here on."""
        certified, flow = self.scanned.certified, self.flow
        if candidate.end is None:
            return ""
        chain = candidate.end, candidate.after
        end, names = joined(flow, chain, certified, self.scanned.returned)
        if end != candidate.end:
            whole = [each for each in self.candidates if end in (each.slot, each.end)]
            if any(each.reason.startswith("(d)") for each in whole):
                return f"(d) it is a part of {str(whole[-1])!r}, which is the answer"
            if not whole:
                candidate.end, candidate.after = end, names
                candidate.layouts, candidate.certified = (certified[end],), True
        if weighs_alone(flow, candidate.end, certified, self.scanned.ends):
            return "(b) it only weighs other maps, which the score reads"
        return ""

    def refuse_misplaced(self, left: Sequence[Candidate]) -> None:
        """Test (c), of the candidates that were looked at; the others count as failed."""
        for candidate in left:
            if not candidate.certified:
                candidate.reason = self.misplaced(candidate)

    def misplaced(self, candidate: Candidate) -> str:
        if candidate.places is None or candidate.moved is None:
            return "(c) whether its positions are places was not tested"
        if candidate.slot is None and candidate.moved < MOVED:
            return "(a) the images do not change it"
        layout, stated = candidate.layout, self.hints.states(candidate.layout)
        maps = layout.is_maps and len(layout.grid) > 1  # a signal's axes may be either way round
        if layout.positions < FEWEST and not maps:
            passed = stated
        else:
            # Hidden units may be as many as the stated places; attention moves all alike.
            turned = layout.kind == "NCL" and not maps and len(layout.grid) > 1
            others = any(other.kind != "NCL" for other in candidate.layouts)
            likely = stated and not (turned and others)
            passed = candidate.places >= PLACES or (likely and candidate.alike)
        if passed:
            return ""
        return (
            f"(c) its positions are no places of the image ({candidate.layout}: "
            f"{candidate.places:.2f} of {PLACES})"
        )

    def own_map_is_handed_on(self) -> bool:
        """Whether a map over the image fills a part of the output: a pyramid's last convolution."""
        ends, answers = self.scanned.ends, bool(self.scanned.answers)
        own = {
            candidate.slot
            for candidate in self.candidates
            if answers
            and candidate.own_map
            and candidate.slot is not None
            and (candidate.certified or (candidate.places or 0) >= PLACES)
        }
        of_channels = reduced(self.flow, self.scanned.certified)
        return any(handed_on(self.flow, slot, ends) for slot in own | self._single_maps()) or any(
            handed_on(self.flow, slot, ends, alone=True) for slot in of_channels
        )

    def _single_maps(self) -> set[int]:
        """Certified maps of one channel, which may be returned without an axis for it: depth."""
        shapes = self.flow.shapes
        return {
            slot
            for slot, layout in self.scanned.certified.items()
            if layout.channels(shapes[slot]) == 1
        }

    def refuse_answers(self) -> None:
        """Test (d) for a map over the image: what it is read off, position by position."""
        for candidate in self.left():
            end, ends = candidate.end, self.scanned.ends
            if end is None:
                continue
            if affine_tail(self.flow, end, ends) or placewise_tail(self.flow, end, ends):
                candidate.reason = ANSWER
