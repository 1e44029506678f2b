"""What camkit asks of `torch.cuda` to make a graph, on a CPU, and as unforgiving.

A capture computes nothing, and leaves its results undefined. A replay makes the noted calls again
on the tensors that they were noted with, and writes over what the replay before gave.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode

from camkit_core.forward.compiled import cuda_graph
from camkit_core.pytree import tensors_in


class Notes(TorchDispatchMode):
    """Notes calls, with the tensors that they read and give."""

    def __init__(self) -> None:
        super().__init__()
        self.calls: list[Any] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        self.calls.append((func, args, kwargs or {}, list(tensors_in(result))))
        return result


class Graph:
    """As `torch.cuda.CUDAGraph`."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def replay(self) -> None:
        """Make the calls again."""
        for func, args, kwargs, results in self.calls:
            again = list(tensors_in(func(*args, **kwargs)))
            for old, new in zip(results, again, strict=True):
                if old.data_ptr() != new.data_ptr():  # else a view, or written in place
                    old.copy_(new)


class Stream:
    """As `torch.cuda.Stream`; says in `log` what waits for what."""

    def __init__(self, name: str, log: list[str]) -> None:
        self.name, self.log = name, log

    def wait_stream(self, other: Stream) -> None:
        """All that is asked of it from now on comes after what the other was asked."""
        self.log.append(f"{self.name} waits for {other.name}")

    def wait_event(self, event: Any) -> None:
        """As above, after what came before the event."""
        self.log.append(f"{self.name} waits for {event.recorded}")


class StandIn:
    """A device with its streams.

    Attributes:
        log: what waited for what.
        current: the stream that work goes to.
        broken: what a capture raises.
        graphs: those that were captured.
    """

    def __init__(self) -> None:
        self.log: list[str] = []
        self.current, self.broken = Stream("usual", self.log), ""
        self.graphs: list[Graph] = []

    @contextmanager
    def stream(self, stream: Stream) -> Iterator[None]:
        """As `torch.cuda.stream`."""
        before, self.current = self.current, stream
        try:
            yield
        finally:
            self.current = before

    @contextmanager
    def graph(self, graph: Graph, stream: Stream, capture_error_mode: str) -> Iterator[None]:
        """As `torch.cuda.graph`, which leaves its stream in force where a capture fails."""
        assert self.current is stream
        assert capture_error_mode == "thread_local"
        if self.broken:
            self.current = Stream("broken", self.log)
            raise RuntimeError(self.broken)
        with Notes() as notes:
            yield
        graph.calls = notes.calls
        self.graphs.append(graph)
        for _, args, _, results in graph.calls:
            for each in filter(Tensor.is_floating_point, results):
                if all(each.data_ptr() != given.data_ptr() for given in tensors_in(list(args))):
                    each.fill_(torch.nan)


class Event:
    """As `torch.cuda.Event`."""

    recorded = "nothing"

    def record(self, stream: Stream) -> None:
        """What the stream was asked so far comes before it."""
        self.recorded = stream.name


def on_stand_in(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """From now on, in this test, all images count as on a CUDA device: this one."""
    device = StandIn()

    def current_stream(_: Any) -> Stream:
        return device.current

    @contextmanager
    def nothing(_: Any) -> Iterator[None]:
        yield

    cuda = SimpleNamespace(
        Stream=lambda _: Stream("own", device.log),
        Event=Event,
        CUDAGraph=Graph,
        current_stream=current_stream,
        stream=device.stream,
        graph=device.graph,
        device=nothing,
    )
    for name, value in vars(cuda).items():
        monkeypatch.setattr(torch.cuda, name, value)
    monkeypatch.setattr(cuda_graph, "on_cuda", _any)
    return device


def _any(images: Tensor) -> bool:
    return True
