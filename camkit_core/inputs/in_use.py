"""Models in use: while a thread explains a model, no other one explains a module of it.

An explanation changes a model for as long as it takes, and modules may be parts of several models:
a wrapper and what it wraps, a model and its backbone, two heads on one backbone. So a call holds
all modules of its model at once, and waits until no other thread holds any of them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, get_ident
from typing import Any
from weakref import WeakSet

from torch import nn

from ..errors import RunError
from .look import Look
from .modules import Modules
from .seen import keep, look_at, no_more, seen, share

_RECHECKED = 1.0  # seconds; a thread that an interrupt ended in the wrong moment tells nobody


class _Hold:
    """The modules that one call of one thread holds, or waits for.

    It counts as long as it is alive, so that an interrupt at any moment ends it.
    """

    def __init__(self, model: nn.Module) -> None:
        self.thread, self.model, self.ended = get_ident(), model, False
        self.ids: set[int] = set()
        self.seen: Look | None = None

    def look(self) -> None:
        """Note which modules the model has now."""
        self.ids = set(map(id, Modules(self.model).all))

    def take(self) -> None:
        """Begin, as no other thread holds any of them."""
        self.seen = look_at(self.model)
        self.ids = self.seen.ids

    def has(self, model: nn.Module) -> bool:
        """Whether the calling thread has a model by this."""
        return self.thread == get_ident() and id(model) in self.ids and not self.ended

    def blockers(self) -> list[_Hold]:
        """What other threads hold of these modules."""
        return [
            hold
            for hold in _holds
            if hold.thread != self.thread and not hold.ended and not self.ids.isdisjoint(hold.ids)
        ]


_holds: WeakSet[_Hold] = WeakSet()
_waiting: WeakSet[_Hold] = WeakSet()
_condition = Condition()


@contextmanager
def in_use(model: Any) -> Iterator[None]:
    """Inside, only this thread explains the model, or any model that shares a module with it.

    Waits for other threads to end. A thread may use a model again inside. All that runs inside
    has the same look at the model, by `seen`.

    Args:
        model: of which all modules are held; anything else is no concern of other threads.

    Raises:
        RunError: if another thread waits for what this thread holds, so that both would wait
            forever.
    """
    if not isinstance(model, nn.Module):
        yield
        return
    hold = _taken(model)
    known = hold.seen if hold else seen(model)
    look = known or look_at(model)
    token = share(look)
    try:
        yield
    finally:
        no_more(token)
        if hold:
            hold.ended = True
            _let_go(hold)
        elif known is None:
            keep(look)


def _taken(model: nn.Module) -> _Hold | None:
    """A hold of the model's modules; None if this thread has one already."""
    with _condition:
        hold = _Hold(model)
        if _holds:
            if any(other.has(model) for other in _holds):
                return None
            hold.look()
            while blockers := hold.blockers():
                _refuse_circle(hold, blockers)
                _wait(hold)
                hold.look()  # the thread before may have been changing them
        hold.take()
        _holds.add(hold)
    return hold


def _wait(hold: _Hold) -> None:
    _waiting.add(hold)
    try:
        _condition.wait(_RECHECKED)
    finally:
        _waiting.discard(hold)


def _let_go(hold: _Hold) -> None:
    with _condition:
        if hold.seen:
            keep(hold.seen)
        _holds.discard(hold)
        if _waiting:
            _condition.notify_all()


def _refuse_circle(hold: _Hold, blockers: list[_Hold]) -> None:
    """Raise if one of the blockers waits, by way of others or not, for this thread."""
    threads = {blocker.thread for blocker in blockers}
    waiting = list(threads)
    while waiting:
        thread = waiting.pop()
        for next_one in _waited_for_by(thread) - threads:
            threads.add(next_one)
            waiting.append(next_one)
    if hold.thread in threads:
        raise RunError(
            f"{type(hold.model).__name__} is explained by another thread, which waits for the "
            f"model that this thread explains, so both would wait forever; explain one model after "
            f"the other, not one inside the explanation of another"
        )


def _waited_for_by(thread: int) -> set[int]:
    return {
        blocker.thread for hold in _waiting if hold.thread == thread for blocker in hold.blockers()
    }


def _forget_other_threads() -> None:
    """In a new process made by a fork, where no other thread goes on."""
    global _condition, _holds, _waiting
    _condition = Condition()
    _holds = WeakSet(hold for hold in _holds if hold.thread == get_ident())
    _waiting = WeakSet()


if hasattr(os, "register_at_fork"):  # Windows has no forks
    os.register_at_fork(after_in_child=_forget_other_threads)
