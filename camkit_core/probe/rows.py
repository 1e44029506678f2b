"""One row of the target layer's output for each image, through the adapter's reshape."""

from __future__ import annotations

from torch import Tensor

from ..adapter import as_grid
from ..errors import LayerError
from ..forward.recording import Recording


def grid_of(recording: Recording, raw: Tensor) -> Tensor:
    """A tensor in the layout of the layer's output as a grid, with a row for each image.

    Raises:
        LayerError: if the layer has another number of rows, as behind crops or frames that were
            folded into the batch.
    """
    grid = as_grid(recording.adapter, raw, recording.images.ndim - 2)
    if len(grid) != len(recording.images):
        raise _wrong_rows(recording, grid)
    return grid


def _wrong_rows(recording: Recording, grid: Tensor) -> LayerError:
    rows, images = len(grid), len(recording.images)
    counts = f"{rows} row{'s' * (rows != 1)} for {images} image{'s' * (images != 1)}"
    return LayerError(
        f"layer {recording.layer!r} gives {counts}, {tuple(grid.shape)}; a map needs one row for "
        f"each image. {_advice(rows, images, recording.adapter.reshape is None)}"
    )


def _advice(rows: int, images: int, plain: bool) -> str:
    choose = "Name a layer that runs before the rows are changed, or pass the images one by one"
    if rows <= images or rows % images:
        return choose
    each = rows // images
    folded = f"The model makes {each} rows of each image, such as crops or frames. "
    if not plain:
        return folded + "Name a layer that runs before it does, or pass another reshape_transform="
    return folded + (
        f"Name a layer that runs before it does; or, for one map of all its {each} rows together, "
        f"reshape_transform=lambda output: output.unflatten(0, (-1, {each})).flatten(1, 2)"
    )
