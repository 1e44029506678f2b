"""Where the images go: the model's device, and the dtype that it reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import InputError

_WEIGHTED = (nn.modules.conv._ConvNd, nn.Linear)


def placed(images: Tensor, model: nn.Module) -> Tensor:
    """Images on the model's device, in their own dtype if the model has it, else in its first.

    Raises:
        InputError: for a model on the meta device, which has no values.
    """
    first = next(_floating(model), None)
    if first is None:
        return images
    if first.is_meta:
        return images.to(_device(model), _dtype(model, images.dtype))
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
    layers = (module for module in model.modules() if isinstance(module, _WEIGHTED))
    weights = (layer._parameters.get("weight") for layer in layers)
    return next((w for w in weights if w is not None and w.is_floating_point()), None)


def too_small(dtype: torch.dtype) -> bool:
    """Whether values of a dtype are only stored, as those of eight bits are."""
    return dtype.itemsize < 2


def _device(model: nn.Module) -> torch.device:
    """The device of a model whose first weights are on the meta device."""
    for module in model.modules():
        device = getattr(getattr(module, "_hf_hook", None), "execution_device", None)
        if device is not None:
            return torch.device(device)
    raise InputError(
        f"{type(model).__name__} is on the meta device, where weights have no values; load them "
        f"first, e.g. model.to_empty(device='cpu') and model.load_state_dict(...), or build the "
        f"model outside torch.device('meta')"
    )


def _floating(model: nn.Module) -> Iterator[Any]:
    return (p for p in model.parameters() if p.is_floating_point())
