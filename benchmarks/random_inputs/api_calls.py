"""Random calls of the Python interface: right ones, with some arguments replaced by others."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import torch
from hypothesis import strategies as st
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core.plugins import get_registry
from camkit_core.plugins.options import takes

from .networks import networks, state
from .outcomes import outcome
from .values import ANYTHING, NUMBERS, TEXTS, tensors

MODELS = networks()
GOOD_IMAGES = st.sampled_from([(2, 3, 12, 12), (1, 3, 16, 8), (3, 12, 12)]).map(torch.randn)
ODD_IMAGES = tensors(
    st.sampled_from([[2, 3, 12, 12], [3, 12, 12], [2, 4, 12, 12], [0, 3, 12, 12], [2, 3, 1, 1]])
)
TARGETS = st.one_of(
    st.sampled_from([None, 0, 1, 3, 4, -1, [0, 1], [1], (1, 2), {}, camkit.top(2)]),
    st.sampled_from([lambda out: out[0], lambda out: out, lambda out: None, "pug", 10**30]),
    st.builds(camkit.ClassifierOutputTarget, st.sampled_from([0, 1, 99, -1])),
)
METHODS = sorted(row.name for row in get_registry().contributions("method"))
METRICS = sorted(row.name for row in get_registry().contributions("metric"))
_NAMES = [
    "body",
    "stem",
    "body.0",
    "head",
    "blocks.1",
    "embed",
    "nowhere",
    "body#0",
    "body#7",
    "body['x']",
    "#",
    "body[",
]
LAYERS = st.sampled_from(
    [None, *_NAMES, "stem.1 > relu", "a > b > c", "", ["stem", "body"], nn.ReLU()]
)
_SELDOM = st.integers(0, 11).map(lambda n: n == 11)
OPTIONS = {
    row.name: [name for name in takes(row.load()) if name]
    for row in get_registry().contributions("method")
}

# For each argument what is right or nearly so; anything else comes beside it.
EXPLAIN: Mapping[str, st.SearchStrategy[Any]] = {
    "images": GOOD_IMAGES,
    "method": st.sampled_from(METHODS),
    "target": TARGETS,
    "layer": LAYERS,
    "reshape_transform": st.sampled_from([None, lambda x: x, lambda x: None, lambda x: x[0]]),
    "image_input": st.sampled_from([None, 0, 1, "images", "nothing"]),
    "shared_inputs": st.sampled_from([None, [], [0], ["images"]]),
    "output": st.sampled_from([None, 0, 1, "logits", "nothing", lambda out: out]),
    "adapter": st.sampled_from([None, camkit.Adapter(nn.Identity())]),
    "batch_size": st.sampled_from([None, 1, 2, 64]),
    "aug_smooth": st.booleans(),
    "eigen_smooth": st.booleans(),
    "guided": st.booleans(),
}


@dataclass(frozen=True)
class ApiCall:
    """A call of camkit.

    Attributes:
        function: its name.
        model: the name of one of `MODELS`, or something that is no model.
        arguments: all others.
    """

    function: str
    model: Any
    arguments: Mapping[str, Any]

    def __repr__(self) -> str:
        given = {"model": self.model, **self.arguments}
        return f"{self.function}({', '.join(f'{name}={_short(given[name])}' for name in given)})"


def _short(value: Any) -> str:
    """A value as text, without the numbers of a tensor."""
    if isinstance(value, Tensor):
        return f"{value.dtype}{tuple(value.shape)}".removeprefix("torch.")
    try:
        return repr(value)[:80]
    except Exception as error:  # noqa: BLE001 - some values have no text
        return f"{type(value).__name__} ({error})"


@st.composite
def inputs(draw: st.DrawFn) -> ApiCall:
    """A call of `explain`, `compare` or `layers`, of which some arguments may be anything."""
    function = draw(st.sampled_from(["explain", "explain", "explain", "compare", "layers"]))
    model = draw(ANYTHING if draw(_SELDOM) else st.sampled_from(sorted(MODELS)))
    known = dict(EXPLAIN)
    if isinstance(model, str) and hasattr(MODELS.get(model), "body"):
        known["adapter"] |= st.just(camkit.Adapter(MODELS[model].body))
    if function == "layers":
        known = {name: known[name] for name in ("images", "target")}
    elif function == "compare":
        known["methods"] = st.lists(known.pop("method"), min_size=1, max_size=2)
        known["targets"] = st.lists(known.pop("target"), min_size=1, max_size=2)
        known["metrics"] = st.one_of(st.just(()), st.lists(st.sampled_from(METRICS), max_size=1))
    others = st.lists(st.sampled_from(sorted(set(known) - {"images"})), max_size=4, unique=True)
    arguments = {name: draw(known[name]) for name in ("images", *draw(others))}
    if draw(_SELDOM):
        arguments["images"] = draw(ODD_IMAGES)
    for name in draw(st.lists(st.sampled_from(sorted(arguments)), max_size=1)):
        arguments[name] = draw(ANYTHING)
    if function != "layers":
        arguments |= draw(_options(arguments.get("method")))
    return ApiCall(function, model, arguments)


@st.composite
def _options(draw: st.DrawFn, method: Any) -> dict[str, Any]:
    """Values for one of the method's own options, or for one that it does not have."""
    own = OPTIONS.get(method, []) if isinstance(method, str) else []
    names = draw(
        st.lists(st.sampled_from(own or ["nonsense"]), max_size=1 if own else draw(_SELDOM))
    )
    return {name: draw(st.one_of(NUMBERS.filter(_small), TEXTS, ANYTHING)) for name in names}


def _small(value: Any) -> bool:
    """Whether it is no number of samples that would take for ever."""
    return not isinstance(value, (int, float)) or not abs(value) > 100


def tried(call: ApiCall) -> str:
    """The outcome of a call; the model must be afterwards what it was."""
    named = isinstance(call.model, str) and call.model in MODELS
    model = MODELS[call.model] if named else call.model
    before = state(model) if named else None
    random = torch.get_rng_state()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        name = outcome(partial(_run, call, model), _of_the_model(call, model))
    assert not named or state(model) == before, "the model has changed"
    assert torch.equal(random, torch.get_rng_state()), "the random state has changed"
    return name


def _run(call: ApiCall, model: Any) -> None:
    answer = getattr(camkit, call.function)(model, **call.arguments)
    if call.function == "layers":
        assert str(answer)
        return
    for explanation in [answer] if call.function == "explain" else answer:
        assert explanation.cam.isfinite().all() or explanation.notes, "a map of NaN without a word"
        assert explanation.heatmap.ndim == explanation.cam.ndim
        explanation.summary()
    with tempfile.TemporaryDirectory() as folder:
        (answer if call.function == "explain" else answer[0, 0]).save(Path(folder) / "map.npz")


def _of_the_model(call: ApiCall, model: Any) -> tuple[type[BaseException], ...]:
    """The error that the model itself raises for these images, which camkit passes on."""
    images = call.arguments["images"]
    if not (isinstance(model, nn.Module) and isinstance(images, Tensor)):
        return ()
    batch = images[None] if images.ndim == 3 else images
    state, training = torch.get_rng_state(), model.training
    try:
        with torch.no_grad():
            model.eval()(batch)
    except Exception as error:  # noqa: BLE001 - of any kind
        return (type(error),)
    finally:
        model.train(training)
        torch.set_rng_state(state)
    return ()
