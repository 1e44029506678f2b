"""The local engine: workers read ahead, this process explains and writes."""

from __future__ import annotations

from contextlib import closing

from .job import Job, Running
from .sources.batches import by_size
from .sources.decoding import decoded, left_of, usual_workers


def run_locally(job: Job) -> None:
    """Explain what is left of a data set in this process, with workers that read its images.

    Raises:
        CamkitError: as `BatchExplainer.rows`, and if a shard cannot be written.
    """
    with job.begun() as running:
        _explain(job, running)


def _explain(job: Job, running: Running) -> None:
    if job.source.stream is not None:
        read = left_of(job.source.stream, set(running.done.to_pylist()), running.belongs)
    else:
        model = job.explainer.loaded.model
        device = job.explainer.precise.device(model)
        workers = usual_workers(device) if job.workers is None else job.workers
        read = decoded(job.source, running.ids, job.batch_size, workers, device)
    with closing(read):
        for batch in by_size(read, job.batch_size):
            running.add(job.explainer.rows(batch))
