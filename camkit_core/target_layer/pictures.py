"""Images that a model takes in patches or tiles, as the pictures that they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from torch import Tensor

from ..adapter import Adapter
from ..errors import InputError, LayerError, LayerTypeError, shown
from ..inputs.images import as_batch, as_pixels, spatial_rank
from ..inputs.prepare import Inputs
from .installed import as_levels, installed


def pictured(inputs: Inputs, adapter: Adapter | Sequence[Adapter] | None = None) -> Inputs:
    """The inputs with their images as pictures (N, C, H, W), checked and copied.

    Images that come without other arguments are that already. The others are read as the
    adapter's `pictures` says, and written back for each call of the model; without such an
    adapter they have to be (N, C, H, W).

    Args:
        inputs: the model, and all arguments of its call as the caller gave them.
        adapter: see `compare`.

    Raises:
        InputError: for images that are no pictures.
        PluginError: if the adapter cannot be loaded.
    """
    args = inputs.forward_args
    if not args.args and not args.kwargs:
        return inputs
    levels = as_levels(adapter)
    pictures = levels[0].pictures if levels else None
    if pictures is None and isinstance(inputs.images, Tensor):
        known, _ = installed(inputs)
        pictures = known.pictures if known else None
    if pictures is None:
        if "input_ids" in args.kwargs and isinstance(inputs.images, Tensor):
            _refuse_unread(inputs)
        batch = as_batch(inputs.images, inputs.model)
        return replace(inputs, images=batch, forward_args=args.beside(batch))
    given = as_pixels(inputs.images, inputs.model)
    batch = _checked(pictures.read(given), given)
    args = replace(args.beside(batch), given=given, write=pictures.write)
    return replace(inputs, images=batch, forward_args=args)


def _refuse_unread(inputs: Inputs) -> None:
    """Raise InputError for the patches or tiles of a language model that no adapter knows."""
    axes = inputs.images.ndim
    if axes not in (3, 4) and spatial_rank(inputs.model, axes) == 2:
        raise InputError(
            f"{type(inputs.model).__name__} takes its images in patches or tiles "
            f"{tuple(inputs.images.shape)}, and no adapter says how these lie over the picture; "
            f"pass adapter=Adapter(layer, reshape, pictures=Pictures(read, write)), where read "
            f"makes pictures (N, C, H, W) of them, and write makes them of pictures"
        )


def _checked(pictures: Any, given: Tensor) -> Tensor:
    expected = f"expected pictures (N, C, H, W) of images {tuple(given.shape)}"
    if not isinstance(pictures, Tensor):
        raise LayerTypeError(f"{expected} from the adapter's `pictures`; got {shown(pictures)}")
    if pictures.ndim != 4 or 0 in pictures.shape:
        raise LayerError(f"{expected} from the adapter's `pictures`; got {tuple(pictures.shape)}")
    return pictures.detach().clone()
