"""Rows of the table, of explanations and of errors, those of each image beside each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from ...probe.further.configured_method import ConfiguredMethod
from ...results.explanation import Explanation
from ..arrow import arrow
from ..schema import rows
from ..sources.batches import Batch, Unread
from ..sources.labels import Named
from .columns import Names, as_json, of_classes, of_map, on_host


def explained_rows(
    batch: Batch,
    target: str,
    labels: Sequence[Named],
    explanation: Explanation,
    names: Names,
    codes: Sequence[Sequence[str]],
    seconds: float,
) -> Any:
    """The rows of a batch for one target by one method.

    Args:
        batch: N images.
        target: what was asked.
        labels: N.
        explanation: of the batch.
        names: of the classes.
        codes: those of the notes on each image.
        seconds: that each row took.
    """
    count, explanation = len(batch), on_host(explanation)
    return rows(
        {
            **_asked(batch, target, labels, explanation.method, explanation.options),
            **of_classes(explanation, names),
            **of_map(explanation.cam),
            "score": explanation.score.float().tolist(),
            "input_size": [list(batch.images.shape[2:])] * count,
            "layer": [explanation.layer] * count,
            "notes": codes,
            "seconds": [seconds] * count,
        }
    )


def failed_rows(
    unread: Unread, target: str, labels: Sequence[Named], method: ConfiguredMethod
) -> Any:
    """The rows of images that failed, for one target and method, with their errors."""
    count = len(unread.ids)
    return rows(
        {
            **_asked(unread, target, labels, method.name, method.options),
            "notes": [[]] * count,
            "seconds": [0.0] * count,
            "error": unread.errors,
        }
    )


def _asked(
    batch: Batch | Unread,
    target: str,
    labels: Sequence[Named],
    method: str,
    options: Mapping[str, Any],
) -> dict[str, Any]:
    """The columns that a row has whatever comes of it."""
    count = len(batch.ids)
    numbers, names = zip(*labels, strict=True)
    return {
        "id": batch.ids,
        "target": [target] * count,
        "method": [method] * count,
        "options": [as_json(options)] * count,
        "label": numbers,
        "label_name": names,
    }


def joined(parts: Sequence[Any]) -> Any:
    """Record batches one below the other, as one."""
    return arrow.Table.from_batches(parts).combine_chunks().to_batches()[0]


def side_by_side(parts: Sequence[Any]) -> Any:
    """Record batches of the same images as one, the rows of each image beside each other."""
    if len(parts) == 1:
        return parts[0]
    count = parts[0].num_rows
    order = [part * count + row for row in range(count) for part in range(len(parts))]
    return joined(parts).take(arrow.array(order))
