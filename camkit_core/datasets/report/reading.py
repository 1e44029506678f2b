"""The rows of a data set go by once, and each part of the report takes what it needs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..opened import ExplainedDataset
from ..windows import Windows
from .classes import ClassSums
from .clusters import one_thread
from .counts import Counts
from .findings import Findings, Found
from .gathered import CommonGrids, Kind, Kinds, Maps, batches, maps_of
from .masks import Grounding, Masks
from .mistakes import Mistakes
from .places import Floats, places, resized
from .sample import Sample
from .suspicion import clusters
from .truth import Truth

COLUMNS = (
    "id", "target", "method", "class_index", "class_name", "top_class", "top_name",
    "top_probability", "map", "grid", "layer", "notes", "error",
)  # fmt: skip
MOST, FEWEST = 1_000, 100  # maps of a class that are sampled for its clusters
SAMPLED = 150_000  # maps of all classes
CLUSTERED = 1_000  # classes of a method that are clustered: those with most maps


class Reading:
    """Gathers what the report says, batch by batch.

    Args:
        maps: the data set.
        truth: the true classes.
        masks: of the pictures; None without.
    """

    def __init__(self, maps: ExplainedDataset, truth: Truth, masks: Masks | None) -> None:
        self.maps, self.truth, self.masks = maps, truth, masks
        self.counts, self.kinds, self.sums = Counts(), Kinds(), ClassSums()
        self.mistakes, self.grids = Mistakes(truth), CommonGrids()
        self.samples: dict[str, Sample] = {}

    def read(self) -> None:
        """Read all rows.

        Raises:
            InputError: if labels were given, and none can be compared.
        """
        for first, batch in batches(self.maps.batches((*COLUMNS, *self.truth.columns))):
            self._add(first, batch)
        self.truth.check()

    def findings(self, windows: Windows) -> Findings:
        """What was found.

        Args:
            windows: where the model's inputs lay in the pictures.

        Raises:
            InputError: if masks were given, and none belongs to a picture or can be read.
            ImportFailed: if scikit-learn is not installed.
        """
        kinds = self.kinds.kinds
        found = sorted(self._found(), key=lambda each: -each.cluster.score)
        grounding = self.masks.measure(self.maps, windows) if self.masks else {}
        return Findings(
            maps=self.maps,
            counts=self.counts,
            mistakes=self.mistakes if self.mistakes.images else None,
            classes=self.sums.classes(kinds),
            clusters=found,
            clustered=len({each.kind for each in found}),
            windows=windows,
            grounding=_largest_first(kinds, grounding),
            masked=self.masks.seen if self.masks else 0,
        )

    def _add(self, first: int, batch: Any) -> None:
        self.counts.add(batch)
        self.mistakes.add(first, batch)
        kinds = self.kinds.of(batch)
        for found in maps_of(batch):
            self.counts.add_blank(batch, found.rows[found.blank])
            for method, part in self._by_method(found, kinds):
                self._add_maps(first, batch, kinds, method, part)

    def _by_method(self, found: Maps, kinds: NDArray[np.int64]) -> Iterator[tuple[str, Maps]]:
        methods = np.array([kind.method for kind in self.kinds.kinds])[kinds[found.rows]]
        for method in np.unique(methods):
            chosen = methods == method
            yield str(method), Maps(found.rows[chosen], found.masses[chosen], found.blank[chosen])

    def _add_maps(self, first: int, batch: Any, kinds: Any, method: str, found: Maps) -> None:
        grid = self.grids.of(method, found.masses.shape[1:])
        self.sums.add(kinds[found.rows], found.masses, found.blank, places(found.masses), grid)
        clear = found.rows[~found.blank]
        if not len(clear):
            return
        common = resized(found.masses[~found.blank], grid)
        sample = self.samples.setdefault(method, Sample(MOST))
        sample.limit(max(FEWEST, SAMPLED // len(self.kinds.kinds)))
        sample.add(kinds[clear], mass=common.astype(np.float16), position=first + clear)
        if self.masks:
            self.masks.add(first, batch, kinds, clear)

    def _found(self) -> Iterator[Found]:
        """The clusters of each class of each method."""
        for sample in self.samples.values():
            of_class = sample.columns["kind"]
            largest = np.argsort(-sample.seen, kind="stable")[:CLUSTERED]
            rows = [np.flatnonzero(of_class == number) for number in largest]
            with one_thread():
                clustered = clusters(_Masses(sample.columns["mass"], rows))
            for number, each, found in zip(largest, rows, clustered, strict=True):
                positions = sample.columns["position"][each]
                for cluster in found:
                    yield Found(
                        kind=self.kinds.kinds[number],
                        cluster=cluster,
                        positions=positions[cluster.members],
                        sampled=len(each),
                        maps=int(sample.seen[number]),
                    )


class _Masses(Sequence[Floats]):
    """The masses of each class, made as they are asked for: those of all would take much memory."""

    def __init__(self, halves: NDArray[np.float16], rows: list[NDArray[np.int64]]) -> None:
        self._halves, self._rows = halves, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, number: Any) -> Any:
        return _whole(self._halves[self._rows[number]])


def _whole(halves: NDArray[np.float16]) -> Floats:
    """Masses that sum to 1 again after rounding."""
    masses = halves.astype(np.float32)
    whole: Floats = masses / masses.sum(axis=(1, 2), keepdims=True).clip(1e-6)
    return whole


def _largest_first(
    kinds: list[Kind], grounding: dict[int, Grounding]
) -> list[tuple[Kind, Grounding]]:
    order = sorted(grounding, key=lambda number: -grounding[number].images)
    return [(kinds[number], grounding[number]) for number in order]
