"""The arrays and the metadata of an explanation, as its `.npz` file has them."""

from __future__ import annotations

from typing import Any

from torch import Tensor

from .boxes import as_arrays, in_words
from .files import as_array

_TENSORS = ("cam", "heatmap", "logits", "score", "target", "guided")


def arrays_and_metadata(explanation: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """The arrays of an `Explanation` by name, and what they are, ready for JSON."""
    boxes, originals, concepts = explanation.boxes, explanation.originals, explanation.concepts
    values: dict[str, Any] = {name: getattr(explanation, name) for name in _TENSORS}
    values |= {**as_arrays(boxes or []), **({} if concepts is None else concepts.tensors())}
    arrays = {name: as_array(value) for name, value in values.items() if isinstance(value, Tensor)}
    metadata = {
        **explanation.provenance,
        "layer": explanation.layer,
        "adapter": explanation.adapter,
        "notes": list(explanation.notes),
        "explained": [explanation.describe(index) for index in range(len(explanation))],
        **({} if boxes is None else {"boxes": list(map(in_words, boxes))}),
        **({"originals": [each.record() for each in originals]} if originals else {}),
    }
    return arrays, metadata
