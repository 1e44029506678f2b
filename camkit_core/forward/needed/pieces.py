"""Pieces of a linear layer's output, such as packed queries, keys and values, computed one by one.

Of a packed layer, the queries are needed for one row, the keys for all, the values perhaps not at
all. Each piece is a linear layer of its own, with a part of the weights.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..tape import Slot
from .parts import Part, Parts, Source
from .rows import Given, Need, Rows, Where, leaves
from .steps import Step


@dataclass(frozen=True)
class Pieces:
    """What is needed of each result of a call that cuts a linear layer's output into pieces.

    Attributes:
        asked: by index, the part that a result is, and its rows; None for all.
        unread: the call's arguments, none of which is read.
    """

    asked: dict[int, tuple[Part, Rows | None]]
    unread: set[Where]

    @property
    def sources(self) -> list[tuple[Part, Rows | None]]:
        """The parts, each with the rows of the tokens."""
        return [(part, rows and rows.along(1)) for part, rows in self.asked.values()]

    @property
    def held(self) -> dict[int, Rows | None]:
        """The rows of each result that somebody needs."""
        return {index: rows for index, (_, rows) in self.asked.items()}

    def __call__(self, args: Any, kwargs: Any, sources: list[Source]) -> list[Tensor]:
        """The pieces."""
        parts = (part for part, _ in self.asked.values())
        return [part.of(source) for part, source in zip(parts, sources, strict=True)]


def pieces(parts: Parts, given: Given, needs: Mapping[int, Rows | None]) -> Step | None:
    """A call that cuts a linear layer's output, in pieces; None where that saves nothing.

    Args:
        parts: of the tape.
        given: the call.
        needs: the rows of each of its results that somebody needs; None for the whole.
    """
    asked: dict[int, tuple[Part, Rows | None]] = {}
    for slot, rows in needs.items():
        part = parts.of(Slot(slot))
        if part is None or part.share == 1:
            return None
        own = rows if rows and rows.axis == part.axis else None
        asked[given.call.results.index(slot)] = part, own
    shares = [(rows.count / part.count if rows else 1, part) for part, rows in asked.values()]
    several = len(given.call.results) > 1 or all(share <= 0.5 for share, _ in shares)
    if not several or sum(share * part.share for share, part in shares) > 0.75:
        return None
    return Step(None, Need(), Pieces(asked, {where for where, _ in leaves(given.call)}))
