"""The hooks that a model registers on its own modules while it runs, to be taken off again.

Some register them in their first run, and note so in an attribute. As that attribute is put back,
the hooks must be, or the next run would register them twice.
"""

from __future__ import annotations

from typing import Any

from ..inputs.look import Look, put_back

_STATED = "_forward_hooks_with_kwargs", "_forward_hooks_always_called"
_STATED_BEFORE = ("_forward_pre_hooks_with_kwargs",)


def restore_hooks(look: Look) -> None:
    """Take off what was registered since the look, and put back what was taken off."""
    look.hooks.put_back()
    for module in look.modules.all:
        for name in _STATED:
            _keep_only(getattr(module, name), module._forward_hooks)
        for name in _STATED_BEFORE:
            _keep_only(getattr(module, name), module._forward_pre_hooks)


def _keep_only(stated: dict[Any, Any], hooks: dict[Any, Any]) -> None:
    put_back(stated, {key: value for key, value in stated.items() if key in hooks})
