"""torch's data sets and data loaders: ids are indices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from torch.utils.data import DataLoader, IterableDataset, SequentialSampler, default_collate

from ...errors import ArgumentError, InputTypeError, shown
from ..arrow import arrow
from .source import Prepare, Sample, Source, sample_of


@dataclass(frozen=True)
class Items:
    """Reads the image at an index.

    Attributes:
        dataset: torch's.
        prepare: makes the model's input of a picture, where the data set gives pictures.
    """

    dataset: Any
    prepare: Prepare | None

    def __call__(self, name: str) -> Sample:
        return sample_of(self.dataset[int(name)], self.prepare)


def dataset_source(dataset: Any, prepare: Prepare | None) -> Source:
    """A data set with a length: its images by their indices.

    Raises:
        InputTypeError: for one without a length.
    """
    try:
        count = len(dataset)
    except TypeError as error:
        raise InputTypeError(
            f"expected a data set with a length, got {shown(dataset)}; put one that only iterates "
            f"into a DataLoader"
        ) from error
    ids = arrow.array(range(count), arrow.int64()).cast(arrow.string())
    names = _names_of(dataset)
    record = {"kind": "dataset", "name": type(dataset).__name__}
    if isinstance(root := getattr(dataset, "root", None), str):
        record["folder"] = root
    return Source(ids, Items(dataset, prepare), record, names)


def loader_source(loader: Any, prepare: Prepare | None) -> Source:
    """A data loader: the images of its data set, or where it puts them together itself, as it
    gives them; ids are then their number.

    Raises:
        ArgumentError: for one that shuffles, whose numbers mean another image each time.
    """
    iterates = isinstance(loader.dataset, IterableDataset)
    if not iterates and type(loader.sampler) is not SequentialSampler:
        raise ArgumentError(
            f"the DataLoader gives its images in an order of its own ({shown(loader.sampler)}), "
            f"and ids are numbers in order; make it with shuffle=False, or pass its dataset"
        )
    if not iterates and loader.collate_fn is default_collate and loader.batch_size:
        return dataset_source(loader.dataset, prepare)
    record = {"kind": "loader", "name": type(loader.dataset).__name__}
    return Source(None, _nothing, record, _names_of(loader.dataset), stream=loader)


def settings_of(loader: Any) -> dict[str, Any]:
    """What a loader says of workers and batches, as arguments of `explain_dataset`."""
    return {"batch_size": loader.batch_size, "workers": loader.num_workers}


def is_loader(given: Any) -> bool:
    """Whether this is a data loader of torch."""
    return isinstance(given, DataLoader)


def _names_of(dataset: Any) -> tuple[str, ...] | None:
    names = getattr(dataset, "classes", None)
    listed = isinstance(names, (list, tuple)) and all(isinstance(each, str) for each in names)
    return tuple(names) if listed and names else None


def _nothing(name: str) -> Sample:
    raise NotImplementedError(name)
