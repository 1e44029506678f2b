"""Whether an argument or an option is what its annotation says.

Of an annotation, `int`, `float`, `bool`, `str`, `None`, `Literal`, lists, tuples, mappings,
functions and unions of these are checked, and the bounds of `Annotated[int, Ge(1)]`, as the package
annotated-types has them. Any other annotation takes whatever there is.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from numbers import Real
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from .errors import ArgumentError, ArgumentTypeError, UnknownPosition, shown

_LISTS = (Sequence, Collection, Iterable, list, tuple)
_IN_WORDS = {
    int: "an integer",
    float: "a number",
    bool: "True or False",
    str: "a string",
    NoneType: "None",
    dict: "a dict",
}
# By the names that annotated-types gives them: whether a bound is kept, and the bound in words.
_BOUNDS: dict[str, tuple[Callable[[Any, Any], bool], str]] = {
    "ge": (operator.ge, "of at least {}"),
    "gt": (operator.gt, "above {}"),
    "le": (operator.le, "at most {}"),
    "lt": (operator.lt, "below {}"),
    "min_length": (lambda value, least: len(value) >= least, "with at least {} of them"),
    "max_length": (lambda value, most: len(value) <= most, "at most {}"),
}


def checked(
    owner: str,
    name: str,
    value: Any,
    annotation: Any,
    kinds: tuple[type[Exception], type[Exception]] = (ArgumentError, ArgumentTypeError),
) -> Any:
    """The value of an argument; numbers of numpy and torch become Python's.

    Args:
        owner: whose argument it is, for the error.
        name: of the argument.
        value: what was given.
        annotation: what is taken.
        kinds: the error for a value out of range, and that for a value of another type.

    Raises:
        ArgumentTypeError: for a value of another type.
        ArgumentError: for a value out of range, or none of those that are allowed.
    """
    if type(value) is annotation is not float:  # which may be no number
        return value
    try:
        return _fitted(value, annotation)
    except (_OtherType, _OutOfRange) as misfit:
        kind = kinds[isinstance(misfit, _OtherType)]
    as_ = "" if get_origin(annotation) is Literal else "as "
    raise kind(f"{owner} takes {name}= {as_}{in_words(annotation)}; got {shown(value)}")


def position(index: Any, count: int, what: str, owner: str) -> int:
    """A position among `count`, from the end where it is negative.

    Raises:
        ArgumentTypeError: for anything but an integer.
        UnknownPosition: if there are not so many.
    """
    index = checked(owner, what, index, int)
    if not -count <= index < count:
        raise UnknownPosition(f"no {what} {shown(index)}: {owner} has {count}, counted from 0")
    return int(index)


def as_list(value: Any) -> list[Any] | None:
    """The items of a list, a tuple, an array or whatever else has items; None of anything else."""
    if isinstance(value, (str, bytes)) or not isinstance(value, Iterable):
        return None
    try:
        return list(value)
    except (TypeError, RuntimeError):  # an array without axes, or without values
        return None


class _OtherType(Exception):
    """A value is of another type."""


class _OutOfRange(Exception):
    """A value is of the right type, but not allowed."""


def _fitted(value: Any, kind: Any) -> Any:
    """The value as it is used; `_OtherType` or `_OutOfRange` if it does not fit."""
    kind = getattr(kind, "__supertype__", kind)  # of a NewType
    origin, arguments = get_origin(kind) or kind, get_args(kind)
    if origin is Annotated:
        return _within(_fitted(value, arguments[0]), arguments[1:])
    if origin is Literal:
        return _allowed(value, arguments)
    if origin in (Union, UnionType):
        return _any_of(value, arguments)
    if origin in _LISTS:
        return _items(value, arguments[:1])
    if origin in (Mapping, dict):
        return _instance(value, Mapping)
    if origin is Callable:
        return value if callable(value) else _refuse()
    if origin in (int, float, bool):
        return _number(value, origin)
    return _instance(value, origin or NoneType) if origin in (str, NoneType, None) else value


def _refuse() -> Any:
    raise _OtherType


def _instance(value: Any, kind: type) -> Any:
    return value if isinstance(value, kind) else _refuse()


def _number(value: Any, kind: type) -> Any:
    """A number as Python's; an int stands for a float, and a bool for no number."""
    plain = as_python(value)
    if isinstance(plain, bool) or kind is bool:
        return plain if isinstance(plain, bool) and kind is bool else _refuse()
    if kind is int:
        return plain if isinstance(plain, int) else _index(plain)
    if isinstance(plain, Real) and not isinstance(plain, int):
        plain = float(plain)
    if isinstance(plain, float) and math.isnan(plain):
        raise _OutOfRange
    return _instance(plain, Real)


def _index(value: Any) -> int:
    try:
        return operator.index(value)
    except (TypeError, ValueError):
        raise _OtherType from None


def as_python(value: Any) -> Any:
    """A scalar of numpy or torch as Python's; anything else as it is."""
    if getattr(value, "shape", None) != () or not hasattr(value, "item"):
        return value
    try:
        return value.item()
    except RuntimeError:  # on the meta device
        return value


def _within(value: Any, metadata: Iterable[Any]) -> Any:
    """The value, if it keeps all bounds."""
    for holds, bound, _ in _bounds(metadata):
        if value is not None and not holds(value, bound):
            raise _OutOfRange
    return value


def _bounds(metadata: Iterable[Any]) -> Iterator[tuple[Callable[[Any, Any], bool], Any, str]]:
    for stated in metadata:
        for name, (holds, words) in _BOUNDS.items():
            bound = getattr(stated, name, None)
            if bound is not None:
                yield holds, bound, words.format(bound)


def _allowed(value: Any, choices: Sequence[Any]) -> Any:
    plain = as_python(value)
    if type(plain) not in map(type, choices):
        raise _OtherType
    if plain not in choices:
        raise _OutOfRange
    return plain


def _any_of(value: Any, kinds: Sequence[Any]) -> Any:
    """The value, if it fits one of several annotations."""
    if value is None and NoneType in kinds:
        return None
    if not kinds:
        raise _OtherType
    try:
        return _fitted(value, kinds[0])
    except _OtherType:
        return _any_of(value, kinds[1:])
    except _OutOfRange as misfit:
        with suppress(_OtherType):
            return _any_of(value, kinds[1:])
        raise misfit from None


def _items(value: Any, kind: Sequence[Any]) -> Any:
    """A list or the like, whose items are of a kind; it stays as it is."""
    listed = hasattr(value, "__len__") and hasattr(value, "__getitem__")
    if not listed or isinstance(value, (str, bytes, Mapping)) or getattr(value, "shape", 1) == ():
        raise _OtherType
    if kind:
        for item in value:
            _fitted(item, kind[0])
    return value


def in_words(kind: Any) -> str:
    """What an annotation takes, such as "an integer of at least 1, or None"."""
    origin, arguments = get_origin(kind) or kind, get_args(kind)
    if origin is Annotated:
        bounds = " and ".join(words for _, _, words in _bounds(arguments[1:]))
        return f"{in_words(arguments[0])} {bounds}".rstrip()
    if origin is Literal:
        return f"one of {', '.join(map(repr, arguments))}"
    if origin in (Union, UnionType):
        return ", or ".join(map(in_words, arguments))
    if origin in _LISTS:
        return "a list" + "".join(f", each {in_words(each)}" for each in arguments[:1])
    if origin is Callable:
        return "a function"
    return _IN_WORDS.get(origin, getattr(origin, "__name__", str(origin)))
