"""The checks of sources: a name in, a model that can be built, and pictures prepared for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import torch
from torch import nn

from ..errors import CamkitError, UnknownName
from ..inputs.models.load import LoadedModel, load_source
from ..inputs.models.preprocessing import Preprocessing
from ..inputs.models.source import ModelSource
from ..inputs.targets.classification import found_logits
from .checks import Check, Promise, checks_of, installed, promise, require, run_all, skip
from .networks import seeded
from .state import random_facts

Function = Callable[[str], ModelSource]
_TASKS = ("", "classification", "detection", "segmentation", "text-image")
_OFF = 6.0  # levels of 255 by which a colour may come back
_NONSENSE = "no-such-model-f81d4fae"


@dataclass(frozen=True)
class Sourced:
    """A source, and the name of a small model of it."""

    function: Function
    name: str

    @cached_property
    def source(self) -> ModelSource:
        """What the source gives for the name."""
        return self.function(self.name)

    @cached_property
    def loaded(self) -> LoadedModel:
        """The model with random weights."""
        return load_source(self.source, self.name, "none")


def source_checks(source: str | Function, name: str) -> list[Check]:
    """Every check of a source of models.

    Args:
        source: a function of a name, or the name of an installed one. Its attribute
            `expected_failures` says which checks it fails, and why.
        name: of a model of it, without the prefix; best a small one. Its weights are random, and
            nothing of it is downloaded.

    Raises:
        CamkitError: for a source that is not installed.
    """
    function: Function = installed("source", source) if isinstance(source, str) else source
    expected = getattr(function, "expected_failures", {})
    return checks_of(PROMISES, Sourced(function, name), expected)


def check_source(source: str | Function, name: str) -> None:
    """Run every check of a source; AssertionError lists those that fail."""
    named = source if isinstance(source, str) else getattr(source, "__name__", "")
    run_all(f"source {named!r}", source_checks(source, name))


def stated(sourced: Sourced) -> None:
    """It returns a ModelSource, whose values are of the right types."""
    source = sourced.source
    given = type(source).__name__
    require(isinstance(source, ModelSource), f"it returns a {given}, not a ModelSource")
    require(source.task in _TASKS, f"its task is {source.task!r}, none of {', '.join(_TASKS[1:])}")
    kept = source.preprocessing is None or isinstance(source.preprocessing, Preprocessing)
    require(kept, f"its preprocessing is a {type(source.preprocessing).__name__}")
    names = source.class_names
    texts = names is None or (isinstance(names, tuple) and all(isinstance(n, str) for n in names))
    require(texts, f"its class names are {names!r}, not a tuple of texts")
    fits = names is None or not source.classes or len(names) == max(source.classes, 2)
    require(fits, f"it has {len(names or ())} class names for {source.classes} classes")


def unknown(sourced: Sourced) -> None:
    """A name that it does not know is a CamkitError that repeats the name."""
    try:
        sourced.function(_NONSENSE)
    except CamkitError as error:
        repeated = isinstance(error, UnknownName) or _NONSENSE in str(error)
        require(repeated, f"the error does not say which name: {error}")
        return
    except Exception as error:
        raised = f"{type(error).__name__}: {error}"
        raise AssertionError(f"{_NONSENSE} is no CamkitError but {raised}") from error
    raise AssertionError(f"it knows {_NONSENSE}")


def lazy(sourced: Sourced) -> None:
    """Naming a model draws no random numbers: it is built when build() is called."""
    before = random_facts()
    sourced.function(sourced.name)
    require(random_facts() == before, "it draws random numbers, as of a model that is built")


def build(sourced: Sourced) -> None:
    """Build gives a module, a new one each time, with the same weights from the same seed."""
    with seeded(3):
        first = sourced.source.build(None)
    with seeded(3):
        second = sourced.source.build(None)
    require(isinstance(first, nn.Module), f"build gives a {type(first).__name__}")
    require(first is not second, "build gives one and the same model twice")
    a, b = first.state_dict(), second.state_dict()
    same = a.keys() == b.keys() and all(torch.equal(a[key], b[key]) for key in a)
    require(same, "the weights of the second model differ; draw them from torch's generator")


def classes(sourced: Sourced) -> None:
    """A classifier has as many scores as it states, and as it is asked for."""
    usual = sourced.source.classes
    if not usual:
        skip("it states no number of classes")
    assert usual is not None
    for asked in (None, usual + 2):
        model = sourced.source.build(asked).eval()
        with torch.no_grad():
            logits = found_logits(model(sourced.loaded.preprocess(_picture())[None]))
        scores = None if logits is None else logits.shape[1]
        require(scores == (asked or usual), f"of {asked or usual} classes it gives {scores} scores")


def runs(sourced: Sourced) -> None:
    """The model takes what the preprocessing makes of a picture: (3, H, W), floating-point."""
    _needs_preprocessing(sourced)
    images = sourced.loaded.preprocess(_picture())
    shaped = images.ndim == 3 and images.is_floating_point()
    require(shaped, f"it makes {tuple(images.shape)} of {images.dtype} of a picture")
    if sourced.loaded.task != "text-image":  # it takes texts, too
        with torch.no_grad():
            sourced.loaded.model(images[None])


def picture(sourced: Sourced) -> None:
    """The picture that the model saw comes back: its colours, and what is left, right and above."""
    _needs_preprocessing(sourced)
    loaded = sourced.loaded
    seen = loaded.picture(loaded.preprocess(_picture()))
    require(seen.dtype == np.uint8 and seen.shape[2:] == (3,), f"it is {seen.shape} {seen.dtype}")
    height, width = seen.shape[:2]
    for y, x, colour in _CORNERS:
        place = seen[int(height * (0.4 + 0.2 * y)), int(width * (0.4 + 0.2 * x))]
        off = float(np.abs(place.astype(float) - colour).max())
        where = f"{'lower' if y else 'upper'} {'right' if x else 'left'}"
        wrong = f"at the {where} of the middle is {place.tolist()}, and was {list(colour)}"
        require(off <= _OFF, wrong)


_CORNERS = (
    (0, 0, (200, 40, 90)),
    (0, 1, (40, 160, 220)),
    (1, 0, (90, 220, 60)),
    (1, 1, (240, 230, 30)),
)


def _picture() -> np.ndarray[Any, Any]:
    """A picture (240, 240, 3) of four colours, one in each quarter."""
    made = np.zeros((240, 240, 3), np.uint8)
    for y, x, colour in _CORNERS:
        made[120 * y : 120 * y + 120, 120 * x : 120 * x + 120] = colour
    return made


def _needs_preprocessing(sourced: Sourced) -> None:
    if sourced.source.preprocessing is None:
        skip("it states no preprocessing for this model")


PROMISES: list[Promise[Sourced]] = [
    promise(test) for test in (stated, unknown, lazy, build, classes, runs, picture)
]
