"""What an actor of Ray does: it holds the model, reads images and explains them."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from copy import deepcopy
from dataclasses import dataclass, replace
from typing import Any

import torch

from ..errors import RunError
from .arrow import arrow
from .explaining.explainer import BatchExplainer
from .job import Job
from .sources.batches import Read, by_size, gathered, said
from .sources.decoding import read_one


@dataclass(frozen=True, eq=False)
class Packed:
    """What is sent to each actor, once.

    Attributes:
        explainer: with the model on the CPU.
        read: from an id to a sample.
        batch_size: images that run together.
        labelled: whether ids come with labels, which then count in place of the source's.
    """

    explainer: BatchExplainer
    read: Any
    batch_size: int
    labelled: bool


def packed(job: Job) -> Packed:
    """The run as it is sent to actors: with the model on the CPU, and without the labels of all."""
    explainer = job.explainer
    loaded = explainer.loaded
    if explainer.precise.device(loaded.model).type != "cpu":
        loaded = replace(loaded, model=deepcopy(loaded.model).cpu())
    labelled = explainer.labels.given is not None
    labels = explainer.labels.without_given()
    sent = replace(explainer, loaded=loaded, labels=labels, sentences={}, seen=False)
    return Packed(sent, job.source.read, job.batch_size, labelled)


class ExplainingActor:
    """Explains the images of a block of ids; Ray keeps one for each core or GPU.

    Args:
        given: a reference to a `Packed`.
    """

    def __init__(self, given: Any) -> None:
        import ray

        job: Packed = ray.get(given)
        context: Any = ray.get_runtime_context()
        self.cores = max(1, int(context.get_assigned_resources().get("CPU", 1)))
        torch.set_num_threads(self.cores)
        self.job, self.explainer = job, job.explainer
        if context.get_accelerator_ids().get("GPU"):
            model = self.explainer.loaded.model.cuda()
            self.explainer.loaded = replace(self.explainer.loaded, model=model)

    def __call__(self, block: Any) -> Iterator[Any]:
        try:
            for rows in self._rows(block):
                facts = json.dumps(self.explainer.facts())
                yield _answer(rows=_as_bytes(rows), facts=facts)
        except Exception as error:  # noqa: BLE001 - the driver raises it
            yield _answer(failure=_pickled(error))

    def _rows(self, block: Any) -> Iterator[Any]:
        names = block.column("id").to_pylist()
        if self.job.labelled:
            self.explainer.labels.given = dict(
                zip(names, block.column("label").to_pylist(), strict=True)
            ).get
        size = self.job.batch_size
        for batch in by_size(self._read(names), size):
            yield self.explainer.rows(batch)

    def _read(self, names: list[str]) -> Iterator[Read]:
        """Batches of images; where a GPU explains, threads read the next one meanwhile."""
        size = self.job.batch_size
        parts = [names[start : start + size] for start in range(0, len(names), size)]
        device = self.explainer.precise.device(self.explainer.loaded.model)
        if device.type == "cpu":
            for part in parts:
                yield gathered([read_one(name, self.job.read) for name in part])
            return
        with ExitStack() as stack:
            threads = stack.enter_context(ThreadPoolExecutor(self.cores))
            ahead = [[threads.submit(read_one, name, self.job.read) for name in parts[0]]]
            for part in [*parts[1:], []]:
                ahead.append([threads.submit(read_one, name, self.job.read) for name in part])
                yield gathered([future.result() for future in ahead.pop(0)]).pin_memory()


_ANSWER = arrow.schema({"rows": arrow.binary(), "facts": arrow.string(), "failure": arrow.binary()})


def _answer(**values: Any) -> Any:
    """A table of one row."""
    return arrow.table({name: [values.get(name)] for name in _ANSWER.names}, schema=_ANSWER)


def _as_bytes(rows: Any) -> bytes:
    sink = arrow.BufferOutputStream()
    with arrow.ipc.new_stream(sink, rows.schema) as stream:
        stream.write_batch(rows)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _pickled(error: Exception) -> bytes:
    try:
        content = pickle.dumps(error)
        pickle.loads(content)
    except Exception:  # noqa: BLE001 - an error that cannot be sent is told
        content = pickle.dumps(RunError(said(error)))
    return content
