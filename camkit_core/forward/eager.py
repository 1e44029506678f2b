"""Compiled parts of a model run eagerly, as their layers cannot be observed otherwise.

They do so in the thread that explains the model. Another thread may predict meanwhile, and eager
code rounds otherwise than compiled code.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from threading import Lock, local
from typing import Any

import torch
from torch import nn

from ..inputs.modules import Modules
from ..inputs.seen import will_run
from .own_view import OwnView


class _ByThread:
    """Torch's stance towards compiled code, which is one for all threads, told apart by thread.

    Torch reads the attributes of one object; this one has those of the thread's own stance, or of
    the stance that it stands for.
    """

    def __init__(self) -> None:
        self._own, self._lock, self._count = local(), Lock(), 0
        self._usual: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(getattr(self._own, "stance", None) or self._usual, name)

    @contextmanager
    def having(self, name: str) -> Iterator[None]:
        """Inside, this thread has the stance of that name."""
        from torch._dynamo import eval_frame

        before = getattr(self._own, "stance", None)
        self._begin(eval_frame)
        self._own.stance = eval_frame.DynamoStance(name)  # type: ignore[arg-type]
        try:
            yield
        finally:
            self._own.stance = before
            self._end(eval_frame)

    def _begin(self, torchs: Any) -> None:
        with self._lock:
            self._count += 1
            if torchs._stance is not self:
                self._usual = torchs._set_stance(self)

    def _end(self, torchs: Any) -> None:
        with self._lock:
            self._count -= 1
            if not self._count and torchs._stance is self:
                torchs._set_stance(self._usual)


_by_thread = _ByThread()


@contextmanager
def eagerly(modules: Modules) -> Iterator[None]:
    """Inside, what was compiled of these modules runs eagerly, also a function that they call.

    A compiled part is replaced by the module it was made from, so that names and indices are those
    of the plain model.
    """
    replaced = _compiled(modules)
    with _by_thread.having("force_eager"):
        try:
            for parent, table, plain in replaced:
                parent.__dict__["_modules"] = OwnView(table, {**table, **plain})
            yield
        finally:
            for parent, table, _ in replaced:
                parent.__dict__["_modules"] = table


def compiles() -> bool:
    """Whether anything may have been compiled; the compiler's import alone takes seconds."""
    compiler = sys.modules.get("torch._dynamo.eval_frame")
    backends = getattr(compiler, "cached_backends", {None: compiler})
    return any(backend is not None for backend in backends.values())


def _compiled(modules: Modules) -> list[tuple[nn.Module, dict[str, Any], dict[str, Any]]]:
    """The modules that have compiled children, with their tables, and what takes their place."""
    if not any(issubclass(kind, torch._dynamo.OptimizedModule) for kind in set(modules.classes)):
        return []
    parents = [(module, module._modules, _plain_children(module)) for module in modules.all]
    return [(parent, table, plain) for parent, table, plain in parents if plain]


def _plain_children(module: nn.Module) -> dict[str, Any]:
    """The modules that compiled children were made from, by the children's names."""
    return {
        name: child._modules["_orig_mod"]
        for name, child in module._modules.items()
        if isinstance(child, torch._dynamo.OptimizedModule) and not child._forward_hooks
    }


def compiling(stance: str = "default") -> AbstractContextManager[Any]:
    """Inside, what is compiled runs compiled all the same, as camkit's own fast runs do.

    Args:
        stance: torch's name for what happens where there is no code yet.
    """
    will_run()  # from here on, what the thread has outside of this is eager
    return _by_thread.having(stance) if "torch._dynamo" in sys.modules else nullcontext()
