"""One row of the target layer's output for each image, through the adapter's reshape."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
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
    if grid.shape[0] != recording.images.shape[0]:
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


def row_axis(recording: Recording) -> int | None:
    """The axis of the layer's output along which the images lie; None if along none.

    It is the first axis but for layers that keep their tokens there, as (L, N, C).
    """
    raw, images = recording.raw.detach(), len(recording.images)
    fitting = [axis for axis, size in enumerate(raw.shape) if size == images]
    if fitting[:1] == [0] and (recording.adapter.reshape is None or len(fitting) == 1):
        return 0
    return next((axis for axis in fitting if _is_row_axis(recording, axis)), None)


def _is_row_axis(recording: Recording, axis: int) -> bool:
    """Whether the values at index 0 of an axis are those of the first image's grid."""
    first = torch.zeros_like(recording.raw)
    first.select(axis, 0).fill_(1)
    grid = as_grid(recording.adapter, first, recording.images.ndim - 2)
    return bool(grid[0].all()) and not bool(grid[1:].any())


def values_of(recording: Recording, image: int) -> Tensor:
    """Which values of the layer's output are an image's: boolean, to be expanded to its shape."""
    raw, axis = recording.raw, row_axis(recording)
    if axis is not None:
        rows = torch.arange(raw.shape[axis], device=raw.device) == image
        return rows.view([-1 if other == axis else 1 for other in range(raw.ndim)])
    # The reshape's backward pass leads from the image's grid to its values.
    with torch.enable_grad():
        leaf = torch.zeros_like(raw, requires_grad=True)
        (ones,) = torch.autograd.grad(grid_of(recording, leaf)[image].sum(), leaf)
    return ones != 0


def own_rows(of_images: Iterable[Sequence[Tensor]]) -> list[Tensor]:
    """Of tensors (N, ...) computed for each of N images, the row of the image they are of."""
    return [
        torch.cat([tensor[image : image + 1] for image, tensor in enumerate(tensors)])
        for tensors in zip(*of_images, strict=True)
    ]
