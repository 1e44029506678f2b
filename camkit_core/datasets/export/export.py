"""`export_dataset`: explanations of a data set in the format of another tool."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ...errors import ArgumentError, InputError, shown, unknown
from ..opened import ExplainedDataset, opened
from .coco import to_coco
from .fiftyone_format import export_fiftyone
from .npz import to_npz

FORMATS = {"npz": ".npz", "coco": ".json", "fiftyone": ""}  # and how their files end


def export_dataset(
    maps: ExplainedDataset | str | os.PathLike[str],
    output: str | os.PathLike[str],
    format: str | None = None,  # noqa: A002 - what everybody calls it
    *,
    threshold: float = 0.5,
    masks: bool = False,
    transform: Callable[[Any], Any] | None = None,
) -> Path:
    """Write the explanations of a data set in another tool's format; returns the path.

    - "npz": an array of each column, `map` among them (N, h, w), float16.
    - "coco": boxes, or masks, of the parts of each picture where the map has at least `threshold`
      of its maximum; annotations of a COCO data set, in the pixels of the original.
    - "fiftyone": a folder that `fiftyone.Dataset.from_dir` opens, with a Heatmap for each method.

    Args:
        maps: what `explain_dataset` wrote, opened or as its folder; `filter` chooses rows.
        output: a file ending in .npz or .json, or a folder for FiftyOne.
        format: one of the above; None to tell it by how `output` ends.
        threshold: in (0, 1], of COCO.
        masks: whether annotations of COCO have a mask (RLE), too.
        transform: what made the model's inputs of the pictures (PIL); None for that of the model,
            which is known where it was loaded by its name. Where neither is, a map lies over the
            whole picture.

    Raises:
        UnknownName: for another format.
        ArgumentError: for a threshold that is none.
        InputError: for a file of another type, a PathError for one that cannot be written.
        ImportFailed: if the format's library is not installed.

    Example:
        >>> maps = open_dataset("maps/")  # doctest: +SKIP
        >>> export_dataset(maps, "boxes.json", threshold=0.6)  # doctest: +SKIP
    """
    explained = opened(maps)
    path = Path(output)
    chosen = format_of(path, format)
    if not 0 < threshold <= 1:
        raise ArgumentError(f"expected threshold above 0 and at most 1, got {shown(threshold)}")
    if chosen == "npz":
        return to_npz(explained, path)
    if chosen == "coco":
        return to_coco(explained, path, threshold, masks, transform)
    return export_fiftyone(explained, path, transform)


def format_of(path: Path, given: str | None) -> str:
    """The format that is asked for, or that the file's name ends as.

    Raises:
        UnknownName: for another format.
        InputError: if the file ends as another format's does.
    """
    if given is not None and given not in FORMATS:
        raise unknown("format", given, FORMATS)
    ending = path.suffix.lower()
    if given is None:
        by_ending = {end: name for name, end in FORMATS.items() if end}
        if ending in by_ending:
            return by_ending[ending]
        raise InputError(
            f"cannot tell the format by {path.name!r}; pass format= as npz, coco or fiftyone"
        )
    if FORMATS[given] and ending != FORMATS[given]:
        raise InputError(
            f"cannot write {given} to {path.name!r}: expected a name that ends in {FORMATS[given]}"
        )
    return given
