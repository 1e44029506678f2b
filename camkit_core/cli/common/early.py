"""What can be told to be wrong before torch is imported: names, files, and where to write to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...inputs.models.formats import checkpoint_path
from ...inputs.models.names_file import read_class_names
from ...plugins import get_registry
from .failures import Failures
from .image_files import Asked, image_files


def check_names(kind: str, names: Sequence[str]) -> None:
    """Find each of these plugins.

    Raises:
        UnknownName: for one that is not installed, with the closest name.
    """
    for name in names:
        get_registry().find(kind, name)


def check_loading(loading: Mapping[str, Any]) -> None:
    """Find the files of weights and of class names.

    Raises:
        FileError: for one that is not there, or cannot be read.
    """
    if loading["weights"].lower() not in ("default", "none"):
        checkpoint_path(loading["weights"])
    if loading["class_names"] is not None:
        read_class_names(loading["class_names"])


def pictures_of(asked: Asked, output: Path | None) -> tuple[list[Path], Failures]:
    """The pictures that are asked for, and those that are none, already said."""
    failures = Failures()
    return image_files(asked, failures, output), failures
