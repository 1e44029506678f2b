"""The texts of `--target`: a class index, a class name, the beginning of one, or top1, top2, ..."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from ...errors import TargetError, UnknownName, shown
from ...inputs.targets.resolve import Rank, top
from .arguments import split_list

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
        UnknownName: if no class has a name; the error gives the closest names.
        TargetError: if a name fits several classes, or no names are known.
    """
    if names and _matches(text, names):
        return (find_class(text, names),)
    items = split_list(text)
    if not items:
        raise TargetError("expected a target: a class index, a class name, or top1, top2, ...")
    return tuple(dict.fromkeys(_target(item, names) for item in items))


def with_ranks(targets: Iterable[int | Top]) -> list[int | Rank]:
    """The targets as `compare` takes them: a rank for each of the top classes."""
    resolved: list[int | Rank] = []
    for target in targets:
        resolved += top(target.count) if isinstance(target, Top) else [target]
    return resolved


def _target(text: str, names: Names | None) -> int | Top:
    if match := re.fullmatch(r"top0*([1-9]\d{0,5})", text, re.IGNORECASE):
        return _best(int(match[1]), names)
    if text.isdecimal():
        return int(text)
    if not names:
        raise TargetError(
            f"cannot tell which class {shown(text)} is: no class names are known for these "
            f"weights; give an index, topK, or the names (--class-names FILE)"
        )
    return find_class(text, names)


def _best(count: int, names: Names | None) -> Top:
    """The best classes, of a model that has as many."""
    if names and count > max(len(names), 2):
        raise TargetError(f"asked for the {count} best classes of a model with {len(names)}")
    return Top(count)


def find_class(text: str, names: Names) -> int:
    """The index of the class that `text` names: its name, one of its synonyms, or their beginning.

    Upper and lower case count as one, and so do blanks, hyphens and underscores.

    Raises:
        UnknownName: if there is no such class; the error gives the closest names.
        TargetError: if there are several; the error lists them.
    """
    matches = _matches(text, names)
    if len(matches) == 1:
        return matches[0]
    if not matches:
        raise _unknown_class(text, names)
    listed = "; ".join(f"{names[index]} ({index})" for index in matches[:8])
    more = f" and {len(matches) - 8} more" if len(matches) > 8 else ""
    raise TargetError(
        f"{shown(text)} could be {len(matches)} classes: {listed}{more}; give the index"
    )


def _matches(text: str, names: Names) -> list[int]:
    """The classes that `text` may name, by the first rule that any class meets."""
    wanted = _folded(text)
    rules: tuple[Callable[[str], bool], ...] = (
        lambda name: _folded(name) == wanted,
        lambda name: wanted in map(_folded, name.split(",")),
        lambda name: any(_folded(synonym).startswith(wanted) for synonym in name.split(",")),
    )
    for rule in rules if wanted else ():
        if matches := [index for index, name in enumerate(names) if rule(name)]:
            return matches
    return []


def _folded(text: str) -> str:
    return " ".join(re.split(r"[\s_-]+", text.strip().casefold()))


def _unknown_class(text: str, names: Names) -> UnknownName:
    synonyms = [synonym.strip() for name in names for synonym in name.split(",")]
    by_folded = {_folded(synonym): synonym for synonym in synonyms}
    close = [by_folded[folded] for folded in get_close_matches(_folded(text)[:200], by_folded, n=3)]
    hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
    classes = f" Known: {', '.join(names)}" if len(names) <= 20 else f" There are {len(names)}"
    return UnknownName(f"no class named {shown(text)}.{hint}{classes}")
