"""`dataset_report`: what the maps of a data set say."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...metrics.judging.report.frame import report_path
from ...results.whole_files import write_whole
from ..explaining.heap import give_back
from ..opened import ExplainedDataset, opened
from ..windows import Windows
from .findings import Findings
from .masks import Masks
from .page.page import html
from .reading import Reading
from .record import as_json, record
from .truth import ListedTruth, Truth
from .words import sentences


class DatasetReport(Findings):
    """What the maps of a data set say; see `Findings` for its attributes. Printed, it is short."""

    def __repr__(self) -> str:
        return f"<DatasetReport of {self.maps!r}>"

    def __str__(self) -> str:
        return "\n".join(sentences(self))

    def record(self) -> dict[str, Any]:
        """The report as data, ready for JSON."""
        return record(self)

    def html(self) -> str:
        """The report as one HTML page that needs nothing else."""
        return html(self)

    def save(self, path: str | os.PathLike[str]) -> Path:
        """Write the report (.html) or its data (.json) to a file; returns the path.

        Raises:
            InputError: for a file of another type; a PathError for one that cannot be written.
        """
        path = report_path(path)
        write_whole(path, as_json(self) if path.suffix.lower() == ".json" else self.html())
        return path


def dataset_report(
    maps: ExplainedDataset | str | os.PathLike[str],
    output: str | os.PathLike[str] | None = None,
    *,
    labels: str | os.PathLike[str] | None = None,
    masks: str | os.PathLike[str] | None = None,
    transform: Callable[[Any], Any] | None = None,
) -> DatasetReport:
    """What the maps of a data set say: mistakes, classes, clusters that look alike, errors.

    The rows are read once, batch by batch, so that memory stays small. Clusters are those of a
    sample of each class (spectral relevance analysis: Lapuschkin et al. 2019, arXiv 1902.10178).

    Args:
        maps: what `explain_dataset` wrote, opened or as its folder.
        output: a file ending in .html or .json that the report is written to.
        labels: a CSV file with the true classes: a file's name, and its class by number or name.
            None for those in the data set, if it has any.
        masks: a folder of pictures named as the originals, black where the object is not.
        transform: what made the model's inputs of the pictures (PIL), for maps to be drawn in their
            places; None for that of the model, which is known where it was loaded by its name.

    Raises:
        InputError: for labels or masks that cannot be used.
        FileError: if there is no such folder.
        ImportFailed: if PyArrow or scikit-learn is not installed.

    Example:
        >>> report = dataset_report("maps/", "report.html", labels="labels.csv")  # doctest: +SKIP
        >>> report.suspicious[0].kind.name, report.mistakes.surest[:3]  # doctest: +SKIP
    """
    path = None if output is None else report_path(output)
    explained = opened(maps)
    reading = Reading(explained, _truth(labels, explained), Masks(masks) if masks else None)
    reading.read()
    give_back()  # what the rows took, before there are clusters and pictures
    found = reading.findings(Windows(explained.metadata, transform))
    report = DatasetReport(**vars(found))
    if path is not None:
        report.save(path)
    return report


def _truth(labels: str | os.PathLike[str] | None, maps: ExplainedDataset) -> Truth:
    if labels is None:
        return Truth()
    return ListedTruth(labels, maps.table.to_table(columns=["id"]).column("id").combine_chunks())
