"""What one reading of a data set's maps found, as data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ..opened import ExplainedDataset
from ..windows import Windows
from .classes import ClassPlaces
from .counts import Counts
from .gathered import Kind
from .masks import Grounding
from .mistakes import Mistakes
from .suspicion import Cluster


@dataclass(frozen=True)
class Found:
    """A cluster, and of which rows it is.

    Attributes:
        kind: method and class.
        cluster: the cluster.
        positions: (n,), the rows of its maps in the data set, the most typical first.
        sampled: how many maps of the class were clustered.
        maps: how many there are.
    """

    kind: Kind
    cluster: Cluster
    positions: NDArray[np.int64]
    sampled: int
    maps: int


@dataclass(frozen=True)
class Findings:
    """What the maps of a data set say.

    Attributes:
        maps: the data set.
        counts: rows, blank maps, errors and notes.
        mistakes: of images with labels; None if there are none.
        classes: where the maps of each class of each method lie.
        clusters: of maps that look alike, those that stand out first.
        clustered: how many classes were clustered, each method's counted for itself.
        grounding: how maps agree with masks, for each method and class; empty without masks.
        masked: how many rows have a mask; of more than 5,000 a sample was measured.
    """

    maps: ExplainedDataset
    counts: Counts
    mistakes: Mistakes | None
    classes: Sequence[ClassPlaces]
    clusters: Sequence[Found]
    clustered: int
    windows: Windows = field(repr=False)
    grounding: Sequence[tuple[Kind, Grounding]] = ()
    masked: int = 0

    @property
    def suspicious(self) -> list[Found]:
        """The clusters that stand out: what a network does that reads a mark, not the object."""
        return [found for found in self.clusters if found.cluster.stands_out]

    @property
    def labels(self) -> str:
        """Where the true classes come from; "" if there are none."""
        return self.mistakes.truth.source if self.mistakes else ""
