"""The values behind the pictures, in one `.npz` file: no renderer, as nothing is drawn."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from .errors import InputError

if TYPE_CHECKING:
    from .explanation import Explanation

_ARRAYS = ("cam", "heatmap", "logits", "score", "target", "guided")


def raw(explanation: Explanation, path: str | Path) -> Path:
    """No picture but the values: map, heatmap, logits, score, target, and metadata as JSON.

    Args:
        explanation: what to write, all its images.
        path: the file, which ends in `.npz`.
    """
    arrays = {
        name: value.detach().cpu().numpy()
        for name in _ARRAYS
        if hasattr(value := getattr(explanation, name), "detach")
    }
    metadata = {
        **explanation.provenance,
        "layer": explanation.layer,
        "adapter": explanation.adapter,
        "notes": list(explanation.notes),
        "explained": [explanation.describe(index) for index in range(len(explanation))],
    }
    np.savez_compressed(path, metadata=np.array(json.dumps(metadata)), **arrays)
    return Path(path)


def load_raw(path: str | Path) -> tuple[dict[str, np.ndarray[Any, Any]], dict[str, Any]]:
    """The arrays and the metadata of a file that `raw` wrote.

    Raises:
        InputError: if the file is not one.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files if name != "metadata"}
            return arrays, json.loads(str(stored["metadata"]))
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"cannot read {path} as camkit's .npz: {error}") from error
