"""The clusters of a data set's maps, as its report has them, for the gallery to filter by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from ..datasets.opened import ExplainedDataset
from ..datasets.report.findings import Found
from ..datasets.report.reading import Reading
from ..datasets.report.truth import Truth
from ..datasets.report.words import cluster_in_words, sentences
from ..datasets.windows import Windows

MOST = 200  # clusters that a page lists: those that stand out first


@dataclass(frozen=True)
class Clusters:
    """Clusters of maps that look alike.

    Attributes:
        said: whether one stands out, and why.
        listed: what the page says of each, those that stand out first.
        members: for each the numbers of its rows in the data set.
        count: how many were found; the page lists no more than `MOST`.
    """

    said: str
    listed: list[dict[str, Any]]
    members: list[frozenset[int]]
    count: int

    def record(self) -> dict[str, Any]:
        """For the page."""
        return {"said": self.said, "clusters": self.listed, "count": self.count}


def clusters_in(maps: ExplainedDataset) -> Clusters:
    """The clusters that `dataset_report` finds: of a sample of each class, at most 150,000 maps.

    Raises:
        ImportFailed: if scikit-learn is not installed.
    """
    reading = Reading(maps, Truth(), None)
    reading.read()
    findings = reading.findings(Windows(maps.metadata))
    shown = findings.clusters[:MOST]
    return Clusters(
        said=sentences(findings)[0],
        listed=[_listed(found) for found in shown],
        members=[frozenset(found.positions.tolist()) for found in shown],
        count=len(findings.clusters),
    )


def _listed(found: Found) -> dict[str, Any]:
    return {
        "class": str(found.kind),
        "method": found.kind.method,
        "size": len(found.positions),
        "sampled": found.sampled,
        "maps": found.maps,
        "stands_out": found.cluster.stands_out,
        "words": cluster_in_words(found),
    }
