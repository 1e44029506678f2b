"""Seconds and megabytes."""

from __future__ import annotations

import ctypes
import gc
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from torch import nn

Run = Callable[[], Any]
LONG = 5.0  # seconds; a run that takes as long is timed once


def timed(runs: dict[str, Run], repeats: int) -> dict[str, dict[str, float]]:
    """Median seconds of each run, and the quartiles.

    One round runs each once, in a random order, since a run changes what the caches hold.
    """
    order = random.Random(0)
    times = {name: [_seconds(run)] for name, run in runs.items()}
    short = [name for name, (first,) in times.items() if first < LONG]
    for name in short:
        times[name] = []
    for _ in range(repeats):
        order.shuffle(short)
        for name in short:
            times[name].append(_seconds(runs[name]))
    return {name: _summary(seconds) for name, seconds in times.items()}


def in_turns(runs: dict[str, Run], budget: float = 4.0) -> dict[str, dict[str, float]]:
    """Median seconds of CPU and wall time of each run, of runs in turns.

    There are 3 to 15 rounds, as many as take `budget` seconds; one if a run is long.
    """
    order, times = random.Random(0), {name: [_both(run)] for name, run in runs.items()}
    total = sum(first["wall"] for (first,) in times.values())
    rounds = 0 if total > 2 * LONG else min(14, max(2, int(budget / total)))
    for _ in range(rounds):
        for name in order.sample(list(runs), len(runs)):
            times[name].append(_both(runs[name]))
    return {
        name: {clock: statistics.median(each[clock] for each in found) for clock in found[0]}
        for name, found in times.items()
    }


def cpu_seconds(run: Run) -> float:
    """CPU seconds of a run."""
    start = time.process_time()
    run()
    return time.process_time() - start


def _both(run: Run) -> dict[str, float]:
    start = time.process_time()
    wall = _seconds(run)
    return {"cpu": time.process_time() - start, "wall": wall}


def _seconds(run: Run) -> float:
    start = time.perf_counter()
    run()
    if torch.cuda.is_available():
        torch.cuda.synchronize()
    return time.perf_counter() - start


def _summary(seconds: list[float]) -> dict[str, float]:
    low, middle, high = statistics.quantiles(seconds, n=4) if len(seconds) > 1 else seconds * 3
    return {"median": middle, "low": low, "high": high}


def alone(*cell: str) -> list[float]:
    """The numbers that a cell prints, in a process of its own."""
    command = [sys.executable, sys.argv[0], "--cell", *cell]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    return [float(number) for number in done.stdout.splitlines()[-1].split()]


def print_peak(before: Run, run: Run, device: str) -> None:
    """Print by how much the peak memory of `run` is above that of `before`, in MB."""
    start = _peak(before, device)
    print((_peak(run, device) - start) / 2**20)


def print_growth(model: nn.Module, run: Run, calls: int = 200) -> None:
    """Print how many tensors, hooks and MB call 200 left that call 2 did not."""
    held = []
    for call in range(1, calls + 1):
        run()
        if call in (2, calls):
            gc.collect()
            tensors = sum(issubclass(type(thing), torch.Tensor) for thing in gc.get_objects())
            held.append((tensors, _hooks(model), _in_use()))
    print(*(after - before for before, after in zip(*held, strict=True)))


def _hooks(model: nn.Module) -> int:
    """How many hooks of any kind the modules hold."""
    kinds = [name for name in vars(nn.Module()) if name.endswith("_hooks")]
    return sum(len(getattr(module, kind)) for module in model.modules() for kind in kinds)


def _in_use() -> float:
    """The memory of this process and its GPU in MB, without freed memory that is kept for reuse."""
    ctypes.CDLL(None).malloc_trim(0)
    return (_status("VmRSS") + torch.cuda.memory_allocated()) / 2**20


def _peak(run: Run, device: str) -> float:
    """The peak memory of this process, or of its GPU, while `run` runs there, in bytes."""
    gc.collect()
    if device == "cuda":
        torch.cuda.reset_peak_memory_stats()
        run()
        return float(torch.cuda.max_memory_allocated())
    Path("/proc/self/clear_refs").write_text("5")  # from here on the kernel's peak starts anew
    run()
    return _status("VmHWM")


def _status(key: str) -> float:
    """A size in bytes of this process, as the kernel reports it."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return float(next(line.split()[1] for line in lines if line.startswith(key))) * 1024
