"""Maps of one class that look alike: spectral clustering of their masses (SpRAy).

Lapuschkin et al., "Unmasking Clever Hans predictors and assessing what machines really learn",
Nature Communications 10, 2019, arXiv 1902.10178: maps of a class, made small and normalised, are
joined to their nearest neighbours, and the eigenvalues of the graph's Laplacian say how many
clusters there are: as many as stand before the largest gap.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ...errors import ImportFailed
from .places import Floats

NEIGHBOURS = 10
MOST = 8  # clusters of a class
FEWEST = 20  # maps of a class that are clustered


@dataclass(frozen=True)
class Clustering:
    """Clusters of N maps.

    Attributes:
        labels: (N,), the cluster of each map, from 0 on.
        gap: the largest gap between successive eigenvalues, behind that of the last cluster.
        distances: (N, N), Hellinger distances between the maps' masses, in [0, 1].
    """

    labels: NDArray[np.int64]
    gap: float
    distances: Floats

    def tightness(self, label: int) -> float:
        """The mean distance between the maps of a cluster."""
        inside = np.flatnonzero(self.labels == label)
        pairs = len(inside) * (len(inside) - 1)
        return float(self.distances[np.ix_(inside, inside)].sum() / max(pairs, 1))


def clusters_of(masses: Floats) -> Clustering | None:
    """The clusters of a class's masses (N, h, w); None if there are too few maps.

    Raises:
        ImportFailed: if scikit-learn is not installed.
    """
    if len(masses) < FEWEST:
        return None
    distances = hellinger(masses)
    values, vectors = _spectrum(_affinity(distances))
    gaps = np.diff(values)
    count = int(gaps[1:].argmax()) + 2
    labels = _assigned(vectors[:, :count])
    return Clustering(labels, float(gaps[count - 1]), distances)


def hellinger(masses: Floats) -> Floats:
    """Distances (N, N) between distributions (N, h, w): 0 is the same, 1 has no cell in common."""
    roots = np.sqrt(masses.reshape(len(masses), -1))
    distances: Floats = np.sqrt((1 - roots @ roots.T).clip(0, 1))
    np.fill_diagonal(distances, 0)
    return distances


def _affinity(distances: Floats) -> Floats:
    """The graph of nearest neighbours: 1 where either is among the other's, else 0."""
    count = len(distances)
    near = min(NEIGHBOURS, max(count // 8, 3))
    nearest = np.argpartition(distances, near, axis=1)[:, : near + 1]
    graph = np.zeros_like(distances)
    np.put_along_axis(graph, nearest, 1, axis=1)
    np.fill_diagonal(graph, 0)
    return np.maximum(graph, graph.T)


def _spectrum(graph: Floats) -> tuple[Any, Any]:
    """The least eigenvalues of the normalised Laplacian, and their vectors (N, k)."""
    try:
        from scipy.linalg import eigh
    except ImportError as error:
        raise needs_sklearn(error) from error

    roots = np.sqrt(graph.sum(1).clip(1e-9))
    laplacian = np.eye(len(graph)) - graph / np.outer(roots, roots)
    values, vectors = eigh(laplacian, subset_by_index=(0, min(MOST, len(graph) - 1)))
    return values, vectors


def _assigned(vectors: Any) -> NDArray[np.int64]:
    """The cluster of each row of the eigenvectors."""
    try:
        from sklearn import config_context
        from sklearn.cluster import KMeans
    except ImportError as error:
        raise needs_sklearn(error) from error

    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = vectors / lengths.clip(1e-12)
    with config_context(assume_finite=True, skip_parameter_validation=True):
        means = KMeans(vectors.shape[1], n_init=4, random_state=0).fit(rows)
    return np.asarray(means.labels_, np.int64)


def one_thread() -> Any:
    """A `with` in which linear algebra takes one thread: these matrices are too small for more.

    Only libraries that are loaded already are limited.
    """
    try:
        import scipy.linalg  # noqa: F401
        import sklearn.cluster  # noqa: F401
        from threadpoolctl import threadpool_limits
    except ImportError as error:
        raise needs_sklearn(error) from error
    return threadpool_limits(1)


def needs_sklearn(error: ImportError) -> ImportFailed:
    """The error that says how to get scikit-learn."""
    return ImportFailed(
        f"clusters of maps need scikit-learn, which cannot be imported ({error}): "
        f'python -m pip install "camkit[data]"'
    )
