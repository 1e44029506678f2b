"""What modules keep on themselves beside parameters and buffers, put back after a run.

A model may count its calls, keep features in a list, or carry a state from image to image.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from itertools import chain
from random import Random, SystemRandom
from typing import Any

import numpy as np
from torch.nn.utils import parametrize

from ..inputs.look import CONTAINERS, Look, put_back, same_values


def restore_attributes(look: Look) -> None:
    """Put back what modules hold that are not torch's own, and what their containers hold."""
    if not look.others.same():
        look.others.put_back()
    for container, before in chain(look.containers, look.objects):
        if not same_values(container, before):
            _REFILL[_kind(container)](container, before)


def _refill_list(items: list[Any], before: list[Any]) -> None:
    items[:] = before


def _refill_set(items: set[Any], before: list[Any]) -> None:
    items.clear()
    items.update(before)


def _refill_deque(items: deque[Any], before: list[Any]) -> None:
    items.clear()
    items.extend(before)


_REFILL: dict[type, Callable[[Any, Any], None]] = {
    list: _refill_list,
    dict: put_back,
    set: _refill_set,
    deque: _refill_deque,
}


def _kind(container: Any) -> type:
    return next(kind for kind in CONTAINERS if isinstance(container, kind))


def undrawn(generator: Any) -> Callable[[], Any]:
    """A function that lets a generator of random numbers give the same numbers again."""
    if isinstance(generator, np.random.Generator):
        bits = generator.bit_generator
        return partial(setattr, bits, "state", bits.state)
    if isinstance(generator, SystemRandom):
        return bool  # it has no state
    if isinstance(generator, Random):
        return partial(generator.setstate, generator.getstate())
    return partial(generator.set_state, generator.get_state())


@contextmanager
def preserving_cached_weights() -> Iterator[None]:
    """Put the cache back: weights that a run computes in it have no graph to train them by."""
    before = dict(parametrize._cache)
    try:
        yield
    finally:
        put_back(parametrize._cache, before)
