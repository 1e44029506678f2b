"""Where a command writes to: `--output` names a file by its ending, or else a folder."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import Path

from ...errors import ArgumentError, shown
from .files import writable_folder

PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff")
REPORTS = (".html", ".htm")
RAW = (".npz",)
_LIKE_AN_ENDING = re.compile(r"\.[a-z]{2,5}[0-9]?")  # as .pdf, or .pgn for .png


@dataclass(frozen=True)
class Output:
    """A folder, and the name of the only file, if `--output` named it."""

    folder: Path
    name: str | None = None

    def make(self) -> None:
        """Make the folder if it is not there.

        Raises:
            PathError: if nothing can be written to it.
        """
        writable_folder(self.folder)

    def refuse_pictures(self, paths: Iterable[Path]) -> None:
        """Raise ArgumentError if the file is one of the pictures that are explained."""
        if self.name is None or not os.path.exists(file := self.folder / self.name):
            return
        if any(os.path.exists(path) and os.path.samefile(path, file) for path in paths):
            raise ArgumentError(
                f"--output is the picture that is explained, {self.name}, which would be lost; "
                f"give another file, or a folder"
            )

    def refuse_several(self, count: int, what: str) -> None:
        """Raise ArgumentError if there is one file for more than one of what is written."""
        if self.name is not None and count > 1:
            raise ArgumentError(
                f"{count} {what} do not go into one file, {self.name}; give a folder (--output "
                f"DIR), or ask for one image, one method and one target (--target)"
            )


def output_of(given: str, endings: Collection[str], what: str) -> Output:
    """The folder and the file that `--output` names.

    A path that ends in one of the endings is a file; one that ends as another file does is
    refused. Anything else, and what is a folder already, is a folder.

    Args:
        given: what stands after `--output`.
        endings: those of the files that the command writes.
        what: they are, for the error.

    Raises:
        ArgumentError: for the ending of another file.
    """
    path, ending = Path(given), os.path.splitext(given)[1].lower()
    if os.path.isdir(given) or given.endswith(("/", os.sep)):
        return Output(path)
    if ending in endings:
        return Output(path.parent, path.name)
    if _LIKE_AN_ENDING.fullmatch(ending):
        raise ArgumentError(
            f"cannot write {what} to {shown(given)}; expected --output as a file that ends in "
            f"{' or '.join(endings)}, or as a folder; a folder with a dot in its name ends in /"
        )
    return Output(path)
