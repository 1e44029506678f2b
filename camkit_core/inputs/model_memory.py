"""What was found out about a model, kept until the model changes."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from threading import get_ident
from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary, ref

from torch import nn

V = TypeVar("V")
Outline = tuple[list[str], list[int], list[Any], list[Any]]


class ModelMemory(Generic[V]):
    """A dict for each model, emptied when one of its modules is replaced, added or renamed.

    Models are not kept alive. To look a model up takes 0.05 ms for a ResNet-50.
    """

    def __init__(self) -> None:
        self._entries: WeakKeyDictionary[nn.Module, tuple[Outline, dict[Any, V]]] = (
            WeakKeyDictionary()
        )

    def __len__(self) -> int:
        return len(self._entries)

    def of(self, model: nn.Module) -> dict[Any, V]:
        """What is kept of the model as it is now: a dict to read and to write."""
        outline = _outline_of(model)
        entry = self._entries.get(model)
        if entry is None or entry[0] != outline:
            entry = self._entries[model] = outline, {}
        return entry[1]


# With the thread, as a thread may begin with a copy of another one's context.
_unchanged: ContextVar[tuple[nn.Module, Outline, int] | None] = ContextVar(
    "unchanged", default=None
)


@contextmanager
def unchanged(model: nn.Module) -> Iterator[None]:
    """Inside, the model's modules stay what they are, so that they are looked through once."""
    token = _unchanged.set((model, _outline(model), get_ident()))
    try:
        yield
    finally:
        _unchanged.reset(token)


def _outline_of(model: nn.Module) -> Outline:
    same = _unchanged.get()
    known = same and same[0] is model and same[2] == get_ident()
    return same[1] if same and known else _outline(model)


def _outline(model: nn.Module) -> Outline:
    """Names, modules and classes, level by level; equal as long as all of them are the same.

    The modules are weak references: a new module may get the identity of one that is gone.
    """
    names: list[str] = []
    children: list[int] = []
    modules = {model: True}
    waiting = [model]
    for module in waiting:
        if table := module._modules:
            names += table.keys()  # a scripted module's table is no dict
            children += map(id, table.values())
            for child in table.values():
                if child is not None and child not in modules:
                    modules[child] = True
                    waiting.append(child)
    return names, children, list(map(ref, waiting)), list(map(type, waiting))
