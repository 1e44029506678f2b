"""Explanations of a made-up data set, written without a model."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow.parquet as parquet

from camkit_core.datasets.schema import rows, with_metadata


def made_dataset(folder: Path, count: int) -> Path:
    """A shard of so many rows: every tenth is a mistake, the last could not be explained."""
    folder.mkdir()
    numbers = np.arange(count)
    maps = [[0.0, 0.5, 1.0, -0.25]] * (count - 1) + [None]
    batch = rows(
        {
            "id": [f"photos/{number:06d} <b>.jpg" for number in numbers],
            "target": ["top1"] * count,
            "method": ["gradcam"] * count,
            "class_index": (numbers % 3).astype("int32").tolist(),
            "class_name": [("Katze", "虎斑猫", "<i>")[number % 3] for number in numbers],
            "score": [1.0] * count,
            "probability": [0.5] * count,
            "top_class": (numbers % 3).astype("int32").tolist(),
            "top_name": [("Katze", "虎斑猫", "<i>")[number % 3] for number in numbers],
            "top_probability": np.linspace(0.1, 0.9, count).astype("float32").tolist(),
            "label": [int(number + (number % 10 == 0)) % 3 for number in numbers],
            "map": maps,
            "scale": [2.0] * count,
            "grid": [[2, 2]] * count,
            "input_size": [[16, 16]] * count,
            "layer": ["body"] * count,
            "options": ["{}"] * count,
            "notes": [["untrained"] if number % 7 == 0 else [] for number in numbers],
            "seconds": [0.01] * count,
            "error": [None] * (count - 1) + ["InputError: no picture"],
        }
    )
    schema = with_metadata({"model": "made up"})
    with parquet.ParquetWriter(folder / "part-000000.parquet", schema) as writer:
        writer.write_batch(batch.replace_schema_metadata(schema.metadata))
    return folder


if __name__ == "__main__":  # a large one, to scroll through
    import sys

    made_dataset(Path(sys.argv[1]), int(sys.argv[2]))
