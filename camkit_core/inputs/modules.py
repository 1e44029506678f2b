"""The modules of a model, found in one walk that all parts of a call share."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from typing import Any
from weakref import ref

from torch import Tensor, nn

from .values import plain_values

Outline = tuple[list[str], list[int], list[Any], list[Any], list[Any]]


class Modules:
    """Each module of a model once, level by level; `model.modules()` takes several times as long.

    Attributes:
        model: the model.
        all: its modules.
        classes: the class of each.
        outline: names, modules, classes and plain attributes, equal as long as all are the same.
    """

    def __init__(self, model: nn.Module) -> None:
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
        self.model, self.all = model, waiting
        self.classes: list[type] = list(map(type, waiting))
        self._names = names, children

    @cached_property
    def outline(self) -> Outline:
        # Weak references, as a new module may get the identity of one that is gone.
        return *self._names, list(map(ref, self.all)), self.classes, plain_values(self.all)

    @property
    def tensors(self) -> Iterator[Tensor]:
        """The parameters and buffers as they are now; a shared one each time."""
        for module in self.all:
            for table in (module._parameters, module._buffers):
                yield from (tensor for tensor in table.values() if tensor is not None)

    @cached_property
    def torchs(self) -> frozenset[type]:
        """The classes among them that are torch's own, so that what they do is known."""
        return frozenset(kind for kind in set(self.classes) if is_torchs(kind))


def is_torchs(kind: type) -> bool:
    """Whether a class of modules is torch's own."""
    return kind.__module__.startswith("torch.nn.")
