"""What a search for the layer is asked about: the scores of the targets, for one image."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from types import FunctionType
from typing import Any

import numpy as np
from torch import Tensor

from ...inputs.targets.classification import ClassifierOutputTarget
from ...inputs.targets.protocol import everywhere
from ...inputs.targets.resolve import resolve
from ...inputs.targets.text import TextScore

_DEEPEST = 3  # functions inside functions that are looked into
_PLAIN = (bool, int, float, str, bytes, type(None))


def scores_of(targets: Sequence[Any]) -> Callable[[Any], list[Tensor] | None]:
    """From the output for one image to the score of each kind of target, of the first image.

    None if the output has no such score; the pass of all images will tell why.
    """
    kinds = {kind_of(target): _asked(target) for target in targets}

    def scores(output: Any) -> list[Tensor] | None:
        try:
            return [resolve(target, output, 1).scores(output)[0] for target in kinds.values()]
        except Exception:  # noqa: BLE001 - whatever a target's own code raises
            return None

    return scores


def reads_maps(targets: Sequence[Any]) -> bool:
    """Whether a target is read off maps over the image."""
    return any(everywhere(_single(target)) is not None for target in targets)


def kinds_of(targets: Sequence[Any]) -> Hashable:
    """What the search for the layer depends on, of all targets."""
    return frozenset(map(kind_of, targets))


def kind_of(target: Any, depth: int = 0) -> Hashable:
    """What the search for the layer depends on: whether the target is a class, else which function.

    Two functions are of one kind if they run the same code with the same plain values. A class, and
    what lies deep inside a function, is of one kind with itself alone.
    """
    if isinstance(target, type) or depth > _DEEPEST:
        return id(target)
    target = _of_first_image(target)
    target = _single(target)
    if everywhere(target) is not None:
        return type(target), "everywhere"
    if isinstance(target, FunctionType):
        cells = [cell.cell_contents for cell in target.__closure__ or ()]
        values = (*cells, *(target.__defaults__ or ()))
        return (target.__code__, *(_plain(value, depth) for value in values))
    if isinstance(target, TextScore):
        return target.kind
    if callable(target) and not isinstance(target, ClassifierOutputTarget):
        state = sorted(getattr(target, "__dict__", {}).items())
        return (type(target), *((name, _plain(value, depth)) for name, value in state))
    return "class"


def _plain(value: Any, depth: int) -> Hashable:
    """A plain value; of any other, which one it is."""
    if isinstance(value, _PLAIN):
        return value
    if isinstance(value, (Tensor, np.ndarray)):
        return tuple(value.shape)
    return kind_of(value, depth + 1) if callable(value) else id(value)


def _asked(target: Any) -> Any:
    """The target that the search is asked: the first image's, about all places."""
    target = _of_first_image(target)
    whole = everywhere(_single(target))
    return target if whole is None else whole


def _single(target: Any) -> Any:
    """A target out of its list."""
    return target[0] if isinstance(target, list) and target else target


def _of_first_image(target: Any) -> Any:
    """The target of the first image; as a list, if there was one for each image."""
    several = isinstance(target, (Tensor, np.ndarray)) and target.ndim > 0
    if several or (isinstance(target, Sequence) and not isinstance(target, str)):
        return [target[0]] if len(target) else target
    return target
