"""Looks at models: the one that all parts of a call share, and those of the calls before."""

from __future__ import annotations

import gc
from collections import OrderedDict
from collections.abc import Callable, Hashable
from contextlib import suppress
from contextvars import ContextVar, Token
from threading import get_ident
from typing import Any, TypeVar
from weakref import ref

from torch import nn

from .look import Look
from .modules import Modules

T = TypeVar("T")
_MOST = 8  # models
_kept: OrderedDict[int, tuple[ref[nn.Module], Look]] = OrderedDict()


def look_at(model: nn.Module) -> Look:
    """A look at the model as it is: that of an earlier call, if it holds."""
    known, look = _kept.pop(id(model), (None, None))
    if known is not None and look is not None and known() is model and look.of(model).holds():
        return look
    return Look(model)


def keep(look: Look) -> None:
    """Keep a look for the next call.

    The model itself is not kept alive. Its parts are, until it is gone: if one of them holds the
    model in turn, until Python collects such circles.
    """
    key = id(look.model)
    _kept[key] = ref(look.model, lambda _: _kept.pop(key, None)), look.without_model()
    while len(_kept) > _MOST:
        with suppress(KeyError):  # another thread took it
            _kept.popitem(last=False)


def _forget(phase: str, info: dict[str, Any]) -> None:
    if phase == "start" and info["generation"] == 2:
        _kept.clear()


gc.callbacks.append(_forget)

# With the thread, as a thread may begin with a copy of another one's context.
_seen: ContextVar[tuple[Look, int] | None] = ContextVar("seen", default=None)


def share(look: Look) -> Token[Any]:
    """Give all parts of a call the same look, until there is `no_more` of it."""
    return _seen.set((look, get_ident()))


def no_more(token: Token[Any]) -> None:
    """End what `share` began."""
    _seen.reset(token)


def seen(model: nn.Module) -> Look | None:
    """The look at the model that the call has taken; None if it has taken none."""
    known = _seen.get()
    if known and known[0].model is model and known[1] == get_ident():
        return known[0]
    return None


def modules_of(model: nn.Module) -> Modules:
    """The model's modules: those of the look that is taken, or of a new walk."""
    look = seen(model)
    return look.modules if look else Modules(model)


def will_run() -> None:
    """Called before code of the call's model runs, so that the model can be put back afterwards."""
    known = _seen.get()
    if known and known[1] == get_ident() and (first_run := known[0].first_run):
        known[0].first_run = None
        first_run()


def rewind(model: nn.Module) -> None:
    """Make the model what it was when the call began, if its images have not yet been recorded.

    What runs before, to find and to prove, leaves no trace in the pass that is explained.
    """
    look = seen(model)
    if look and look.rewind:
        look.rewind()


def recorded(model: nn.Module) -> None:
    """From here on, `rewind` does nothing."""
    if look := seen(model):
        look.rewind = None


def once(model: nn.Module, key: Hashable, find: Callable[[], T]) -> T:
    """What `find` finds out about a model, found again only where anything has changed.

    It must not rest on the values of weights or buffers, which may change unnoticed.
    """
    look = seen(model)
    if look is None:
        return find()
    if key not in look.prepared:
        will_run()
        look.prepared[key] = find()
    found: T = look.prepared[key]
    return found
