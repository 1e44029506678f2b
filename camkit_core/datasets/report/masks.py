"""Maps and the masks of objects: how often the highest place, and how much evidence, lie inside."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ...errors import InputError, PathError, shown
from ...image import read_image
from ..windows import Windows
from .sample import Sample

if TYPE_CHECKING:
    from ..opened import ExplainedDataset

MOST = 5_000  # rows that are measured; more are sampled
SIDE = 512  # pixels of a mask's longer side at most: where a map lies needs no more
_ENDINGS = (".png", ".bmp", ".tif", ".tiff", ".webp", ".gif", ".jpg", ".jpeg")


@dataclass
class Grounding:
    """How the maps of one method for one class agree with masks.

    Attributes:
        images: how many maps were measured.
        hits: in how many the highest place lies in the mask (pointing game).
        energies: of each, the share of its evidence inside the mask.
        areas: of each, the share of the picture that the mask covers: what chance gives.
    """

    images: int = 0
    hits: int = 0
    energies: list[float] = field(default_factory=list)
    areas: list[float] = field(default_factory=list)

    def add(self, heat: NDArray[np.float32], mask: NDArray[np.bool_]) -> None:
        """One map (H, W), not blank, and the mask of the same size."""
        self.images += 1
        self.hits += bool(mask[np.unravel_index(int(heat.argmax()), heat.shape)])
        self.energies.append(float(heat[mask].sum() / heat.sum()))
        self.areas.append(float(mask.mean()))


class Masks:
    """Finds the mask of each picture in a folder, and measures maps against them.

    A mask is a picture of the original's proportions, black where the object is not. It has the
    original's name, whatever its ending, and lies in the same folder below `folder`, or directly
    in it.

    Args:
        folder: of the masks.

    Raises:
        PathError: if there is no such folder.
        InputError: if it has no pictures.
    """

    def __init__(self, folder: str | os.PathLike[str]) -> None:
        self._folder = Path(folder)
        if not self._folder.is_dir():
            raise PathError(f"no folder of masks at {os.fspath(folder)!r}")
        self._files: dict[str, Path] = {}
        for path in sorted(self._folder.rglob("*")):
            if path.suffix.lower() in _ENDINGS:
                inner = path.relative_to(self._folder)
                for key in (inner.with_suffix("").as_posix(), inner.as_posix()):
                    self._files.setdefault(key, path)
        if not self._files:
            raise InputError(
                f"no masks in {os.fspath(folder)!r}; expected pictures ({', '.join(_ENDINGS[:3])}, "
                f"...) named as the originals are"
            )
        self._sample = Sample(MOST)
        self._other: str | None = None

    @property
    def seen(self) -> int:
        """How many rows have a mask."""
        return int(self._sample.seen.sum())

    def add(
        self, first: int, batch: Any, kinds: NDArray[np.int64], rows: NDArray[np.int64]
    ) -> None:
        """Rows of a batch that have a map with evidence.

        Args:
            first: the position of the batch's first row in the data set.
            batch: the rows.
            kinds: of all rows of the batch.
            rows: which of them may be measured.
        """
        names = batch.column("id").take(rows).to_pylist()
        if self._other is None and names:
            self._other = names[0]
        found = rows[[self._file(name) is not None for name in names]]
        self._sample.add(
            np.zeros(len(found), np.int64), position=first + found, of_kind=kinds[found]
        )

    def _file(self, name: str) -> Path | None:
        path = PurePosixPath(name)
        keys = (path.with_suffix("").as_posix() if path.name else name, name, path.stem)
        return next((self._files[key] for key in keys if key in self._files), None)

    def measure(self, maps: ExplainedDataset, windows: Windows) -> dict[int, Grounding]:
        """The agreement for each kind, on the sampled rows.

        Raises:
            InputError: if no row has a mask, or a mask cannot be read.
        """
        if not self.seen:
            example = next(iter(self._files.values())).name
            raise InputError(
                f"no mask in {os.fspath(self._folder)!r} belongs to a picture: there is "
                f"{shown(example)}, and pictures such as {shown(self._other)}; name masks as the "
                f"pictures"
            )
        found: dict[int, Grounding] = {}
        columns = self._sample.columns
        order = np.argsort(columns["position"])
        for position, kind in zip(
            columns["position"][order].tolist(), columns["of_kind"][order].tolist(), strict=True
        ):
            row = maps[position]
            path = self._file(row.id)
            mask = _read(path) if path else None
            if mask is None or not mask.any():
                continue
            heat = windows.placed(row.heatmap, mask.shape)
            if heat.any():
                found.setdefault(kind, Grounding()).add(heat, mask)
        return found


def _read(path: Path) -> NDArray[np.bool_]:
    pixels = read_image(path).max(axis=2) > 0
    step = max(1, -(-max(pixels.shape) // SIDE))
    mask: NDArray[np.bool_] = pixels[step // 2 :: step, step // 2 :: step]
    return mask
