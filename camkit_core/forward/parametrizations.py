"""The cache of `torch.nn.utils.parametrize.cached()`, to be put back after a run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from torch.nn.utils import parametrize

from .attributes import put_back


@contextmanager
def preserving_cached_weights() -> Iterator[None]:
    """Put the cache back: weights that a run computes in it have no graph to train them by."""
    if not parametrize._cache_enabled:
        yield
        return
    before = dict(parametrize._cache)
    try:
        yield
    finally:
        put_back(parametrize._cache, before)
