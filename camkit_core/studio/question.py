"""What the page asks: which photo, painted where, by which method, for what, at which layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..errors import ArgumentError, shown
from .photos import Box

# Options of methods that would take minutes as they are; the page says so, and so does its code.
QUICK: dict[str, dict[str, Any]] = {
    "scorecam": {"max_channels": 32},
    "groupcam": {"groups": 16},
    "rise": {"samples": 200},
    "drise": {"samples": 200},
}
MOST_BOXES, MOST_METHODS, LONGEST = 500, 12, 400
_LARGEST = 10**6


@dataclass(frozen=True)
class Question:
    """A photo, what is painted over, and what is explained of it.

    Attributes:
        photo: its key.
        painted: boxes of the photo that are painted over.
        methods: names of methods.
        target: a class by number, or words as `explain` takes them; None for the best.
        minus: the class whose map is taken away; None for none.
        layer: name of the layer; None for the model's own.
        view: how the page draws the maps: `colours`, `opacity`, `threshold`, `scale`, `wipe`.
    """

    photo: str
    painted: tuple[Box, ...] = ()
    methods: tuple[str, ...] = ("gradcam",)
    target: int | str | None = None
    minus: int | str | None = None
    layer: str | None = None
    view: Mapping[str, Any] = field(default_factory=dict)

    @property
    def options(self) -> dict[str, Any]:
        """The methods' options."""
        return {
            name: value for method in self.methods for name, value in QUICK.get(method, {}).items()
        }

    def each(self) -> list[Question]:
        """The same question of one method at a time."""
        return [replace(self, methods=(method,)) for method in self.methods]


def question(asked: Any) -> Question:
    """The question that a request's JSON states.

    Raises:
        ArgumentError: for anything else.
    """
    if not isinstance(asked, dict):
        raise ArgumentError(f"expected a question as an object of JSON, got {shown(asked)}")
    methods = asked.get("methods", ["gradcam"])
    if not isinstance(methods, list) or not 1 <= len(methods) <= MOST_METHODS:
        raise ArgumentError(f"expected 1 to {MOST_METHODS} methods, got {shown(methods)}")
    view = asked.get("view", {})
    return Question(
        _text(asked.get("photo"), "photo"),
        _boxes(asked.get("painted", [])),
        tuple(_text(each, "method") for each in methods),
        _target(asked.get("target")),
        _target(asked.get("minus")),
        None if asked.get("layer") is None else _text(asked["layer"], "layer"),
        view if isinstance(view, dict) else {},
    )


def _text(value: Any, what: str) -> str:
    if not isinstance(value, str) or not 0 < len(value) <= LONGEST:
        raise ArgumentError(f"expected a {what} by its name, got {shown(value)}")
    return value


def _target(value: Any) -> int | str | None:
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= _LARGEST:
        return value
    return None if value is None else _text(value, "class")


def _boxes(value: Any) -> tuple[Box, ...]:
    if not isinstance(value, list) or len(value) > MOST_BOXES or not all(map(_is_box, value)):
        raise ArgumentError(
            f"expected at most {MOST_BOXES} boxes [left, top, right, bottom], got {shown(value)}"
        )
    return tuple((left, top, right, bottom) for left, top, right, bottom in value)


def _is_box(value: Any) -> bool:
    sides = value if isinstance(value, list) and len(value) == 4 else [None]
    return all(type(side) is int and 0 <= side <= _LARGEST for side in sides)
