"""Compiled parts of a model run eagerly, as their layers cannot be observed otherwise."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Lock
from typing import Any

import torch
from torch import nn


class _ForcedEager:
    """Torch's stance "force_eager", which is one for all threads: the last to leave ends it."""

    def __init__(self) -> None:
        self._lock, self._count = Lock(), 0
        self._stance: Any = None

    def __enter__(self) -> None:
        with self._lock:
            if self._count == 0:
                self._stance = torch.compiler.set_stance("force_eager")
                self._stance.__enter__()
            self._count += 1

    def __exit__(self, *error: object) -> None:
        with self._lock:
            self._count -= 1
            if self._count == 0:
                self._stance.__exit__(None, None, None)


_forced_eager = _ForcedEager()


@contextmanager
def eagerly(modules: Sequence[nn.Module]) -> Iterator[None]:
    """Inside, what was compiled of these modules runs eagerly, also a function that they call.

    A compiled part is replaced by the module it was made from, so that names and indices are those
    of the plain model.
    """
    if "torch._dynamo" not in sys.modules:
        yield  # nothing has been compiled, and to import the compiler takes seconds
        return
    replaced = list(_compiled_children(modules))
    with _forced_eager:
        for parent, name, child in replaced:
            parent._modules[name] = child._modules["_orig_mod"]
        try:
            yield
        finally:
            for parent, name, child in replaced:
                parent._modules[name] = child


def _compiled_children(modules: Sequence[nn.Module]) -> Iterator[tuple[nn.Module, str, nn.Module]]:
    for module in modules:
        for name, child in module._modules.items():
            if isinstance(child, torch._dynamo.OptimizedModule) and not child._forward_hooks:
                yield module, name, child


def compiling() -> AbstractContextManager[Any]:
    """Inside, what is compiled runs compiled all the same, as camkit's own fast runs do."""
    return torch.compiler.set_stance("default") if "torch._dynamo" in sys.modules else nullcontext()
