"""PyTorch and what builds on it, imported in less time; in the process of the command alone."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, nullcontext
from functools import partial
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder, SourceFileLoader
from types import FunctionType, ModuleType
from typing import Any

_LARGE = ("torch", "torchvision", "timm", "transformers")
# The import of the compiler takes half as long as all the rest of PyTorch. torchvision needs one
# function of it, where its own operators are missing; timm needs it as one network is called.
_COMPILER = "torch._dynamo.utils"
_FUNCTION = "is_compile_supported"


@contextmanager
def quick_imports() -> Iterator[None]:
    """Import the large libraries without what no command needs, and without garbage collection."""
    finder: Any = _Finder()
    place = sys.meta_path.index(PathFinder) if PathFinder in sys.meta_path else None
    if place is not None:
        sys.meta_path.insert(place, finder)
    try:
        yield
    finally:
        if finder in sys.meta_path:
            sys.meta_path.remove(finder)


class _Finder:
    """Finds the large libraries where they are, and has them executed by `_Loader`."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if name not in _LARGE and name != _COMPILER:
            return None
        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            spec.loader = _Loader(spec.loader.name, spec.loader.path)
        return spec


class _Loader(SourceFileLoader):
    """Executes a module as ever; what surrounds that depends on the module."""

    def exec_module(self, module: ModuleType) -> None:
        around = _AROUND.get(self.name, nullcontext)
        with _without_collector(), around():
            super().exec_module(module)
        if self.name == _COMPILER:
            _give_back(module)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Pause the garbage collector: it would look through 400,000 objects a dozen times.

    They live as long as the process, so it is told to leave them alone for good.
    """
    if not gc.isenabled():  # a library within a library
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.freeze()
        gc.enable()


@contextmanager
def _asked_when_called() -> Iterator[None]:
    """Stand in for the compiler, unless it is there; other imports of it meet the real one."""
    stand_in = _StandIn(_COMPILER)
    sys.modules.setdefault(_COMPILER, stand_in)
    try:
        yield
    finally:
        _remove(stand_in)


class _StandIn(ModuleType):
    """Has the one function; for any other name it makes way for the real module."""

    def __getattr__(self, name: str) -> Any:
        if name == _FUNCTION:
            return _supported
        if name.startswith("__"):  # asked by the import itself, and by whoever looks at all modules
            raise AttributeError(f"module {self.__name__!r} has no attribute {name!r}")
        _remove(self)
        return getattr(import_module(_COMPILER), name)


def _supported(*arguments: Any, **keywords: Any) -> Any:
    """The real function, imported when it is called."""
    return getattr(import_module(_COMPILER), _FUNCTION)(*arguments, **keywords)


def _remove(stand_in: ModuleType) -> None:
    if sys.modules.get(_COMPILER) is stand_in:
        del sys.modules[_COMPILER]


@contextmanager
def _disabled_when_called() -> Iterator[None]:
    """Have functions that the compiler must not trace marked when they are called."""
    from torch import compiler

    usual = compiler.disable
    compiler.disable = partial(_disable, usual)
    try:
        yield
    finally:
        compiler.disable = usual


def _disable(usual: Callable[..., Any], function: Any = None, *arguments: Any, **keys: Any) -> Any:
    import torch

    if arguments or keys or not isinstance(function, FunctionType):
        return usual(function, *arguments, **keys)
    late: Callable[..., Any] = getattr(torch, "_disable_dynamo", usual)  # PyTorch's own late form
    return late(function)


def _give_back(compiler: ModuleType) -> None:
    """Put the real function where torchvision has the late one: the compiler can trace it."""
    for module in list(sys.modules.values()):
        if getattr(module, "__dict__", {}).get(_FUNCTION) is _supported:
            setattr(module, _FUNCTION, getattr(compiler, _FUNCTION))


_AROUND = {"torchvision": _asked_when_called, "timm": _disabled_when_called}
