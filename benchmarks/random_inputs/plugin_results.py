"""Methods, metrics and renderers that give or raise anything."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from functools import partial
from typing import Any

import torch
from hypothesis import strategies as st

import camkit_core as camkit

from .networks import networks, state
from .outcomes import outcome
from .values import ANYTHING, tensors


class Base(BaseException):
    """An exception that `except Exception` lets through."""


class Silent(Exception):
    """An exception without a text."""

    def __str__(self) -> str:
        raise RuntimeError("no text")


RAISED = (
    Base,
    Silent,
    SystemExit,
    GeneratorExit,
    MemoryError,
    RecursionError,
    StopIteration,
    KeyError,
)
EDITS = ("activations", "gradients", "images", "logits")
MAPS = tensors(
    st.sampled_from([[2, 6, 6], [2, 1, 6, 6], [6, 6], [2, 12, 12], [2, 0, 6], [1, 6, 6]])
)
MODELS = networks()
Result = tuple[str, Any]


@st.composite
def inputs(draw: st.DrawFn) -> Result:
    """What a plugin does: gives a value, raises an exception, or edits what it was given."""
    what = draw(
        st.sampled_from(["gives", "gives", "raises", "edits", "edits as numpy", "measures"])
    )
    if what == "gives" and draw(st.booleans()):
        return what, draw(MAPS)
    if what in ("gives", "measures"):
        return what, draw(ANYTHING)
    return what, draw(st.sampled_from(RAISED if what == "raises" else EDITS))


def tried(result: Result) -> str:
    """The outcome for such a plugin; another method beside it must give its own map."""
    what, value = result
    model, images = MODELS["classes"], torch.ones(2, 3, 12, 12)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        expected = camkit.explain(model, images, "gradcam", 1, "body").cam
        before = state(model)
        name = outcome(partial(_run, what, value, images, expected), RAISED)
    assert state(model) == before, "the model has changed"
    assert bool((images == 1).all()), "the images have changed"
    return f"{what}: {name}"


def _run(what: str, value: Any, images: torch.Tensor, expected: torch.Tensor) -> None:
    if what == "measures":
        measure: Callable[..., Any] = lambda case: value  # noqa: E731
        metrics = {"metrics": [camkit.Metric(higher_is_better=True)(measure)]}
        camkit.compare(MODELS["classes"], images, ["gradcam"], [1], "body", **metrics)
        return
    methods = [_method(what, value), "gradcam"]
    comparison = camkit.compare(MODELS["classes"], images, methods, [1], "body")
    assert torch.equal(comparison[0, 1].cam, expected), "the other method's map has changed"
    assert comparison[0, 0].cam.ndim == 3


def _method(what: str, value: Any) -> Callable[[camkit.Probe], Any]:
    def made_up(probe: camkit.Probe) -> Any:
        if what == "gives":
            return value
        if what == "raises":
            raise value
        tensor = getattr(probe, value)
        if what == "edits":
            tensor.mul_(0)
        else:
            tensor.numpy()[...] = 0
        return probe.activations.sum(1)

    return made_up
