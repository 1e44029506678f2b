"""The hooks that a model registers on its own modules while it runs, to be taken off again.

Some register them in their first run, and note so in an attribute. As that attribute is put back,
the hooks must be, or the next run would register them twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import nn

from .attributes import put_back

_STATED = "_forward_hooks_with_kwargs", "_forward_hooks_always_called"
_STATED_BEFORE = ("_forward_pre_hooks_with_kwargs",)


class OwnHooks:
    """The hooks of modules that run before and after them."""

    def __init__(self, modules: Sequence[nn.Module]) -> None:
        self._modules = modules
        self._tables = self._now()
        self._before: list[dict[Any, Any]] = [dict(t) if t else {} for t in self._tables]

    def _now(self) -> list[dict[Any, Any]]:
        after = [module._forward_hooks for module in self._modules]
        return [*after, *(module._forward_pre_hooks for module in self._modules)]

    def restore(self) -> None:
        """Take off what was registered, and put back what was taken off."""
        if self._tables == self._before:
            return
        for table, before in zip(self._tables, self._before, strict=True):
            put_back(table, before)
        for module in self._modules:
            for name in _STATED:
                _keep_only(getattr(module, name), module._forward_hooks)
            for name in _STATED_BEFORE:
                _keep_only(getattr(module, name), module._forward_pre_hooks)


def _keep_only(stated: dict[Any, Any], hooks: dict[Any, Any]) -> None:
    put_back(stated, {key: value for key, value in stated.items() if key in hooks})
