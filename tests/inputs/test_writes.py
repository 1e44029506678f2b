"""Which other threads may use a model, so that its parts and weights may be theirs to change."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread, current_thread
from typing import Any

import pytest

from camkit_core.inputs import writes


class Other(Thread):
    """A thread that waits."""


def may_use_a_model(monkeypatch: pytest.MonkeyPatch, thread: Thread) -> bool:
    """Whether this thread may, beside the test's own alone."""
    monkeypatch.setattr(writes, "active_count", lambda: 2)
    monkeypatch.setattr(writes, "enumerate_threads", lambda: [current_thread(), thread])
    return writes._other_threads()


def waits_in(module: str) -> Callable[..., Any]:
    def wait(event: Event) -> None:
        event.wait()

    wait.__module__ = module
    return wait


@pytest.mark.parametrize(
    ("module", "may"),
    [("serving", True), ("ipykernel.iostream", False), ("tqdm._monitor", False)],
)
@pytest.mark.parametrize("of_its_class", [False, True])
def test_threads_of_notebooks_and_progress_bars_use_no_model(
    module: str, may: bool, of_its_class: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    event = Event()
    thread = Other(target=waits_in("serving" if of_its_class else module), args=(event,))
    if of_its_class:
        monkeypatch.setattr(Other, "__module__", module)
    thread.start()
    assert may_use_a_model(monkeypatch, thread) == may
    event.set()
    thread.join()
