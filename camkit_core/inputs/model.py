"""The model and the images as the engine takes them."""

from __future__ import annotations

from typing import Any
from weakref import WeakSet

import torch
from torch import Tensor, nn

from .errors import InputError

_eager: WeakSet[nn.Module] = WeakSet()  # and no wrappers, as was seen before


def unwrapped(model: Any) -> nn.Module:
    """The module inside a compiled or data-parallel one, which cannot be hooked itself.

    Raises:
        InputError: for anything but an eager `nn.Module` that computes in floating point.
    """
    if model in _eager:
        return model  # type: ignore[no-any-return]
    if isinstance(model, torch.jit.ScriptModule) or not isinstance(model, nn.Module):
        raise InputError(
            f"expected an eager torch.nn.Module, got {type(model).__name__}, whose layers cannot "
            f"be observed; pass the Python model it was made from"
        )
    _refuse_integers(model)
    if isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
        return unwrapped(model.module)
    if (original := model._modules.get("_orig_mod")) is not None:
        return unwrapped(original)
    _eager.add(model)
    return model


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


def spatial_rank(model: nn.Module, ndim: int) -> int:
    """How many of `ndim` axes are spatial: 1 of signals, 2 of images, 3 of volumes and videos.

    The model's first convolution says: to a Conv1d, three axes are signals (N, C, L) and two are
    a single one; to a Conv3d, five are volumes (N, C, D, H, W) and four a single one. Without
    any, and for any other number of axes, they are images.
    """
    kinds = (nn.Conv1d, nn.Conv2d, nn.Conv3d)
    first = next((module for module in model.modules() if isinstance(module, kinds)), None)
    rank = len(first.kernel_size) if first else 2
    return rank if ndim in (rank + 1, rank + 2) else 2


def as_batch(images: Any, model: nn.Module) -> Tensor:
    """Images as a detached (N, C, H, W) tensor, where the model is and in its dtype.

    Signals become (N, C, L), volumes and videos (N, C, D, H, W); see `spatial_rank`.

    Args:
        images: tensor (N, C, H, W) or (C, H, W), floating-point, prepared for the model.
        model: decides the rank by its first convolution, device and dtype by its first
            floating-point parameter.

    Raises:
        InputError: for anything else, saying what it was.
    """
    if not isinstance(images, Tensor):
        raise InputError(
            f"expected images as a tensor (N, C, H, W) or (C, H, W), got {type(images).__name__}; "
            f"camkit_core.image.preprocess_image makes one from a picture"
        )
    axes = spatial_rank(model, images.ndim) + 2
    if images.ndim not in (axes - 1, axes) or 0 in images.shape:
        raise InputError(
            f"expected images (N, C, H, W) or (C, H, W), signals (N, C, L) for a model that begins "
            f"with a Conv1d, volumes (N, C, D, H, W) for one that begins with a Conv3d, none of "
            f"them 0, got {tuple(images.shape)}"
        )
    if not images.is_floating_point():
        raise InputError(
            f"expected floating-point images, normalised as the model was trained, got "
            f"{images.dtype}; camkit_core.image.preprocess_image does that"
        )
    batch = images.detach() if images.ndim == axes else images.detach()[None]
    parameter = next((p for p in model.parameters() if p.is_floating_point()), None)
    if parameter is not None:
        batch = batch.to(parameter)
    # A copy shares nothing with the caller, and unlike an inference tensor can have a gradient.
    return batch.clone()
