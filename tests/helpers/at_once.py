"""Functions called by several threads at once."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from typing import Any


def at_once(functions: Sequence[Callable[[], Any]], seconds: float = 60) -> list[Any]:
    """What each function returned or raised, each called in a thread of its own."""
    results: list[Any] = [TimeoutError("the thread did not end")] * len(functions)

    def call(index: int) -> None:
        try:
            results[index] = functions[index]()
        except BaseException as error:  # noqa: BLE001 - handed to the test
            results[index] = error

    threads = [
        threading.Thread(target=call, args=(index,), daemon=True) for index in range(len(functions))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(seconds)
    return results
