"""Rows: a part of a tensor along one axis; and what a call needs to give them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor

from ..tape import Call, Slot

Where = tuple[Any, ...]  # of an argument: a position or a name, then a position in a list


@dataclass(frozen=True, slots=True)
class Rows:
    """The indices from `start` up to `stop` along an axis, which is counted from the front."""

    axis: int
    start: int
    stop: int

    @property
    def count(self) -> int:
        """How many they are."""
        return self.stop - self.start

    def along(self, axis: int) -> Rows:
        """The same indices along another axis."""
        return Rows(axis, self.start, self.stop)


def together(needs: Iterable[Rows | None]) -> Rows | None:
    """The rows that hold all of these; None for the whole tensor."""
    needs = list(needs)
    if None in needs or len({rows.axis for rows in needs if rows}) != 1:
        return None
    known = [rows for rows in needs if rows]
    return Rows(known[0].axis, min(rows.start for rows in known), max(rows.stop for rows in known))


@dataclass(frozen=True)
class Need:
    """What a call needs to give some rows of its result.

    Attributes:
        reads: the rows of its tensors; of those that are not listed it needs the whole.
        fixed: other arguments that differ from the noted ones, such as sizes.
        left_out: tensors of a list of which it needs nothing.
    """

    reads: dict[Where, Rows] = field(default_factory=dict)
    fixed: dict[Where, Any] = field(default_factory=dict)
    left_out: frozenset[Where] = frozenset()


@dataclass(frozen=True)
class Given:
    """A noted call, with the shapes of what it reads and gives."""

    call: Call
    shapes: list[torch.Size]

    @property
    def result(self) -> torch.Size:
        """The shape of its first result."""
        return self.shapes[self.call.results[0]]

    def shape(self, leaf: Any) -> torch.Size:
        """The shape of a slot or tensor among its arguments."""
        return self.shapes[leaf.index] if isinstance(leaf, Slot) else leaf.shape

    @property
    def first(self) -> torch.Size:
        """The shape of its first argument."""
        return self.shape(self.call.args[0])

    def option(self, position: int, name: str, default: Any = None) -> Any:
        """An argument, given by position or by name."""
        args = self.call.args
        return args[position] if len(args) > position else self.call.kwargs.get(name, default)

    def axis(self, number: int, shape: torch.Size) -> int:
        """An axis, counted from the front."""
        return number % len(shape)


def leaves(call: Call) -> Iterator[tuple[Where, Any]]:
    """Where a call's tensors are, each a slot or a tensor; lists of them are looked into."""
    named = [*enumerate(call.args), *call.kwargs.items()]
    for where, value in named:
        if isinstance(value, (Slot, Tensor)):
            yield (where,), value
        elif isinstance(value, (list, tuple)):
            for index, leaf in enumerate(value):
                if isinstance(leaf, (Slot, Tensor)):
                    yield (where, index), leaf


def at(args: Any, kwargs: Any, where: Where) -> Any:
    """The argument at a place; None if there is none."""
    key = where[0]
    value = kwargs.get(key) if isinstance(key, str) else args[key]
    return value if len(where) == 1 else value[where[1]]


def put(listed: list[Any], named: dict[str, Any], where: Where, value: Any) -> None:
    """Set the argument at a place."""
    holder: Any = named if isinstance(where[0], str) else listed
    if len(where) == 1:
        holder[where[0]] = value
        return
    items = list(holder[where[0]])  # the model's own list stays as it is
    items[where[1]] = value
    holder[where[0]] = items
