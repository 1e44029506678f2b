"""Which cluster of maps stands out: what a network does that reads a mark, not the object.

A mark that part of a class carries, such as a watermark, a scanner's label or a frame, lies in one
place, mostly at the border. So the maps of these images depart from the mean map of their class at
that very place, those of other classes do not, and they are more alike than the class's other
clusters. Objects that lie now here, now there, make clusters too, but of many places, or of places
where other classes' maps are as well.

A cluster's score is the product of

- the excess: of the class's maps, the share that departs most from the class's mean map in the
  cluster's place, less that share of the other classes' maps, less two standard errors;
- the contrast of these two shares, their difference over their sum;
- how much of what the cluster has more than the rest of its class lies at the picture's border;
- one over the looseness: how far apart its maps are, over that of the class's other clusters;
- one over the root of the cluster's share of its class, since a rare mark is a mark, too.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .clusters import Clustering, clusters_of
from .places import Floats, inside

STANDS_OUT = 0.06
PLACE = 7  # a place is a seventh of the picture's sides
_SAME_PLACE = 0.6  # of a cluster's maps that depart thereabouts, for it to be joined with another
_FEWEST = 5  # maps of a cluster that can stand out
Place = tuple[int, int]


@dataclass(frozen=True)
class Cluster:
    """Maps of one class that look alike.

    Attributes:
        members: (n,), which of the class's sampled maps it has, the most typical first.
        share: of the class's sampled maps.
        mean: (h, w), the mean of its masses.
        place: (left, top, right, bottom) of the place where most of its maps depart most from the
            mean map of their class, in [0, 1] of the picture.
        here: the share of the class's maps that depart most in this place.
        elsewhere: that share of the other classes' maps; nan if there is no other class.
        border: of what the cluster has more than the rest of its class, the share in the outer
            tenth of the picture; 0.36 if it is even.
        looseness: mean distance between its maps over that of the class's other clusters.
        gap: the gap of the eigenvalues behind the number of clusters.
        score: how far it stands out; see the module.
    """

    members: NDArray[np.int64]
    share: float
    mean: Floats
    place: tuple[float, float, float, float]
    here: float
    elsewhere: float
    border: float
    looseness: float
    gap: float
    score: float

    @property
    def stands_out(self) -> bool:
        """Whether the cluster is what a mark would make."""
        return self.score >= STANDS_OUT and len(self.members) >= _FEWEST


def clusters(masses: Sequence[Floats]) -> list[list[Cluster]]:
    """The clusters of each class of one method, each class's highest score first.

    Args:
        masses: for each class its sampled masses (n, h, w), all of one grid; n may be 0.
    """
    departures = [Departures(each) for each in masses]
    every = _Others.sums(departures)
    return [
        _clusters_of_class(each, own, _Others(*every, own))
        for each, own in zip(masses, departures, strict=True)
    ]


class Departures:
    """Where the maps of a class depart most from their mean.

    Attributes:
        count: how many maps there are.
        shares: (rows, columns), the share of them that departs most in each place.
    """

    def __init__(self, masses: Floats) -> None:
        self.count, (rows, columns) = len(masses), masses.shape[1:]
        mean = masses.sum(0) / max(self.count, 1)
        self.cells = (masses - mean).reshape(self.count, rows * columns).argmax(1)
        self.grid = rows, columns
        self.size = max(1, round(rows / PLACE)), max(1, round(columns / PLACE))
        self.shares = self.of(np.arange(self.count))

    def of(self, members: NDArray[np.int64]) -> NDArray[np.float64]:
        """The share of some of the maps that departs most in each place."""
        counts = np.bincount(self.cells[members], minlength=int(np.prod(self.grid)))
        table = np.pad(counts.reshape(self.grid).cumsum(0).cumsum(1), ((1, 0), (1, 0)))
        (high, wide), total = self.size, max(len(members), 1)
        sums = table[high:, wide:] - table[:-high, wide:] - table[high:, :-wide]
        shares: NDArray[np.float64] = (sums + table[:-high, :-wide]) / total
        return shares

    def about(self, members: NDArray[np.int64], place: Place) -> float:
        """The share of some of the maps that departs most in a place or in the cells about it."""
        cells = np.stack(np.divmod(self.cells[members], self.grid[1]), 1)
        low, high = np.array(place) - 1, np.array(place) + self.size
        return float(((cells >= low) & (cells <= high)).all(1).mean())

    def box(self, place: Place) -> tuple[float, float, float, float]:
        """A place as left, top, right and bottom in [0, 1]."""
        (top, left), (high, wide), (rows, columns) = place, self.size, self.grid
        return left / columns, top / rows, (left + wide) / columns, (top + high) / rows


def _clusters_of_class(masses: Floats, own: Departures, others: _Others) -> list[Cluster]:
    found = clusters_of(masses)
    if found is None:
        return []
    found = _joined(found, own)
    labels = range(int(found.labels.max()) + 1)
    made = [_cluster(masses, found, label, own, others) for label in labels]
    return sorted(made, key=lambda cluster: -cluster.score)


def _joined(found: Clustering, own: Departures) -> Clustering:
    """Clusters of one and the same place as one: what else is in their maps divided them."""
    places = _places_of(found, own)
    labels = found.labels.copy()
    for one, other in pairwise(sorted(places, key=lambda label: places[label])):
        if all(abs(a - b) <= 1 for a, b in zip(places[one], places[other], strict=True)):
            labels[labels == one] = other
    if len(np.unique(labels)) < 2:
        return found
    return replace(found, labels=np.unique(labels, return_inverse=True)[1].reshape(-1))


def _places_of(found: Clustering, own: Departures) -> dict[int, Place]:
    """The place of each cluster most of whose maps depart in one."""
    places = {}
    for label in range(int(found.labels.max()) + 1):
        members = np.flatnonzero(found.labels == label)
        place = _highest(own.of(members))
        if own.about(members, place) >= _SAME_PLACE:
            places[label] = place
    return places


def _highest(shares: NDArray[np.float64]) -> Place:
    row, column = divmod(int(shares.argmax()), shares.shape[1])
    return row, column


def _cluster(
    masses: Floats, found: Clustering, label: int, own: Departures, others: _Others
) -> Cluster:
    chosen = found.labels == label
    members = np.flatnonzero(chosen)
    place = _highest(own.of(members))
    here, elsewhere = float(own.shares[place]), others.share(place)
    border = _border(masses[chosen].mean(0) - masses[~chosen].mean(0))
    looseness = _looseness(found, label)
    excess = _excess(here, own, elsewhere, others.count, place)
    return Cluster(
        members=_typical_first(members, found),
        share=len(members) / len(masses),
        mean=masses[chosen].mean(0),
        place=own.box(place),
        here=here,
        elsewhere=elsewhere,
        border=border,
        looseness=looseness,
        gap=found.gap,
        score=_score(excess, here, elsewhere, border, looseness, len(members) / len(masses)),
    )


class _Others:
    """The departures of all classes but one, without adding them up for each class anew."""

    def __init__(self, count: int, totals: Any, own: Departures) -> None:
        self.count, self._totals, self._own = count - own.count, totals, own

    @staticmethod
    def sums(every: Sequence[Departures]) -> tuple[int, Any]:
        """How many maps of all classes there are, and how many depart most in each place."""
        totals: Any = 0
        for each in every:
            totals = totals + each.count * each.shares
        return sum(each.count for each in every), totals

    def share(self, place: Place) -> float:
        """The share of their maps that departs most in a place; nan if there are none."""
        if not self.count:
            return float("nan")
        total = self._totals[place]
        return float(total - self._own.count * self._own.shares[place]) / self.count


def _excess(here: float, own: Departures, elsewhere: float, others: int, place: Place) -> float:
    """By how much one share is larger than the other, less two standard errors.

    Without other classes, the class's own maps on the other sides of the picture are compared.
    """
    if not others:
        row, column = place
        mirrored = own.shares[-1 - row, column], own.shares[row, -1 - column]
        elsewhere, others = float(max(mirrored)), own.count
    variance = here * (1 - here) / own.count + elsewhere * (1 - elsewhere) / others
    return max(here - elsewhere - 2 * math.sqrt(max(variance, 0)), 0)


def _score(
    excess: float, here: float, elsewhere: float, border: float, looseness: float, share: float
) -> float:
    """See the module; without other classes there is no contrast."""
    known = not math.isnan(elsewhere)
    contrast = (here - elsewhere) / max(here + elsewhere, 1e-9) if known else 1.0
    return excess * max(contrast, 0) * border / max(looseness, 0.1) / math.sqrt(share)


def _border(excess: Floats) -> float:
    """The share at the border of what is above zero."""
    more = excess.clip(0, None)
    total = float(more.sum())
    return 1 - float((more * inside(*more.shape)).sum()) / total if total > 0 else 0.0


def _looseness(found: Clustering, label: int) -> float:
    others = [
        found.tightness(other) for other in range(int(found.labels.max()) + 1) if other != label
    ]
    mean = float(np.mean(others)) if others else 0.0
    return found.tightness(label) / mean if mean > 1e-6 else 1.0


def _typical_first(members: NDArray[np.int64], found: Clustering) -> NDArray[np.int64]:
    """Members by their mean distance to the others of their cluster."""
    distances = found.distances[np.ix_(members, members)].mean(1)
    return members[np.argsort(distances, kind="stable")]
