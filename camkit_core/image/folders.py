"""Folders of pictures: the endings of their names, and which folders in folders count."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

# The endings of what OpenCV may read; what a file holds decides in the end.
ENDINGS = (
    *(".avif", ".bmp", ".gif", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".pbm", ".pgm"),
    *(".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp"),
)


def walked(folder: str, output: Path | None) -> Iterator[tuple[str, list[str], list[str]]]:
    """As `os.walk`, in order, without hidden folders and the one that is written to."""

    def failing(error: OSError) -> None:
        raise error

    written = None if output is None else os.path.realpath(output)
    for place, folders, names in os.walk(folder, onerror=failing):
        folders[:] = sorted(
            name
            for name in folders
            if not name.startswith(".") and os.path.realpath(os.path.join(place, name)) != written
        )
        yield place, folders, names
