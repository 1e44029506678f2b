"""The plain values that modules keep on themselves, by which their code may decide what to do."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import chain
from types import FunctionType, MethodType, NoneType
from typing import Any
from weakref import ref

import torch
from torch import nn

_PLAIN = (bool, int, float, complex, str, bytes, NoneType)
_PLAIN_TYPES = {*_PLAIN, torch.dtype, torch.device, torch.Size, torch.memory_format, slice, range}
_LISTS = tuple, list, set, frozenset, deque
_OF_EVERY_MODULE = {*vars(nn.Module())}  # tables, hooks, and the mode, which is put back
_DEPTH = 4  # of a configuration inside a configuration, and its lists


def plain_values(modules: Iterable[nn.Module]) -> list[Any]:
    """A list that is equal to another one while the same code runs with the same plain values.

    It keeps no object of the model's alive: functions are weak references, and of tensors and
    other objects there is the class alone.
    """
    values: list[Any] = []
    visited: set[int] = set()
    for kind in dict.fromkeys(map(type, modules)):
        for name, value in chain.from_iterable(vars(base).items() for base in _written(kind)):
            values.append(name)
            values.extend(_values(value, visited, 1))
    for module in modules:
        own = vars(module)
        names = [name for name in own if name not in _OF_EVERY_MODULE]
        values.append(names)
        for name in names:
            values.extend(_values(own[name], visited, _DEPTH))
    return values


def hooks(modules: Iterable[nn.Module]) -> tuple[Any, ...]:
    """The functions that run before and after these modules."""
    tables = [(each._forward_hooks, each._forward_pre_hooks) for each in modules]
    return tuple(_code(hook) for pair in tables for table in pair for hook in table.values())


def _written(kind: type) -> list[type]:
    """The classes of a module that say what it does, those of torch left out."""
    return [base for base in kind.__mro__ if not base.__module__.startswith(("torch.", "builtins"))]


def _values(value: Any, visited: set[int], depth: int) -> Iterator[Any]:
    kind = type(value)
    if kind in _PLAIN_TYPES:
        yield value
    elif kind in (FunctionType, MethodType):
        yield _code(value)
    elif isinstance(value, (torch.Tensor, nn.Module, type)) or not depth or id(value) in visited:
        yield kind.__qualname__
    else:
        yield kind.__qualname__
        visited.add(id(value))
        inside = _inside(value)
        if _PLAIN_TYPES.issuperset(map(type, inside)):
            yield from inside  # thousands, it may be
            return
        for inner in inside:
            yield from _values(inner, visited, depth - 1)


def _inside(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return [each for pair in value.items() for each in pair]
    if isinstance(value, _LISTS):
        return value
    return [each for pair in getattr(value, "__dict__", {}).items() for each in pair]


def _code(function: Any) -> Any:
    """A reference to a function that lasts as long as the function does."""
    function = getattr(function, "__func__", function)  # a method is made anew at each look
    return ref(function) if isinstance(function, FunctionType) else type(function).__qualname__
