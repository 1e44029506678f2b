"""The model and the images as the engine takes them."""

from __future__ import annotations

from typing import Any
from weakref import WeakSet

import torch
from torch import Tensor, nn

from .errors import InputError

_seen: WeakSet[nn.Module] = WeakSet()


def unwrapped(model: Any) -> nn.Module:
    """The module inside a compiled or data-parallel one, which cannot be hooked itself.

    Raises:
        InputError: for anything but an eager `nn.Module` that computes in floating point.
    """
    if isinstance(model, torch.jit.ScriptModule) or not isinstance(model, nn.Module):
        raise InputError(
            f"expected an eager torch.nn.Module, got {type(model).__name__}, whose layers cannot "
            f"be observed; pass the Python model it was made from"
        )
    if model not in _seen:
        _refuse_integers(model)
        _seen.add(model)
    if isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
        return unwrapped(model.module)
    original = model._modules.get("_orig_mod")  # `hasattr` is slow where there is none
    return unwrapped(original) if original is not None else model


def _refuse_integers(model: nn.Module) -> None:
    for name, module in model.named_modules():
        if ".quantized" in type(module).__module__:
            raise InputError(
                f"{type(model).__name__} is quantised ({name} is a {type(module).__name__}), and "
                f"integers have no gradients; pass the floating-point model it was made from"
            )
    if isinstance(model, torch.fx.GraphModule) and not _has_layers(model):
        raise InputError(
            "expected an eager torch.nn.Module, got an exported graph, which has no layers that "
            "run; pass the Python model it was made from"
        )


def _has_layers(graph: torch.fx.GraphModule) -> bool:
    called = [node.target for node in graph.graph.nodes if node.op == "call_module"]
    return any(name != "_guards_fn" for name in called)  # which `torch.export` adds


def note_of_wrapper(given: Any, module: nn.Module) -> list[str]:
    """What to tell of a model that was taken out of another; nothing of one that was not."""
    if given is module:
        return []
    return [f"explained the {type(module).__name__} inside the {type(given).__name__}, eagerly"]


def as_batch(images: Any, model: nn.Module) -> Tensor:
    """Images as a detached (N, C, H, W) tensor, where the model is and in its dtype.

    Args:
        images: tensor (N, C, H, W) or (C, H, W), floating-point, prepared for the model.
        model: decides device and dtype by its first floating-point parameter.

    Raises:
        InputError: for anything else, saying what it was.
    """
    if not isinstance(images, Tensor):
        raise InputError(
            f"expected images as a tensor (N, C, H, W) or (C, H, W), got {type(images).__name__}; "
            f"camkit_core.image.preprocess_image makes one from a picture"
        )
    if images.ndim not in (3, 4) or 0 in images.shape:
        raise InputError(
            f"expected images (N, C, H, W) or (C, H, W), none of them 0, got {tuple(images.shape)}"
        )
    if not images.is_floating_point():
        raise InputError(
            f"expected floating-point images, normalised as the model was trained, got "
            f"{images.dtype}; camkit_core.image.preprocess_image does that"
        )
    batch = images.detach() if images.ndim == 4 else images.detach()[None]
    parameter = next((p for p in model.parameters() if p.is_floating_point()), None)
    if parameter is not None:
        batch = batch.to(parameter.device, parameter.dtype)
    # A copy shares nothing with the caller, and unlike an inference tensor can have a gradient.
    return batch.clone()
