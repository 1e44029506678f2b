"""`explain_dataset`: its arguments, and the run that they mean."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

from annotated_types import Ge
from torch import nn

from ..arguments import checked
from ..inputs.models.load import LoadedModel
from .building import Asked, job_of
from .opened import ExplainedDataset, open_dataset
from .shards import ROWS

Engine = Literal["local", "ray"]
_Count = Annotated[int, Ge(1)]
check = partial(checked, "explain_dataset")


def explain_dataset(
    model: nn.Module | LoadedModel | str,
    source: Any,
    output: str | os.PathLike[str],
    method: Any = None,
    target: Any = None,
    engine: Engine = "local",
    *,
    layer: Any = None,
    labels: Any = None,
    transform: Callable[[Any], Any] | None = None,
    batch_size: int | None = None,
    workers: int | None = None,
    shard: tuple[int, int] | str | None = None,
    retry_errors: bool = False,
    dtype: Any = None,
    memory_format: Any = None,
    compile: bool | None = None,  # noqa: A002 - the word that torch has for it
    shard_rows: int = ROWS,
    **settings: Any,
) -> ExplainedDataset:
    """Explain every image of a data set, and keep the maps as a Parquet table.

    A run that was stopped, by Ctrl-C, kill or a failure, goes on where it was: what has rows in the
    output is left out. Another model, method, target or source in the same output is refused. An
    image that cannot be read or explained is a row with its error, for each target and method, and
    counts as done.

    Args:
        model: a module, one of `load_model`, or a name that `load_model` knows; by a name it goes
            to a GPU if there is one. It is left bit for bit as it was.
        source: a folder of pictures, with the folders in it; an address as `s3://bucket/photos`; a
            list of paths; a torch Dataset of images, or of images with labels; or a DataLoader,
            whose workers and batch size are then used. Ids are paths from the folder, the paths of
            the list, or indices.
        output: the folder for the table, made if it is not there.
        method: names or functions, one or a list; "gradcam,finercam" names two. By default those
            of the run that began in this output, or "gradcam".
        target: None for each image's top class; a class by number or name, "top3", "label" for each
            image's own label, or several separated by commas; a callable; or a list of these. By
            default that of the run that began in this output.
        engine: "local" for this process with workers that read images; "ray" for an actor on each
            core or GPU of the cluster in RAY_ADDRESS, or of this machine.
        layer: see `explain`.
        labels: a CSV file with a column of ids and one of labels; "folders" for the name of each
            picture's folder; a mapping from ids; or one for each image. None for the labels beside
            the images of a Dataset.
        transform: what makes the model's input of a PIL image, for a model of your own.
        batch_size: images that run together; None for 64 on a GPU, 16 on a CPU.
        workers: processes that read images; 0 reads in this one, None chooses by the cores.
        shard: (3, 16) or "3/16" does the third of 16 parts. All parts may run at once, on several
            machines, into one output that they share.
        retry_errors: try images again that failed in a run before.
        dtype: "bfloat16" or "float16" runs a copy of the model in it. How far its maps are from
            those of the model on the first batch is in the metadata.
        memory_format: "channels_last" runs a copy of the model in it.
        compile: True runs images of the first batch's shape as compiled code up to the layer, in
            that dtype and memory format, without a copy; others eagerly. None is False, or as in
            the run that began in this output.
        shard_rows: rows of a file; a kill loses at most those of the file in hand.
        **settings: further arguments of `compare`, as `eigen_smooth`, and the methods' options.

    Returns:
        The explanations, as `open_dataset` opens them.

    Raises:
        CamkitError: for what would fail for every image; for another run in the same output; for an
            output that cannot be written.

    Example:
        >>> maps = explain_dataset("resnet50", "photos/", "maps/")  # doctest: +SKIP
        >>> maps[17].heatmap, maps.render(17)  # doctest: +SKIP
    """
    check("engine", engine, Engine)
    job = job_of(
        Asked(
            model,
            source,
            Path(output),
            method,
            target,
            layer=layer,
            labels=labels,
            transform=transform,
            batch_size=check("batch_size", batch_size, _Count | None),
            workers=check("workers", workers, Annotated[int, Ge(0)] | None),
            shard=shard,
            retry_errors=check("retry_errors", retry_errors, bool),
            dtype=dtype,
            memory_format=memory_format,
            compile=compile,
            shard_rows=check("shard_rows", shard_rows, _Count),
            settings=settings,
        )
    )
    if engine == "ray":
        from .ray_engine import run_on_ray

        run_on_ray(job)
    else:
        from .local_engine import run_locally

        run_locally(job)
    return open_dataset(output)
