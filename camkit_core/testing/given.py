"""The checks that a plugin leaves the tensors that it is given as they are."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import wraps
from typing import Any

from torch import Tensor

from ..plugins.facts import Method
from ..pytree import tensors_in
from .checks import Check, require
from .explainers import explainer
from .networks import conv_net, some_images
from .state import digest

VALUES = ("activations", "gradients", "raw_gradients", "images", "logits", "scores")


def given_check(method: Callable[..., Tensor]) -> Check:
    """The check of a method that is a function of a `Probe`."""
    attention = ("attention",) if Method.of(method).needs == "attention" else ()
    watched = watching(method, (*VALUES, *attention))

    def test() -> None:
        explainer(watched)(conv_net(), some_images(), 1)

    return Check("given", "What it reads of the probe is as it was, also as numpy arrays", test)


def watching(function: Callable[..., Any], names: Sequence[str]) -> Callable[..., Any]:
    """The function, which raises AssertionError if it changes attributes of its argument."""

    @wraps(function)
    def watched(given: Any, **options: Any) -> Any:
        before = dict(_digests(given, names))
        result = function(given, **options)
        changed = [name for name, value in _digests(given, names) if value != before[name]]
        require(not changed, f"it changed {', '.join(changed)}; let it edit a copy, .clone()")
        return result

    return watched


def _digests(given: Any, names: Sequence[str]) -> Iterator[tuple[str, Any]]:
    for name in names:
        yield name, [digest(tensor) for tensor in tensors_in(getattr(given, name))]
