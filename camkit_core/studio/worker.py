"""One thread that runs jobs in the order they come: the model is asked one thing at a time."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

T = TypeVar("T")
_Job = tuple[Future[Any], Callable[[], Any]]


class Worker:
    """Runs jobs one by one, in a thread that ends with the process.

    A job that was cancelled before its turn is left out. Nothing else waits while a job runs.
    """

    def __init__(self) -> None:
        self._jobs: SimpleQueue[_Job] = SimpleQueue()
        Thread(target=self._work, name="camkit studio", daemon=True).start()

    def submit(self, job: Callable[[], T]) -> Future[T]:
        """What the job will give, or raise."""
        future: Future[T] = Future()
        self._jobs.put((future, job))
        return future

    def _work(self) -> None:
        while True:
            self._run(*self._jobs.get())

    def _run(self, future: Future[Any], job: Callable[[], Any]) -> None:
        if not future.set_running_or_notify_cancel():
            return
        try:
            future.set_result(job())
        except BaseException as error:  # noqa: BLE001 - it is raised where the job was asked for
            future.set_exception(error)
