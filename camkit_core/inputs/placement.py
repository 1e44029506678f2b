"""Where the images go: the model's device, and the dtype that it reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from .seen import once
from .weights import loading_device, refuse_without_values

_WEIGHTED = (nn.modules.conv._ConvNd, nn.Linear)


def placed(images: Tensor, model: nn.Module) -> Tensor:
    """Images on the model's device, in their own dtype if the model has it, else in its first.

    Raises:
        InputError: for a model on the meta device, whose weights have no values.
    """
    first = once(model, "first floating", lambda: next(_floating(model), None))
    if first is None:
        return images
    if first.is_meta:  # the model loads its weights when it runs
        refuse_without_values(model)
        return images.to(loading_device(model), _dtype(model, images.dtype))
    if first.dtype == images.dtype:
        return images.to(first.device)
    return images.to(first.device, _dtype(model, images.dtype))


def _dtype(model: nn.Module, given: torch.dtype) -> torch.dtype:
    dtypes = {parameter.dtype for parameter in _floating(model)}
    if given in dtypes:
        return given
    first = first_weight(model)
    if first is not None and not too_small(first.dtype):
        return first.dtype
    return next((p.dtype for p in _floating(model) if not too_small(p.dtype)), given)


def first_weight(model: nn.Module) -> Tensor | None:
    """The weight of the first convolution or linear layer."""
    return once(model, "first weight", lambda: _first_weight(model))


def _first_weight(model: nn.Module) -> Tensor | None:
    layers = (module for module in model.modules() if isinstance(module, _WEIGHTED))
    weights = (layer._parameters.get("weight") for layer in layers)
    return next((w for w in weights if w is not None and w.is_floating_point()), None)


def too_small(dtype: torch.dtype) -> bool:
    """Whether values of a dtype are only stored, as those of eight bits are."""
    return dtype.itemsize < 2


def _floating(model: nn.Module) -> Iterator[Any]:
    return (p for p in model.parameters() if p.is_floating_point())
