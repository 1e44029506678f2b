"""Tasks in several processes, with a time limit; a task that hangs or dies is a result, too."""

from __future__ import annotations

import gc
import multiprocessing
import os
import resource
import threading
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from multiprocessing.connection import Connection
from typing import Any

Task = tuple[Any, ...]
Function = Callable[..., Any]


def run(
    function: Function, tasks: Iterable[Task], workers: int, seconds: float, gigabytes: float = 8
) -> Iterator[Any]:
    """(task, result or None, reason or "") of each task, in the order in which they end.

    Args:
        function: defined in a module; called with a task's values in a process of one thread.
        tasks: the arguments of each call, a tuple.
        workers: how many processes.
        seconds: the time limit of a task; its process is then ended.
        gigabytes: the memory limit of a process.
    """
    os.environ["OMP_NUM_THREADS"] = "1"
    started: list[_Worker] = []
    mine = threading.local()

    def ask(task: Task) -> tuple[Any, str]:
        if not hasattr(mine, "worker"):
            mine.worker = _Worker(function, gigabytes)
            started.append(mine.worker)
        return mine.worker.ask(task, seconds)

    with ThreadPoolExecutor(workers) as pool:
        waiting = {pool.submit(ask, task): task for task in tasks}
        for future in as_completed(waiting):
            yield waiting[future], *future.result()
    for worker in started:
        worker.end()


class _Worker:
    """A process that runs one task at a time; it starts again after it was ended or died."""

    def __init__(self, function: Function, gigabytes: float) -> None:
        self.function, self.bytes = function, int(gigabytes * 2**30)
        self.process: Any = None

    def ask(self, task: Task, seconds: float) -> tuple[Any, str]:
        try:
            if self.process is None:
                self.start()
            self.pipe.send(task)
            if self.pipe.poll(seconds):
                result, reason = self.pipe.recv()
                if reason:  # a task that failed may have left memory behind
                    self.end()
                return result, reason
            answer = f"given up after {seconds:.0f} s"
        except (EOFError, OSError):
            answer = "the process died, as it does when memory runs out"
        self.end()
        return None, answer

    def start(self) -> None:
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload(["torch"])  # imported once, however often a process ends
        self.pipe, other = context.Pipe()
        self.process = context.Process(
            target=_serve, args=(other, self.function, self.bytes), daemon=True
        )
        self.process.start()
        other.close()
        self.pipe.recv()  # the process has imported what it needs

    def end(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.join()
            self.process = None


def _serve(pipe: Connection, function: Function, memory: int) -> None:
    import torch

    torch.set_num_threads(1)
    resource.setrlimit(resource.RLIMIT_DATA, (memory, memory))
    pipe.send("ready")
    while True:
        try:
            task = pipe.recv()
        except EOFError:
            return
        try:
            answer = function(*task), ""
        except Exception as error:  # noqa: BLE001 - the next task runs all the same
            answer = None, f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]
        gc.collect()
        pipe.send(answer)
