"""The texts of `--target`: a class index, a class name, words of one, or top1, top2, ..."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ...errors import TargetError, shown
from ...inputs.models.class_names import check_class_names, find_class, fit, matching, names_in
from ...inputs.models.load import LoadedModel
from ...inputs.targets.resolve import Rank, top
from ...results.explanation import Explanation
from .arguments import split_list

Names = Sequence[str]
_UNNAMED = re.compile(r"\d+|top\d+", re.IGNORECASE)


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
    if names and matching(text, names):
        return (find_class(text, names),)
    items = split_list(text)
    if not items:
        raise TargetError("expected a target: a class index, a class name, or top1, top2, ...")
    return tuple(dict.fromkeys(_target(item, names) for item in items))


def known_names(model: LoadedModel) -> Names | None:
    """The names that were given or came with the weights; else those that the model carries."""
    return model.class_names or names_in(model.model)


def names_for(explanation: Explanation, model: LoadedModel, text: str | None) -> Names | None:
    """The names of the classes of an explanation, for the targets that `text` means.

    Raises:
        ArgumentError: if there are more or fewer than classes, and they were given or asked for;
            names that a model only carries are then not used.
    """
    names, logits = known_names(model), explanation.logits
    if names is None or logits is None:
        return names
    if model.class_names or any(not _UNNAMED.fullmatch(item) for item in split_list(text or "")):
        check_class_names(names, logits.shape[1])
    return names if fit(names, logits.shape[1]) else None


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
