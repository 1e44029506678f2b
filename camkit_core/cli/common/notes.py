"""Notes on explanations: each is said once, with how many pictures it is of."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .messages import say_above_bar

_NUMBERS = re.compile(r"\d[\d.,]*(e[+-]?\d+)?")


@dataclass
class _Note:
    """One note, and what it was said of; texts that differ in numbers alone count as one."""

    text: str
    first: str
    alike: bool = True
    images: dict[str, None] = field(default_factory=dict)
    methods: dict[str, None] = field(default_factory=dict)
    times: int = 0


class Notes:
    """Gathers notes, and says each once."""

    def __init__(self) -> None:
        self._notes: dict[str, _Note] = {}

    def add(self, text: str, image: str, method: str, what: str) -> None:
        """Note something of one explanation: of an image by a method, for a target."""
        note = self._notes.setdefault(
            _NUMBERS.sub("#", text), _Note(text, f"{image}, {method}, {what}")
        )
        note.alike = note.alike and note.text == text
        note.images[image] = note.methods[method] = None
        note.times += 1

    def say(self) -> None:
        """Print the notes gathered so far, and forget them."""
        for note in self._notes.values():
            say_above_bar(f"note: {_whose(note)}: {note.text}")
        self._notes.clear()


def _whose(note: _Note) -> str:
    if note.times == 1:
        return note.first
    images, methods = list(note.images), ", ".join(note.methods)
    if len(images) == 1:
        said = f"{images[0]}, {methods}"
        return said if note.alike else f"{said}, {note.times} times the like of"
    said = f"in {len(images)} images, {methods}"
    return said if note.alike else f"{said}, the like of ({note.first})"
