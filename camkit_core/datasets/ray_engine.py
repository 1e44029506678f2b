"""The Ray engine: an actor on each core or GPU explains, this process writes."""

from __future__ import annotations

import json
import pickle
from collections.abc import Iterable, Iterator
from typing import Any

from ..errors import CamkitError, InputTypeError, RunError
from .arrow import arrow
from .job import Job, Running
from .ray_actor import ExplainingActor, packed
from .ray_cluster import Pool, cluster, data_context
from .sources.batches import said

_BATCHES = 4  # that an actor does at a time, so that few are done twice where one is killed
_MOST_TASKS = 4000  # for a data set of millions


def run_on_ray(job: Job) -> None:
    """Explain what is left of a data set on the cluster in RAY_ADDRESS, or on this machine.

    An actor that is killed is replaced, and its images are explained again. Shards are written by
    this process alone: rows of a killed actor are never written twice.

    Raises:
        CamkitError: as `BatchExplainer.rows`; if the cluster has no free cores or GPUs; if Ray is
            not installed, or fails.
    """
    if job.source.stream is not None:
        raise InputTypeError(
            "Ray's actors read images by their index, and this DataLoader puts its batches "
            "together itself; pass its dataset, or engine='local'"
        )
    with job.begun() as running:
        if len(running.ids):
            with cluster(job) as pool:
                _explain(job, running, pool)


def _explain(job: Job, running: Running, pool: Pool) -> None:
    with data_context():
        for answer in _answers(job, running, pool):
            if answer["failure"] is not None:
                raise _failure(answer["failure"])
            job.explainer.take_facts(json.loads(answer["facts"]))
            with arrow.ipc.open_stream(answer["rows"]) as stream:
                for batch in stream:
                    running.add(batch)


def _answers(job: Job, running: Running, pool: Pool) -> Iterator[dict[str, Any]]:
    """What the actors give: rows as bytes, or why there can be none."""
    import ray
    import ray.data

    dataset = ray.data.from_arrow(list(_tables(job, running, pool.actors)))
    given = dataset.map_batches(
        ExplainingActor,
        fn_constructor_kwargs={"given": ray.put(packed(job))},
        batch_size=None,
        batch_format="pyarrow",
        **pool.settings(),
    )
    try:
        blocks: Iterable[Any] = given.iter_batches(batch_size=None, batch_format="pyarrow")
        for block in blocks:
            yield from block.to_pylist()
    except CamkitError:
        raise
    except Exception as error:  # Ray has many kinds
        raise RunError(
            f"Ray failed: {said(error)}; what was explained is kept: start again, or with "
            f"engine='local'"
        ) from error


def _tables(job: Job, running: Running, actors: int) -> Iterator[Any]:
    """The ids that are left, and their labels where `labels=` gives them, by task."""
    ids = running.ids
    ids = ids.combine_chunks() if isinstance(ids, arrow.ChunkedArray) else ids
    fair = -(-len(ids) // actors)
    size = max(min(_BATCHES * job.batch_size, fair), -(-len(ids) // _MOST_TASKS))
    given = job.explainer.labels.given
    for start in range(0, len(ids), size):
        part = ids.slice(start, size)
        labels = [None if given is None else given(name) for name in part.to_pylist()]
        texts = [None if label is None else str(label) for label in labels]
        yield arrow.table({"id": part, "label": arrow.array(texts, arrow.string())})


def _failure(content: bytes) -> BaseException:
    error: BaseException = pickle.loads(content)
    return error
