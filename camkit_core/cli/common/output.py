"""Where a command writes to: `--output` names a file by its ending, or else a folder."""

from __future__ import annotations

import os
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path

from ...errors import ArgumentError, shown
from .files import writable_folder

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
REPORTS = (".html", ".htm")
RAW = (".npz",)
# Endings of files that somebody may expect, and no command writes there.
_DOCUMENTS = (".gif", ".svg", ".pdf", ".json", ".csv", ".txt", ".md", ".npy")
_OTHERS = (*PICTURES, *REPORTS, *RAW, *_DOCUMENTS)


@dataclass(frozen=True)
class Output:
    """A folder that can be written to, and the name of the only file, if `--output` named it."""

    folder: Path
    name: str | None = None

    def refuse_several(self, count: int, what: str) -> None:
        """Raise ArgumentError if there is one file for more than one of what is written."""
        if self.name is not None and count > 1:
            raise ArgumentError(
                f"{count} {what} do not go into one file, {self.name}; give a folder (--output "
                f"DIR), or ask for one image, one method and one target (--target)"
            )


def output_of(given: str, endings: Collection[str], what: str) -> Output:
    """The folder and the file that `--output` names; the folder is made if it is not there.

    A path that ends in one of the endings is a file, and so does one in the ending of another
    file, which is refused. Anything else, and what is a folder already, is a folder.

    Args:
        given: what stands after `--output`.
        endings: those of the files that the command writes.
        what: they are, for the error.

    Raises:
        ArgumentError: for the ending of another file.
        PathError: if nothing can be written there.
    """
    path, ending = Path(given), os.path.splitext(given)[1].lower()
    if path.is_dir() or given.endswith(("/", os.sep)):
        return Output(writable_folder(given))
    if ending in endings:
        return Output(writable_folder(path.parent), path.name)
    if ending in _OTHERS:
        raise ArgumentError(
            f"cannot write {what} to {shown(given)}; expected --output as a folder, or as a file "
            f"that ends in {' or '.join(endings)}"
        )
    return Output(writable_folder(given))
