"""Weights that have no values yet, and weights that are loaded while the model runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn
from torch.nn.parameter import is_lazy

from ..errors import InputError
from .seen import modules_of


def refuse_without_values(model: nn.Module) -> None:
    """Raise InputError for a model of which a weight has no values, and none will be loaded."""
    if not any(is_lazy(weight) or weight.is_meta for weight in modules_of(model).tensors):
        return
    for name, weight in (*model.named_parameters(), *model.named_buffers()):
        if is_lazy(weight):
            raise InputError(
                f"{type(model).__name__} has lazy layers that are not initialised ({name}); run "
                f"it once on an image, model(images[:1]), and then explain it"
            )
        if isinstance(weight, nn.Parameter) and weight.is_meta and not _loads(model):
            raise no_values(model, name)


def no_values(model: nn.Module, name: str) -> InputError:
    """The error for a weight on the meta device."""
    return InputError(
        f"{type(model).__name__} has weights without values ({name} is on the meta device); give "
        f"it values first, e.g. model.to_empty(device='cpu') and then "
        f"model.load_state_dict(...), or build it outside torch.device('meta')"
    )


def loading_device(model: nn.Module) -> torch.device | None:
    """The device to which an offloaded model loads its weights; None where it does not say."""
    devices = (getattr(hook, "execution_device", None) for hook in _offloading_hooks(model))
    named = next((device for device in devices if device is not None), None)
    return None if named is None else torch.device(named)


def _offloading_hooks(model: nn.Module) -> Iterator[Any]:
    """The hooks of Hugging Face's accelerate, each by itself."""
    for module in model.modules():
        hook = getattr(module, "_hf_hook", None)
        yield from getattr(hook, "hooks", [hook])


def _loads(model: nn.Module) -> bool:
    """Whether something runs before a layer does, which may load its weights."""
    return any(module._forward_pre_hooks or "forward" in vars(module) for module in model.modules())
