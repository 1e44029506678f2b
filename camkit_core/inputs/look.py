"""A model as it was found, to be known again when nothing about it has changed.

The looks at a loop's calls are one: each module's attributes, tables and hooks are compared with
those of the call before, which is quicker than to copy them. What was found out about the model
while the look holds is kept with it.
"""

from __future__ import annotations

from argparse import Namespace
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import is_dataclass
from itertools import chain, starmap
from operator import is_, methodcaller
from random import Random
from types import FunctionType, NoneType, SimpleNamespace
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from .modules import Modules, is_torchs

Table = dict[str, Any]
Prepared = dict[Any, Any]
CONTAINERS = (list, dict, set, deque)
GENERATORS = (torch.Generator, Random, np.random.Generator, np.random.RandomState)
_OF_EVERY_MODULE = list(vars(nn.Module()))  # a module has them first, in this order
_PARTS = "_modules", "_parameters"
_HOOKS = "_forward_hooks", "_forward_pre_hooks"
_MACHINERY = "torch.", "accelerate.", "lightning", "pytorch_lightning", "deepspeed"
_NUMBERS = {bool, int, float}
_NOTHING_INSIDE = {*_NUMBERS, str, NoneType, FunctionType, type}


class Look:
    """The modules of a model, and all that they keep on themselves.

    Attributes:
        model: the model.
        modules: the modules.
        ids: their identities.
        prepared: what was found out about the model as it is.
        scripted: whether torch runs one of the modules as a script, which shows less of itself.
        training: the places of those in training mode.
        torchs: the attributes of modules of torch's own classes, a dict of each module.
        others: the attributes of all other modules.
        parts: the parts and the parameters of all modules, a dict of each kind.
        hooks: the hooks that run before and after them.
        buffers: their buffers.
        containers: lists, dicts, sets and deques that modules keep, each with a copy.
        objects: the attributes of other objects that they keep, and their lists and dicts.
        tensors: those that modules keep beside parameters and buffers.
        arrays: numpy's arrays that they keep.
        generators: of random numbers, that they keep.
        weights: the parameters.
        rewind: makes the model what it was as the call began; None after the pass of the images.
        first_run: notes what there is to be put back; None once code of the model may have run.
    """

    rewind: Callable[[], None] | None = None
    first_run: Callable[[], None] | None = None

    def __init__(self, model: nn.Module) -> None:
        self.model, self.modules = model, (modules := Modules(model))
        self.ids = set(map(id, modules.all))
        self.prepared: Prepared = {}
        kinds = set(modules.classes)
        self.scripted = any(issubclass(kind, torch.jit.ScriptModule) for kind in kinds)
        self.training = [
            place for place, each in enumerate(modules.all) if getattr(each, "training", False)
        ]
        pairs = list(zip(modules.classes, modules.all, strict=True))
        self.torchs = Tables(each.__dict__ for kind, each in pairs if kind in modules.torchs)
        self.others = Tables(each.__dict__ for kind, each in pairs if kind not in modules.torchs)
        self.parts = Tables(getattr(each, name) for each in modules.all for name in _PARTS)
        self.hooks = Tables(getattr(each, name) for each in modules.all for name in _HOOKS)
        self.buffers = Tables(each._buffers for each in modules.all)
        self._code = _code(kinds, modules.torchs)
        self.containers: list[tuple[Any, Any]] = []
        self.objects: list[tuple[Any, Any]] = []
        self._machinery: list[tuple[Any, Any]] = []  # keeps account of more than it shows
        self.tensors: list[Tensor] = []
        self.arrays: list[np.ndarray[Any, Any]] = []
        self.generators: list[Any] = []
        visited: set[int] = set()
        for table in self.others.now:
            self._keep(_further(table), visited)
        weights = chain.from_iterable(module._parameters.values() for module in modules.all)
        self.weights = [weight for weight in weights if weight is not None]

    def _keep(self, values: Iterable[Any], visited: set[int]) -> None:
        for value in values:
            if type(value) in _NUMBERS:
                continue  # of which a list may hold thousands
            if type(value) is Tensor:
                self.tensors.append(value)
            elif isinstance(value, np.ndarray):
                self.arrays.append(value)
            elif isinstance(value, GENERATORS):
                self.generators.append(value)
            elif isinstance(value, tuple):
                self._keep(value, visited)
            elif isinstance(value, CONTAINERS) and id(value) not in visited:
                visited.add(id(value))
                copy = _copied(value)
                self.containers.append((value, copy))
                self._keep(copy.values() if isinstance(copy, dict) else copy, visited)
            elif isinstance(own := getattr(value, "__dict__", None), dict):
                known = type(value).__module__.startswith(_MACHINERY)
                self._keep_object(own, visited, self._machinery if known else self.objects)

    def _keep_object(self, own: Table, visited: set[int], noted: list[tuple[Any, Any]]) -> None:
        """Note the attributes of an object such as a configuration, and its lists and dicts."""
        inside = [value for value in own.values() if isinstance(value, CONTAINERS)]
        for values in (own, *inside):
            if id(values) not in visited:
                visited.add(id(values))
                noted.append((values, _copied(values)))
                for value in values.values() if isinstance(values, dict) else values:
                    if is_settings(value):
                        self._keep_object(value.__dict__, visited, noted)

    def holds(self) -> bool:
        """Whether the model is what it was, as far as modules and tensors tell."""
        modules = self.modules
        return (
            not self.scripted
            and list(map(type, modules.all)) == modules.classes
            and self.others.same()
            and equal(self.torchs, self.parts, self.hooks, self.buffers)
            and all(starmap(same_values, chain(self.containers, self.objects, self._machinery)))
            and all(starmap(_same_code, self._code))
        )

    def without_model(self) -> Look:
        """The look, which keeps the model itself alive no more; its modules it does."""
        nothing: Any = None
        self.model = self.modules.all[0] = self.modules.model = nothing
        return self

    def of(self, model: nn.Module) -> Look:
        """The look, with its model again."""
        self.model = self.modules.all[0] = self.modules.model = model
        return self


