"""The table of explanations: its columns, and what stands in the files' metadata beside them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .arrow import arrow

VERSION = 1
KEY = b"camkit"  # of the JSON in a file's metadata

_TEXT, _INT, _FLOAT = arrow.string(), arrow.int32(), arrow.float32()
# A name, a type, whether each row has a value, and what the value is.
COLUMNS: tuple[tuple[str, Any, bool, str], ...] = (
    (
        "id",
        _TEXT,
        True,
        "the picture's path from the source's root, with / between folders, or its index",
    ),
    ("target", _TEXT, True, "what was asked: top1, top2, ..., a class, or a name"),
    ("method", _TEXT, True, "name of the method"),
    ("class_index", _INT, False, "the explained class"),
    ("class_name", _TEXT, False, "its name"),
    ("score", _FLOAT, False, "the explained score, such as the class's logit"),
    ("probability", _FLOAT, False, "the class's probability: softmax of the logits"),
    ("top_class", _INT, False, "the class with the highest score, whatever was asked"),
    ("top_name", _TEXT, False, "its name"),
    ("top_probability", _FLOAT, False, "its probability"),
    ("label", _INT, False, "the true class, where the source or labels= gives one"),
    ("label_name", _TEXT, False, "its name"),
    (
        "map",
        arrow.list_(arrow.float16()),
        False,
        "the method's map at the layer's grid, row by row, signed, divided by its largest absolute "
        "value, which is `scale`; null after an error",
    ),
    ("scale", _FLOAT, False, "the largest absolute value of the map: map times scale is the map"),
    ("grid", arrow.list_(_INT), False, "the map's size: (h, w), (l), or (d, h, w)"),
    ("input_size", arrow.list_(_INT), False, "of the model's input, to which heatmaps are resized"),
    ("layer", _TEXT, False, "what was explained"),
    ("options", _TEXT, True, "the method's options, as JSON"),
    ("notes", arrow.list_(_TEXT), True, "codes of notes; the metadata has their sentences"),
    ("seconds", _FLOAT, True, "this row's share of the time that its batch took"),
    ("error", _TEXT, False, "kind and text of the error, where the image could not be explained"),
)
NAMES = tuple(name for name, *_ in COLUMNS)
SCHEMA = arrow.schema(
    [
        arrow.field(name, kind, nullable=not always, metadata={"description": text})
        for name, kind, always, text in COLUMNS
    ]
)


def with_metadata(facts: Mapping[str, Any]) -> Any:
    """The schema with `facts`, ready for JSON, and its own version in the metadata."""
    text = json.dumps({"schema": VERSION, **facts}, ensure_ascii=False, default=str)
    return SCHEMA.with_metadata({KEY: text.encode()})


def metadata_of(schema: Any) -> dict[str, Any]:
    """The facts in a schema's metadata; none where it has none that can be read."""
    text = (schema.metadata or {}).get(KEY, b"{}")
    try:
        facts = json.loads(text)
    except ValueError:
        return {}
    return facts if isinstance(facts, dict) else {}


def rows(columns: Mapping[str, Any]) -> Any:
    """A record batch of the schema, from its columns; those that are missing are null.

    Args:
        columns: lists or arrays of equal length, by name; at least `id`.
    """
    count = len(columns["id"])
    arrays = [
        columns[field.name]
        if isinstance(columns.get(field.name), arrow.Array)
        else arrow.array(columns.get(field.name, [None] * count), field.type)
        for field in SCHEMA
    ]
    return arrow.RecordBatch.from_arrays(arrays, schema=SCHEMA)
