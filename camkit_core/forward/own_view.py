"""A module's table of parts as one thread has it, while other threads have the real one.

So a thread can have plain modules in place of compiled ones. And it can have copies of the buffers
that a model's runs write to: what the runs of an explanation write is forgotten, and what a
prediction in another thread writes meanwhile stays.
"""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping, Sequence
from itertools import starmap
from operator import is_
from threading import get_ident
from typing import Any

import torch
from torch import Tensor, nn

from ..inputs.model_memory import ModelMemory

_Mapping: Any = MutableMapping
_written: ModelMemory[bool] = ModelMemory()  # whether runs of the model wrote to a copy


class OwnView(dict[str, Any]):
    """A dict that is one table for the thread that makes it, and another for all other threads.

    Args:
        real: what other threads read and write.
        own: what this thread reads and writes.
    """

    def __init__(self, real: dict[str, Any], own: dict[str, Any]) -> None:
        super().__init__(real)  # what torch's compiler reads, past these methods
        self._real, self._own, self._thread = real, own, get_ident()

    @property
    def table(self) -> dict[str, Any]:
        """The calling thread's."""
        return self._own if get_ident() == self._thread else self._real

    # A dict's own would not call the methods below.
    get, pop, popitem = _Mapping.get, _Mapping.pop, _Mapping.popitem
    setdefault, update, clear = _Mapping.setdefault, _Mapping.update, _Mapping.clear

    def __getitem__(self, key: str) -> Any:
        return self.table[key]

    def __setitem__(self, key: str, value: Any) -> None:
        self.table[key] = value

    def __delitem__(self, key: str) -> None:
        del self.table[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self.table)

    def __reversed__(self) -> Iterator[str]:
        return reversed(self.table)

    def __len__(self) -> int:
        return len(self.table)

    def __contains__(self, key: object) -> bool:
        return key in self.table

    def keys(self) -> Any:
        """The keys of the calling thread's table."""
        return self.table.keys()

    def values(self) -> Any:
        """The values of the calling thread's table."""
        return self.table.values()

    def items(self) -> Any:
        """The items of the calling thread's table."""
        return self.table.items()

    def copy(self) -> dict[str, Any]:
        """A plain dict of the calling thread's table."""
        return self.table.copy()

    def __reduce_ex__(self, protocol: Any) -> Any:
        return dict, (self.copy(),)  # a copy of the module has a plain dict


class OwnBuffers:
    """Copies of the buffers of modules, where the calling thread finds them in their place.

    Only for modules that are not torch's own, whose buffers stay the same in evaluation mode; and
    not for a model that was seen to leave its buffers as they are.

    Args:
        model: the model.
        modules: those with such buffers.
    """

    def __init__(self, model: nn.Module, modules: Sequence[nn.Module]) -> None:
        self._copies: dict[int, tuple[Tensor, Tensor]] = {}  # by the identity of the original
        self._tables: list[tuple[nn.Module, dict[str, Any], dict[str, Any]]] = []
        self._known = _written.of(model) if modules else {}
        if self._known.get("buffers", True):
            self._tables = [(each, each._buffers, self._copied(each._buffers)) for each in modules]
        self._before = [dict(own) for _, _, own in self._tables]
        for module, table, own in self._tables:
            module.__dict__["_buffers"] = OwnView(table, own)

    def _copied(self, table: dict[str, Tensor | None]) -> dict[str, Any]:
        return {name: self._copy(each) if _plain(each) else each for name, each in table.items()}

    def _copy(self, tensor: Any) -> Tensor:
        """A copy; always the same, as modules may share a buffer."""
        if id(tensor) not in self._copies:
            self._copies[id(tensor)] = tensor.clone(), tensor.clone()
        return self._copies[id(tensor)][0]

    @property
    def active(self) -> bool:
        """Whether the thread finds copies."""
        return bool(self._tables)

    def rewind(self) -> None:
        """Let the thread find the copies as they were."""
        for (_, _, own), before in zip(self._tables, self._before, strict=True):
            own.clear()
            own.update(before)
        for copy, original in self._copies.values():
            copy.detach().copy_(original)

    def end(self, ran: bool) -> bool:
        """Let the thread find the originals again; returns whether a run wrote to a copy.

        Args:
            ran: whether the model's runs came to their end, so that no writing shows something.
        """
        for module, table, _ in self._tables:
            module.__dict__["_buffers"] = table
        owns = (own for *_, own in self._tables)
        same = all(starmap(_same_values, zip(owns, self._before, strict=True)))
        written = not (same and all(starmap(torch.equal, self._copies.values())))
        if self._tables and (ran or written):
            self._known["buffers"] = written
        return written


def _same_values(table: dict[str, Any], before: dict[str, Any]) -> bool:
    return table.keys() == before.keys() and all(map(is_, table.values(), before.values()))


def _plain(value: Tensor | None) -> bool:
    """Whether a copy of a buffer is like the buffer itself in all but its place in memory."""
    return (
        type(value) is Tensor
        and value.layout is torch.strided
        and value.is_contiguous()
        and not (value.requires_grad or value.is_meta or value.is_inference())
        and not (value.is_nested or value.storage_offset())
    )
