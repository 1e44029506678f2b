"""Classes as people write them: an index, a name, a part of a name, or the top few."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from ..errors import CamkitError, UnknownName

Names = Sequence[str]


@dataclass(frozen=True)
class Top:
    """The `count` classes with the highest scores, different for each image."""

    count: int


def find_targets(text: str, names: Names | None) -> tuple[int | Top, ...]:
    """What a text such as `top3`, `254`, `pug` or `pug,top1` means.

    Args:
        text: a class index, a class name, top1, top2, ..., or several, separated by commas.
        names: the class names, if they are known; they may contain commas themselves.

    Raises:
        UnknownName: if no class goes by a name; it gives the closest ones.
        CamkitError: if a name fits several classes, or no names are known.
    """
    if names and _matches(text, names):
        return (find_class(text, names),)
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not parts:
        raise CamkitError("expected a target: a class index, a class name, or top1, top2, ...")
    return tuple(dict.fromkeys(_target(part, names) for part in parts))


def _target(text: str, names: Names | None) -> int | Top:
    if top := re.fullmatch(r"top([1-9]\d*)", text, re.IGNORECASE):
        return Top(int(top[1]))
    if text.isdecimal():
        return int(text)
    if not names:
        raise CamkitError(
            f"cannot tell which class {text!r} is: no class names are known for these weights; "
            f"give an index, topK, or the names (--class-names FILE)"
        )
    return find_class(text, names)


def find_class(text: str, names: Names) -> int:
    """The index of the class that goes by `text`: its name, one of its synonyms, or their start.

    Upper and lower case are one, and so are blanks, hyphens and underscores.

    Raises:
        UnknownName: if there is no such class; it gives the closest names.
        CamkitError: if there are several; it lists them.
    """
    found = _matches(text, names)
    if len(found) == 1:
        return found[0]
    if not found:
        raise _unknown_class(text, names)
    listed = "; ".join(f"{names[index]} ({index})" for index in found[:8])
    more = f" and {len(found) - 8} more" if len(found) > 8 else ""
    raise CamkitError(f"{text!r} could be {len(found)} classes: {listed}{more}; give the index")


def _matches(text: str, names: Names) -> list[int]:
    wanted = _folded(text)
    rules: tuple[Callable[[str], bool], ...] = (
        lambda name: _folded(name) == wanted,
        lambda name: wanted in map(_folded, name.split(",")),
        lambda name: any(_folded(part).startswith(wanted) for part in name.split(",")),
    )
    hits = ([index for index, name in enumerate(names) if rule(name)] for rule in rules)
    return next((found for found in hits if found), []) if wanted else []


def _folded(text: str) -> str:
    return " ".join(re.split(r"[\s_-]+", text.strip().casefold()))


def _unknown_class(text: str, names: Names) -> UnknownName:
    synonyms = [part.strip() for name in names for part in name.split(",")]
    folded = {_folded(name): name for name in synonyms}
    close = [folded[one] for one in get_close_matches(_folded(text), folded, n=3)]
    hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
    known = f" Known: {', '.join(names)}" if len(names) <= 20 else f" There are {len(names)}"
    return UnknownName(f"no class named {text!r}.{hint}{known}")
