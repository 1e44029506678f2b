"""Explanations as a data set of FiftyOne, with a heatmap field for each method and target."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import numpy as np

from ...errors import ImportFailed, InputError
from ..opened import ExplainedDataset
from ..sources.location import location_of
from ..windows import Windows
from .regions import size_of

SIDE = 64  # cells of a heatmap's longer side: FiftyOne stretches it over the picture
_BATCH = 1_000  # samples that are added at a time


def to_fiftyone(maps: ExplainedDataset, name: str | None = None, transform: Any = None) -> Any:
    """A `fiftyone.Dataset` of the pictures that are still there.

    Each sample has `prediction` and `ground_truth` (Classification) where they are known, and a
    Heatmap in [0, 1] for each method and target: `gradcam`, or `gradcam_top2` where there are
    several targets. Maps lie in their places of the pictures.

    Args:
        maps: the data set.
        name: of FiftyOne's data set; None for one of its own choice, which it deletes in the end.
        transform: as of `dataset_report`.

    Raises:
        ImportFailed: if fiftyone is not installed.
        InputError: if no picture is there.
    """
    fiftyone = _imported()
    dataset = fiftyone.Dataset(name)
    samples: list[Any] = []
    for sample in _samples(fiftyone, maps, Windows(maps.metadata, transform)):
        samples.append(sample)
        if len(samples) == _BATCH:
            dataset.add_samples(samples)
            samples = []
    if samples:
        dataset.add_samples(samples)
    if not len(dataset):
        raise InputError(
            "none of the pictures is where it was when it was explained, and FiftyOne shows "
            "pictures; put them back, or explain them where they are now"
        )
    return dataset


def export_fiftyone(maps: ExplainedDataset, output: str | Path, transform: Any = None) -> Path:
    """Write FiftyOne's own format to a folder, pictures left where they are; returns the folder.

    `fiftyone.Dataset.from_dir(output, dataset_type=fiftyone.types.FiftyOneDataset)` opens it.
    """
    fiftyone = _imported()
    dataset = to_fiftyone(maps, None, transform)
    dataset.export(
        export_dir=str(output),
        dataset_type=fiftyone.types.FiftyOneDataset,
        export_media=False,
    )
    return Path(output)


def _samples(fiftyone: Any, maps: ExplainedDataset, windows: Windows) -> Iterator[Any]:
    """A sample for each picture; its rows follow one another."""
    targets: set[str] = set(
        maps.table.to_table(columns=["target"]).column("target").unique().to_pylist()
    )
    facts = maps.metadata
    for picture, rows in groupby(maps, key=lambda row: row.id):
        path = location_of(picture, facts)
        if path is None:
            continue
        sample = fiftyone.Sample(filepath=path)
        for row in rows:
            _fill(fiftyone, sample, row, windows, facts, len(targets) > 1)
        yield sample


def _fill(
    fiftyone: Any, sample: Any, row: Any, windows: Windows, facts: Any, several: bool
) -> None:
    if row.error is not None:
        sample["camkit_error"] = row.error
        return
    if row.label is not None or row.label_name is not None:
        label = row.label_name or f"class {row.label}"
        sample["ground_truth"] = fiftyone.Classification(label=label)
    if row.top_class is not None or row.top_name is not None:
        said = row.top_name or f"class {row.top_class}"
        sample["prediction"] = fiftyone.Classification(label=said, confidence=row.top_probability)
    size, _ = size_of(row, facts)
    scale = SIDE / max(size)
    small = max(1, round(size[0] * scale)), max(1, round(size[1] * scale))
    heat = windows.placed(np.asarray(row.heatmap), small)
    field = _field(f"{row.method}_{row.target}" if several else row.method)
    sample[field] = fiftyone.Heatmap(map=heat, range=[0, 1])


def _field(name: str) -> str:
    """A name that a field can have: "gradcam++" is "gradcam_plusplus"."""
    return re.sub(r"\W+", "_", name.replace("+", "_plus", 1).replace("+", "plus")).strip("_")


def _imported() -> Any:
    try:
        import fiftyone
    except ImportError as error:
        raise ImportFailed(
            f"FiftyOne cannot be imported ({error}): python -m pip install fiftyone"
        ) from error
    return fiftyone
