"""What was found out about a model, kept until the model changes."""

from __future__ import annotations

from typing import Any, Generic, TypeVar
from weakref import WeakKeyDictionary

from torch import nn

from .modules import Outline
from .seen import modules_of, seen

V = TypeVar("V")


class ModelMemory(Generic[V]):
    """A dict for each model, emptied when a module is replaced, added, renamed, or set otherwise.

    What is set are its plain attributes and its code; weights and hooks may change. Models are not
    kept alive.
    """

    def __init__(self) -> None:
        self._entries: WeakKeyDictionary[nn.Module, tuple[Outline, dict[Any, V]]] = (
            WeakKeyDictionary()
        )

    def __len__(self) -> int:
        return len(self._entries)

    def of(self, model: nn.Module) -> dict[Any, V]:
        """What is kept of the model as it is now: a dict to read and to write."""
        look = seen(model)
        if look is None:
            return self._of_outline(model)
        if self not in look.prepared:
            look.prepared[self] = self._of_outline(model)
        values: dict[Any, V] = look.prepared[self]
        return values

    def _of_outline(self, model: nn.Module) -> dict[Any, V]:
        outline = modules_of(model).outline
        entry = self._entries.get(model)
        if entry is None or entry[0] is not outline:
            # An equal outline takes the place of the one before, to be known at sight.
            values = {} if entry is None or entry[0] != outline else entry[1]
            entry = self._entries[model] = outline, values
        return entry[1]