class Tables:
    """Dicts, with what was in them.

    Attributes:
        now: the dicts.
        before: their copies.
    """

    def __init__(self, tables: Iterable[Table]) -> None:
        self.now = list(tables)
        self.before = [dict(table) if table else _EMPTY for table in self.now]

    def same(self) -> bool:
        """Whether all values are the same objects."""
        if list(map(len, self.now)) != list(map(len, self.before)):
            return False
        now = chain.from_iterable(map(_VALUES, self.now))  # a script's parts are no dict
        return all(map(is_, now, chain.from_iterable(map(dict.values, self.before))))

    def put_back(self) -> None:
        """Make the dicts what they were."""
        for table, values in zip(self.now, self.before, strict=True):
            if len(table) != len(values) or not all(map(is_, table.values(), values.values())):
                put_back(table, values)


_EMPTY: Table = {}
_VALUES = methodcaller("values")


class _NoTensorIsAnother(TorchFunctionMode):
    """While active, no tensor equals another one, whatever its values; the graphs may differ."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        return False


_NO_TENSOR_IS_ANOTHER = _NoTensorIsAnother()
# Functions of C, before which no interrupt can fall, as it can at the end of a `with` block. The
# mode would then stay, and all that torch is asked in this process would be False.
_begin, _end = torch._C._push_on_torch_function_stack, torch._C._pop_torch_function_stack


def equal(*tables: Tables) -> bool:
    """Whether the values are equal, tensors and modules the same."""
    now, before = [each.now for each in tables], [each.before for each in tables]
    try:
        _begin(_NO_TENSOR_IS_ANOTHER)
        return now == before
    except Exception:  # noqa: BLE001 - values in place of others that cannot be compared
        return False
    finally:
        _end()


def put_back(table: dict[Any, Any], before: dict[Any, Any]) -> None:
    """Make a dict what it was, key by key, as another thread may read it meanwhile."""
    keys = table.keys()  # a script's table cannot be iterated over
    for key in [key for key in keys if key not in before]:
        del table[key]
    for key, value in before.items():
        if key not in table or table[key] is not value:
            table[key] = value


def _copied(values: Any) -> Any:
    return dict(values) if isinstance(values, dict) else list(values)


def same_values(values: Any, before: Any) -> bool:
    """Whether a list, dict, set or deque has the values of its copy."""
    if len(values) != len(before):
        return False
    if isinstance(values, dict):
        values, before = (chain.from_iterable(each.items()) for each in (values, before))
    elif isinstance(values, set):
        return all(value in values for value in before)
    return all(map(is_, values, before))


def is_settings(value: Any) -> bool:
    """Whether an object holds settings, and may hold others that do."""
    kind = type(value)
    stated = isinstance(value, (SimpleNamespace, Namespace)) or is_dataclass(value)
    named = stated or "config" in kind.__name__.lower()
    return named and kind is not type and isinstance(getattr(value, "__dict__", None), dict)


def _code(classes: set[type], torchs: frozenset[type]) -> list[tuple[Any, list[Any]]]:
    """What classes of modules say that are not torch's own, each with a copy."""
    others = {base for kind in classes - torchs for base in kind.__mro__ if _is_code(base)}
    return [(table, list(table.values())) for table in map(vars, others)]


def _is_code(kind: type) -> bool:
    return kind not in (nn.Module, object) and not is_torchs(kind)


def _same_code(table: Any, before: list[Any]) -> bool:
    return len(table) == len(before) and all(map(is_, table.values(), before))


def _further(table: Table) -> list[Any]:
    """The values, among those that not every module has, that may hold others."""
    names, count = list(table), len(_OF_EVERY_MODULE)
    if names[:count] == _OF_EVERY_MODULE:
        further = list(table.values())[count:]
    else:
        further = [table[name] for name in names if name not in _OF_EVERY_MODULE]
    return [value for value in further if type(value) not in _NOTHING_INSIDE]
