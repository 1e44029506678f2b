"""How a call is made in a short pass."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor

from .parts import Part, Source
from .rows import Need, Rows, Where


class Instead(Protocol):
    """What stands in the place of a call, made of the tokens that linear layers read."""

    @property
    def sources(self) -> list[tuple[Part, Rows | None]]:
        """The parts of linear layers, each with the rows of its tokens; None for all."""

    @property
    def unread(self) -> set[Where]:
        """The call's arguments that are not read."""

    @property
    def held(self) -> dict[int, Rows | None]:
        """Which of the call's results somebody needs, and the rows of them; None for all."""

    def __call__(self, args: Any, kwargs: Any, sources: list[Source]) -> list[Tensor]:
        """These results."""


@dataclass(frozen=True)
class Step:
    """How a call is made.

    Attributes:
        rows: those of its result that it gives; None for the whole.
        need: what it needs for them.
        instead: what is made in its place; None for the call itself.
        kept: whether it is a linear layer whose weights another step reads.
        made: whether anybody needs its result; else it is kept alone.
    """

    rows: Rows | None
    need: Need
    instead: Instead | None = None
    kept: bool = False
    made: bool = True
