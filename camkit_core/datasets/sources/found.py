"""Which kind of source was given."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

from ...errors import InputTypeError, PathError, shown
from .files import folder_source, list_source
from .remote import remote_source
from .source import Prepare, Source
from .torch_data import dataset_source, is_loader, loader_source

_ADDRESS = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+://")


def source_of(given: Any, prepare: Prepare | None, output: Path | None = None) -> Source:
    """The source that was given.

    Args:
        given: a folder, an address as s3://bucket/photos, a list of paths, a torch Dataset or a
            DataLoader.
        prepare: makes the model's input of a picture; None where nothing says how.
        output: a folder that is left out.

    Raises:
        InputTypeError: for anything else, or files without a `prepare`.
        PathError: for a folder that is not there, or has no pictures.
    """
    if is_loader(given):
        return loader_source(given, prepare)
    if _is_files(given):
        if prepare is None:
            raise InputTypeError(
                "nothing says how pictures are prepared for this model; pass transform=, as in "
                "transform=weights.transforms(), or load the model by its name: "
                "camkit.load_model(...)"
            )
        return _of_files(given, prepare, output)
    if hasattr(given, "__getitem__"):
        return dataset_source(given, prepare)
    raise InputTypeError(
        f"expected a folder, a list of paths, a torch Dataset or a DataLoader, got {shown(given)}"
    )


def _is_files(given: Any) -> bool:
    several = given if isinstance(given, (list, tuple)) else [given]
    return all(isinstance(each, (str, os.PathLike)) for each in several)


def _of_files(given: Any, prepare: Prepare, output: Path | None) -> Source:
    if isinstance(given, (list, tuple)):
        return list_source(given, prepare)
    if isinstance(given, str) and _ADDRESS.match(given):
        return remote_source(given, prepare)
    if os.path.isdir(given):
        return folder_source(given, prepare, output)
    if os.path.exists(given):
        return list_source([given], prepare)
    raise PathError(f"no such folder: {os.fspath(given)!r}; expected a folder of pictures")
