"""Explanations of a batch as columns of the table."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from torch import Tensor

from ...inputs.targets.classification import two_sided
from ...maps import full
from ...results.caveats import PROBABILITIES, SINGLE_PROBABILITY
from ...results.explanation import Explanation
from ...results.provenance import plain
from ...results.readings import on_cpu
from ..arrow import arrow

Names = Sequence[str] | None


def on_host(explanation: Explanation) -> Explanation:
    """The explanation, what columns are made of on the CPU; from a GPU it comes in one copy."""
    values = {name: getattr(explanation, name) for name in ("cam", "score", "logits", "target")}
    tensors = {name: each.detach() for name, each in values.items() if isinstance(each, Tensor)}
    here: dict[str, Any] = dict(zip(tensors, on_cpu(*tensors.values()), strict=True))
    return replace(explanation, **here)


def of_map(cam: Tensor) -> dict[str, Any]:
    """The columns of maps (N, h, w): each divided by its largest absolute value, in float16."""
    flat = full(cam).float().flatten(1).numpy()
    size = np.nanmax(np.where(np.isfinite(flat), np.abs(flat), 0), axis=1)
    scale = np.where(size > 0, size, 1).astype(np.float32)
    values = (flat / scale[:, None]).astype(np.float16)
    count, positions = values.shape
    offsets = np.arange(0, values.size + 1, positions, dtype=np.int32)
    grid = list(cam.shape[1:])
    return {
        "map": arrow.ListArray.from_arrays(offsets, arrow.array(values.ravel())),
        "scale": scale.tolist(),
        "grid": [grid] * count,
    }


def of_classes(explanation: Explanation, names: Names) -> dict[str, Any]:
    """The columns of the explained class and of the top class, with their probabilities."""
    count = len(explanation)
    categories = [_category(explanation, index) for index in range(count)]
    columns: dict[str, Any] = {
        "class_index": categories,
        "class_name": [
            _named(category, names) or _function_name(explanation, index)
            for index, category in enumerate(categories)
        ],
    }
    if explanation.boxes is not None:
        return columns | _of_boxes(explanation, names)
    if explanation.logits is None:
        return columns
    shares = probabilities(explanation.logits, explanation.notes)
    best = shares.max(1)
    tops = best.indices.tolist()
    columns |= {
        "top_class": tops,
        "top_name": [_named(top, names) for top in tops],
        "top_probability": best.values.tolist(),
    }
    if isinstance(explanation.target, Tensor):
        columns["probability"] = shares.gather(1, explanation.target[:, None])[:, 0].tolist()
    return columns


def probabilities(logits: Tensor, notes: Collection[str] = ()) -> Tensor:
    """The probability of each class, of logits (N, K): softmax; of a single logit its sigmoid.

    Values that are probabilities already, as `notes` say, are left as they are.
    """
    logits = full(logits)
    if logits.shape[1] == 1:
        known = SINGLE_PROBABILITY in notes
        return two_sided(logits, True) if known else two_sided(logits / 2).softmax(1)
    return logits if PROBABILITIES in notes else logits.softmax(1)


def _category(explanation: Explanation, index: int) -> int | None:
    target = explanation.target[index]
    if isinstance(target, Tensor):
        return int(target)
    category = getattr(target, "category", None)
    return category if isinstance(category, int) else None


def _named(category: int | None, names: Names) -> str | None:
    known = names or ()
    return known[category] if category is not None and 0 <= category < len(known) else None


def _function_name(explanation: Explanation, index: int) -> str | None:
    """What a target that is no class calls itself, as a text that CLIP looks for."""
    if isinstance(explanation.target, Tensor):
        return None
    text = getattr(explanation.target[index], "text", None)
    return text if isinstance(text, str) else None


def _of_boxes(explanation: Explanation, names: Names) -> dict[str, Any]:
    """A detector's best box, and the score as the probability that it is."""
    boxes = explanation.boxes or []
    tops = [int(each["labels"][0]) if len(each["labels"]) else None for each in boxes]
    return {
        "top_class": tops,
        "top_name": [_named(top, names) for top in tops],
        "top_probability": [
            float(each["scores"][0]) if len(each["scores"]) else None for each in boxes
        ],
    }


def as_json(options: Mapping[str, Any]) -> str:
    """A method's options, ready for a column or the manifest."""
    return json.dumps({name: plain(options[name]) for name in sorted(options)}, ensure_ascii=False)
