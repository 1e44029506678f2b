"""The error for a model in which no layer passes the tests."""

from __future__ import annotations

from math import prod

import torch
from torch import nn

from ..errors import NoAdapter
from ..inputs.model import is_exported
from ..inputs.prepare import Inputs
from .search.candidates import Candidate
from .search.elimination import ANSWER
from .search.flow import BACK, SPECTRA, name_of
from .search.resampled import RESAMPLED
from .search.search import Search

SHOWN = 6  # of the last candidates
_THROUGH = (
    "through a module of the model, self.maps = nn.Identity() and then "
    "x = self.maps(x), and pass layer='maps'."
)


def no_layer(inputs: Inputs, found: Search) -> NoAdapter:
    """The error, with the reason against each late candidate, and what to write instead."""
    model = inputs.model
    if folded := _folded(found):
        name, rows = folded
        return NoAdapter(
            f"no adapter knows {_kind(model)}, and none of its layers gives a row for each image: "
            f"{name!r} gives {rows} rows for 1 image, as when crops or frames are folded into the "
            f"batch. Explain the part of the model that takes one crop or frame at a time."
        )
    recorded = None if found.candidates else _recorded(model)
    if recorded:
        name, kind = recorded
        return NoAdapter(
            f"no adapter knows {_kind(model)}, and its part {name!r} is {kind}, whose layers "
            f"cannot be observed. Put the Python module that it was made from in its place; or, if "
            f"it returns maps, hand them {_THROUGH}"
        )
    if _of_one_position(found):
        size = "x".join(map(str, inputs.images.shape[2:]))
        return NoAdapter(
            f"no adapter knows {_kind(model)}, and for images of {size} each of its layers has one "
            f"position, which is no place in them. Pass larger images, of the size that the model "
            f"is made for.{_shapes(found)}"
        )
    lines = [
        f"\n  {candidate}  {candidate.shape}: {candidate.reason}" for candidate in _late(found)
    ]
    return NoAdapter(
        f"no adapter knows {_kind(model)}, and no layer of it passes the tests for this target. "
        f"{_advice(found)}The last ones, and why not:{''.join(lines) or _shapes(found)}"
    )


def _kind(model: nn.Module) -> str:
    return f"{type(model).__module__}.{type(model).__qualname__}"


def _recorded(model: nn.Module) -> tuple[str, str] | None:
    """The name and kind of a part with weights that runs as recorded code, without layers."""
    for name, part in model.named_modules():
        script = isinstance(part, torch.jit.ScriptModule)
        if (script or is_exported(part)) and next(part.parameters(), None) is not None:
            return name, f"a {type(part).__name__}" if script else "an exported graph"
    return None


def _late(found: Search) -> list[Candidate]:
    return found.candidates[-SHOWN:]


def _folded(found: Search) -> tuple[str, int] | None:
    """The last layer with maps, and its rows, where no layer has one row for one image."""
    maps = {name: shape for name, shape in found.scanned.shapes.items() if len(shape) > 2}
    if found.candidates or not maps or any(shape[0] == 1 for shape in maps.values()):
        return None
    name, shape = list(maps.items())[-1]
    return name, shape[0]


def _of_one_position(found: Search) -> bool:
    """Whether all that could be maps or tokens are a single one, in layers and outside of any."""
    shapes = [shape for shape in found.scanned.shapes.values() if len(shape) > 2]
    single = [prod(shape[2:]) == 1 or shape[1:-1] == (1,) for shape in shapes]
    of_calls = found.scanned.flow.shapes
    larger = any(of_calls[slot] != of_calls[0] for slot in found.scanned.certified)
    return bool(single) and all(single) and not larger and not found.candidates


def _shapes(found: Search) -> str:
    shapes = [f"\n  {name}  {shape}" for name, shape in found.scanned.shapes.items() if shape[2:]]
    return "".join(shapes[-SHOWN:]) or " none returns a tensor of three or more axes"


def _advice(found: Search) -> str:
    """A layer to name: the last whose positions are certain, and that the score reads."""
    taken = [each for each in found.candidates if each.reach and each.reason[:22] == RESAMPLED[:22]]
    if taken:
        return (
            f"The model itself takes values from places that it chooses, and a map behind them "
            f"lies over these places. Pass layer={str(taken[-1])!r} for that map. "
        )
    fitting = [
        candidate
        for candidate in found.candidates
        if candidate.certified and candidate.reach and candidate.reason[1:2] in ("b", "f")
    ]
    if fitting:
        return f"Pass layer={str(fitting[-1])!r} to explain one all the same. "
    answers = [each for each in found.candidates if each.reason == ANSWER and each.certified]
    if answers:
        return (
            f"The answer is itself a map, which is read off each layer position by position. Pass "
            f"layer={str(answers[0])!r} for the earliest all the same. "
        )
    names = [name_of(call) for call in found.scanned.flow.calls]
    if any(name.startswith(SPECTRA) for name in names) and not any(
        name.startswith(BACK) for name in names
    ):
        return (
            "The model makes a spectrum of what it gets, and its layers lie over that. Explain the "
            "part of the model that follows, with the spectrum (N, C, frequencies, times) as the "
            "images. "
        )
    if not any(shape[2:] for shape in found.scanned.shapes.values()):
        return f"Hand its maps {_THROUGH} "
    return "Pass layer= with one of its layers, and reshape_transform= where it is no grid. "
