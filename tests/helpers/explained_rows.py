"""Rows of explanations that no model made, for tests of what holds and reads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from camkit_core.datasets.schema import rows


def made_rows(ids: Sequence[str], seed: int = 0, **columns: Any) -> Any:
    """A record batch of the schema with random maps of 4 x 4, one row for each id.

    Args:
        ids: of the images.
        seed: of the random numbers.
        **columns: in place of those made up: lists, or one value for all.
    """
    rng, count = np.random.default_rng(seed), len(ids)
    maps = rng.uniform(-1, 1, (count, 16)).astype(np.float16)
    made: dict[str, Any] = {
        "target": "top1",
        "method": "gradcam",
        "class_index": [number % 3 for number in range(count)],
        "class_name": [f"class {number % 3}" for number in range(count)],
        "score": rng.uniform(0, 9, count).tolist(),
        "probability": rng.uniform(0, 1, count).tolist(),
        "map": list(maps),
        "scale": [2.0] * count,
        "grid": [[4, 4]] * count,
        "input_size": [[32, 32]] * count,
        "layer": "layer4",
        "options": "{}",
        "notes": [[]] * count,
        "seconds": [0.01] * count,
    }
    given = {name: _each(value, count) for name, value in {**made, **columns}.items()}
    return rows({"id": list(ids), **given})


def _each(value: Any, count: int) -> list[Any]:
    return value if isinstance(value, list) else [value] * count
