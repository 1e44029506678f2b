"""A model made ready to be explained many times, by eager passes or by compiled ones."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch

from ..errors import quietly, warn
from ..forward.compiled.cannot import another_map
from ..forward.compiled.in_force import by
from ..forward.compiled.options import Options
from ..forward.compiled.passes import CompiledPasses
from ..forward.compiled.processor import note_of_processor
from .explanation import Explanation

Answer = Callable[[Any, Any], Explanation]
Prepared = Callable[..., "PreparedExplainer"]
_SAME = 1e-3  # of the largest value: the most by which maps of the same precision may differ


class PreparedExplainer:
    """Explains images by one method, for a model that is made ready once; see `prepare`.

    It may be called by several threads, each of which waits for the one before. It can be copied
    and pickled with its model; the copy is prepared, and compiled, at its first call.

    Attributes:
        model: the model, which it keeps.
        method: the method's name.
        layer: the name of what is explained of images like the example.
        answer: explains images for a target.

    Args:
        model: see above, as for method and answer.
        target: the target where a call asks for none.
        prepared: makes such an explainer for an `example=` and a `target=`; it can be pickled.
    """

    def __init__(
        self, model: Any, method: str, target: Any, answer: Answer, prepared: Prepared
    ) -> None:
        self.model, self.method, self.layer = model, method, ""
        self._target, self.answer, self._prepared = target, answer, prepared

    def __call__(self, images: Any, target: Any = None) -> Explanation:
        """What `explain` gives, bit for bit.

        Args:
            images: see `explain`; of any size and number, also other than the example's.
            target: see `explain`; None for the target that was prepared.

        Raises:
            CamkitError: as `explain`.
        """
        return self.answer(images, self._target if target is None else target)

    def __reduce__(self) -> tuple[Any, ...]:
        """What is found out about a model, and compiled code, are made anew elsewhere."""
        return _to_be_prepared, (
            self.model, self.method, self._target, self._prepared, self.layer,
        )  # fmt: skip

    def __repr__(self) -> str:
        kind = type(getattr(self.model, "model", self.model)).__name__
        return f"<PreparedExplainer {self.method} at {self.layer} of {kind}>"


def _to_be_prepared(
    model: Any, method: str, target: Any, prepared: Prepared, layer: str
) -> PreparedExplainer:
    """A copy of an explainer, prepared by the first images that it is given."""

    def first_answer(images: Any, target: Any) -> Explanation:
        made = prepared(example=images, target=target)
        copy.answer, copy.layer = made.answer, made.layer
        return copy.answer(images, target)

    copy = PreparedExplainer(model, method, target, first_answer, prepared)
    copy.layer = layer
    return copy


def compiled(explainer: PreparedExplainer, example: Any, options: Options) -> PreparedExplainer:
    """The explainer, whose passes of images like the example run as compiled code.

    Where nothing can be compiled, a warning says why.
    """
    answer = explainer.answer = CompiledAnswer(explainer.answer, options)
    with quietly():
        facts = explainer(example).provenance["compiled"]
    answer.end()
    if "eager" in facts:
        warn(f"the explainer runs eagerly, not compiled: {facts['eager']}")
    elif isinstance(why := facts.get("cuda_graph"), str):
        warn(f"the explainer runs compiled, but as no CUDA graph: {why}")
    return explainer


class CompiledAnswer:
    """Answers by compiled passes what another function answers by eager ones.

    New code is compared with the eager passes of the same images: of the example at first, and of
    the images at hand where the model has changed.

    Args:
        answer: from images and a target to their explanation.
        options: how passes are compiled.
    """

    def __init__(self, answer: Answer, options: Options) -> None:
        self._answer, self._options = answer, options
        self._passes = CompiledPasses(options)
        self._facts: dict[str, Any] = {}
        self._notes: list[str] = []

    def __call__(self, images: Any, target: Any) -> Explanation:
        """The explanation, with a note of how it was made."""
        with by(self._passes) as reasons:
            explanation = self._answer(images, target)
        if self._passes.fresh and not reasons:
            explanation = self._proved(explanation, images, target, reasons)
        return self._described(explanation, reasons)

    def end(self) -> None:
        """Compile for no further shape of images."""
        self._passes.open = False

    def _proved(
        self, compiled: Explanation, images: Any, target: Any, reasons: list[str]
    ) -> Explanation:
        """The explanation, if its map is the eager one; else the eager one."""
        with quietly(), by(None):
            eager = self._answer(images, target)
        self._passes.fresh = False
        error = _difference(compiled, eager)
        if error <= _SAME or self._options.dtype:
            self._facts = {**self._options.record(), "error": error, "compared": len(eager)}
            if self._options.cuda_graph:
                self._facts["cuda_graph"] = self._passes.without_graph or True
            self._notes = self._notes_of(compiled, error)
            return compiled
        reason = another_map(error)
        self._passes.refuse(reason)
        reasons.append(str(reason))
        return eager

    def _notes_of(self, explanation: Explanation, error: float) -> list[str]:
        dtype = str(self._options.dtype or "").removeprefix("torch.")
        images = f"{len(explanation)} image{'s' * (len(explanation) != 1)}"
        note = (
            f"the pass up to {explanation.layer} ran compiled{f', in {dtype}' * bool(dtype)}; on "
            f"{images} the map differed from the eager one by at most {error:.1g} of its maximum"
        )
        graph = self._passes.without_graph
        return [
            note,
            *note_of_processor(explanation.images.device, self._options.dtype),
            *([f"compiled code ran as no CUDA graph: {graph}"] if graph else []),
        ]

    def _described(self, explanation: Explanation, reasons: list[str]) -> Explanation:
        facts: dict[str, Any] = {"eager": "; ".join(reasons)} if reasons else dict(self._facts)
        notes = [f"ran eagerly, not compiled: {reason}" for reason in reasons]
        return replace(
            explanation,
            notes=(*explanation.notes, *(notes or self._notes)),
            provenance={**explanation.provenance, "compiled": facts},
        )


def _difference(compiled: Explanation, eager: Explanation) -> float:
    """The largest difference of their maps, as a share of the largest value of each image's."""
    ours, theirs = compiled.cam.double().flatten(1), eager.cam.double().flatten(1)
    if ours.shape != theirs.shape:
        return float("inf")
    ours, theirs = torch.nan_to_num(ours), torch.nan_to_num(theirs)
    largest = theirs.abs().amax(1).clamp(min=1e-30)
    return float(((ours - theirs).abs().amax(1) / largest).max())
