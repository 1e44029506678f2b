"""Activations projected on their first principal component, as pytorch-grad-cam does.

The sign is that of the singular vector as LAPACK gives it, where camkit's own methods choose it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

Array = np.ndarray[Any, Any]


def _projected(batch: Array, component: Callable[[Array], Array]) -> Array:
    """A component (positions,) of each image of (N, C, ...), from its centred positions (p, C)."""
    finite = np.where(np.isnan(batch), 0, batch)
    rows = finite.reshape(*finite.shape[:2], -1).swapaxes(1, 2)
    projections = [component(image - image.mean(axis=0)) for image in rows]
    return np.asarray(projections, np.float32).reshape(len(batch), *batch.shape[2:])


def _principal(rows: Array) -> Array:
    axes = np.linalg.svd(rows, full_matrices=False)[2]
    component: Array = rows @ axes[0]
    return component


def _towards_the_strongest(rows: Array) -> Array:
    component = _principal(rows)
    return -component if abs(component.min()) > abs(component.max()) else component


def get_2d_projection(activation_batch: Array) -> Array:
    """The first principal component of (N, C, h, w) over its channels: (N, h, w), float32."""
    return _projected(activation_batch, _principal)


def get_2d_projection_with_sign_correction(activation_batch: Array) -> Array:
    """The same, its strongest response made positive (Seg-Eigen-CAM, equation 13)."""
    return _projected(activation_batch, _towards_the_strongest)


def get_2d_projection_kernel(
    activation_batch: Array, kernel: str = "sigmoid", gamma: float | None = None
) -> Array:
    """The first kernel principal component of (N, C, h, w): (N, h, w), float32.

    Args:
        activation_batch: of any rank.
        kernel: "linear", "poly", "rbf", "sigmoid" or "cosine", as in scikit-learn.
        gamma: of the kernel; None for 1 / C.
    """

    def component(rows: Array) -> Array:
        products = KERNELS[kernel](rows, gamma or 1 / rows.shape[1])
        centred = products - products.mean(0) - products.mean(1)[:, None] + products.mean()
        values, vectors = np.linalg.eigh(centred)
        scaled: Array = vectors[:, -1] * np.sqrt(max(values[-1], 0))
        scaled *= np.sign(scaled[np.abs(scaled).argmax()])  # scikit-learn's choice
        return scaled

    return _projected(activation_batch, component)


def _rbf(rows: Array, gamma: float) -> Array:
    squares = (rows**2).sum(1)
    distances = squares[:, None] + squares - 2 * rows @ rows.T
    near: Array = np.exp(-gamma * np.maximum(distances, 0))
    return near


def _cosine(rows: Array, gamma: float) -> Array:
    units = rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-30)
    similarity: Array = units @ units.T
    return similarity


KERNELS: dict[str, Callable[[Array, float], Array]] = {
    "linear": lambda rows, gamma: rows @ rows.T,
    "poly": lambda rows, gamma: (gamma * rows @ rows.T + 1) ** 3,
    "rbf": _rbf,
    "sigmoid": lambda rows, gamma: np.tanh(gamma * rows @ rows.T + 1),
    "cosine": _cosine,
}
