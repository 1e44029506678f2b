"""The names of classes: those that a model carries, and the class that a text names."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from difflib import get_close_matches
from itertools import islice
from typing import Any

from torch import nn

from ...errors import ArgumentError, TargetError, UnknownName, shown
from .names_file import by_index

Names = Sequence[str]
# What libraries call a class that nobody named: transformers, and ultralytics.
_PLACEHOLDERS = ("LABEL_{}", "{}")


def names_in(model: nn.Module) -> tuple[str, ...] | None:
    """The names of its classes that a model carries, in their order; None if it carries none.

    They are read from `class_names` of any model, `config.id2label` (transformers), `names` beside
    `yaml` (ultralytics) and `label_names` of `pretrained_cfg` (timm). A module that only wraps one
    other has the names of that one. Placeholders such as LABEL_0 count as none, and so does
    timm's record of ImageNet, which an untrained model has, too.
    """
    for module in inner_modules(model):
        for given in _carried(module):
            if names := _ordered(given):
                return names
    return None


def inner_modules(model: nn.Module) -> Iterator[nn.Module]:
    """The model and, as long as a module only wraps one other, that one."""
    module: nn.Module | None = model
    while module is not None:
        yield module
        module = _inner(module)


def _carried(module: nn.Module) -> list[Any]:
    """What may be names. Attributes of the instance alone are read: properties may run code."""
    own = vars(module)
    return [
        own.get("class_names"),
        _item(own.get("config"), "id2label"),
        own.get("names") if "yaml" in own else None,
        _described(own.get("pretrained_cfg")),
    ]


def _item(settings: Any, name: str) -> Any:
    if settings is None:
        return None
    with suppress(Exception):  # a configuration of any kind may compute its items, and fail
        return settings.get(name) if isinstance(settings, Mapping) else getattr(settings, name)
    return None


def _described(settings: Any) -> Any:
    """timm's label names, each with its description in its place where there is one."""
    labels, described = _item(settings, "label_names"), _item(settings, "label_descriptions")
    if not isinstance(labels, (list, tuple)) or not isinstance(described, Mapping):
        return labels
    return [described.get(label, label) for label in labels]


def _ordered(given: Any) -> tuple[str, ...] | None:
    """The names of a list, or of a dict with the keys 0, 1, 2, ...; None for anything else."""
    if isinstance(given, Mapping):
        in_order = list(given) == list(range(len(given)))
        given = list(given.values()) if in_order else by_index(given)
    if not given or not isinstance(given, (list, tuple)) or set(map(type, given)) != {str}:
        return None
    unnamed = any(
        all(name == form.format(index) for index, name in enumerate(given))
        for form in _PLACEHOLDERS
    )
    return None if unnamed else tuple(given)


def _inner(module: nn.Module) -> nn.Module | None:
    """The only part of a module that has weights; None if it has several, or some of its own."""
    if _has_own_weights(module):
        return None
    parts = (part for part in module.children() if any(map(_has_own_weights, part.modules())))
    first_two = list(islice(parts, 2))  # the look at all parts would take as long as a short call
    return first_two[0] if len(first_two) == 1 else None


def _has_own_weights(module: nn.Module) -> bool:
    return any(weight is not None for weight in module._parameters.values())


def fit(names: Names, classes: int) -> bool:
    """Whether there is a name for each class; one logit stands for two classes."""
    return len(names) == max(classes, 2)


def check_class_names(names: Sequence[str], classes: int) -> None:
    """Raise ArgumentError unless each class has a name."""
    if not fit(names, classes):
        raise ArgumentError(
            f"{len(names)} class names for a model with {classes} classes; expected one for each, "
            f"in the order of the classes (--class-names FILE)"
        )


def find_class(text: str, names: Names) -> int:
    """The index of the class that `text` names: its name, one of its synonyms, or words of these.

    Upper and lower case count as one, and so do blanks, hyphens and underscores.

    Raises:
        UnknownName: if there is no such class; the error gives the closest names.
        TargetError: if there are several, or if `text` breaks off in its first word; the error
            lists what it could be.
    """
    matches = matching(text, names)
    if len(matches) == 1:
        return matches[0]
    _refuse_box(text, names)
    if not (matches := matches or _begun(text, names)):
        raise _unknown_class(text, names)
    listed = "; ".join(f"{names[index]} ({index})" for index in matches[:8])
    more = f" and {len(matches) - 8} more" if len(matches) > 8 else ""
    count = "1 class" if len(matches) == 1 else f"{len(matches)} classes"
    raise TargetError(f"{shown(text)} could be {count}: {listed}{more}; give the index")


def matching(text: str, names: Names) -> list[int]:
    """The classes that `text` may name, by the first rule that any class meets."""
    wanted = _folded(text)
    rules: tuple[Callable[[str], bool], ...] = (
        lambda name: _folded(name) == wanted,
        lambda name: wanted in map(_folded, name.split(",")),
        lambda name: any(_has_words(_folded(each), wanted) for each in name.split(",")),
    )
    for rule in rules if wanted else ():
        if matches := [index for index, name in enumerate(names) if rule(name)]:
            return matches
    return []


def _has_words(name: str, wanted: str) -> bool:
    """Whether a name has these words, or begins with them: "cat" is none of "catamaran"."""
    return f" {wanted} " in f" {name} " or (" " in wanted and name.startswith(wanted))


def _begun(text: str, names: Names) -> list[int]:
    """The classes with a name that begins so."""
    wanted = _folded(text)
    return [
        index
        for index, name in enumerate(names)
        if wanted and any(_folded(each).startswith(wanted) for each in name.split(","))
    ]


def _refuse_box(text: str, names: Names) -> None:
    """Raise TargetError for `dog:0`, the best dog of a detector, where there are classes alone."""
    if not (match := re.fullmatch(r"(.*):\d{1,6}", text)):
        return
    kept = "the class alone" if matching(match[1], names) else "a class that the model has, or top1"
    raise TargetError(
        f"{shown(text)} is a box, as of a detector, and this model gives classes; ask for {kept}"
    )


def _folded(text: str) -> str:
    return " ".join(re.split(r"[\s_-]+", text.strip().casefold()))


def _unknown_class(text: str, names: Names) -> UnknownName:
    synonyms = [synonym.strip() for name in names for synonym in name.split(",")]
    by_folded = {_folded(synonym): synonym for synonym in synonyms}
    close = [by_folded[folded] for folded in get_close_matches(_folded(text)[:200], by_folded, n=3)]
    hint = f" Did you mean {' or '.join(map(repr, close))}?" if close else ""
    classes = f" Known: {', '.join(names)}" if len(names) <= 20 else f" There are {len(names)}"
    return UnknownName(f"no class named {shown(text)}.{hint}{classes}")
