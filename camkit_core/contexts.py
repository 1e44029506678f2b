"""Changes to a model that undo themselves, also after an error: the only ones camkit makes."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

Hook = Callable[[nn.Module, Any, Any], Any]


@contextmanager
def hooked(layer: nn.Module, hook: Hook) -> Iterator[None]:
    """Run `hook(module, arguments, output)` after each call of `layer`."""
    handle = layer.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def evaluating(model: nn.Module) -> Iterator[None]:
    """Put each module in evaluation mode; afterwards each has its own flag back.

    The flags are set one by one: `model.eval()` may be overridden to do something else.
    """
    flags = [(module, module.training) for module in model.modules()]
    try:
        _set_modes((module, False) for module, _ in flags)
        yield
    finally:
        _set_modes(flags)


def _set_modes(flags: Iterable[tuple[nn.Module, bool]]) -> None:
    # Reading first: a module's assignment is slow, and there are hundreds of them.
    for module, flag in flags:
        if module.training != flag:
            module.training = flag


@contextmanager
def preserving_buffers(model: nn.Module) -> Iterator[None]:
    """Put back what a forward pass does to buffers: their values, and which tensors they are."""
    saved = [
        (module, name, buffer)
        for module in model.modules()
        if module._buffers
        for name, buffer in module._buffers.items()
    ]
    tensors = [buffer for _, _, buffer in saved if buffer is not None]
    copies = _copies(tensors)
    versions = [version(tensor) for tensor in tensors]
    try:
        yield
    finally:
        for module, name, buffer in saved:
            module._buffers[name] = buffer
        changed = [i for i, tensor in enumerate(tensors) if version(tensor) != versions[i]]
        if changed:
            values = copies()
            with torch.no_grad():
                for i in changed:
                    tensors[i].copy_(values[i])


def _copies(tensors: list[Tensor]) -> Callable[[], list[Tensor]]:
    # One concatenation for each dtype and device: on a GPU, a copy per buffer costs more than
    # the forward pass of a small model.
    groups: dict[tuple[torch.dtype, torch.device], list[int]] = {}
    for i, tensor in enumerate(tensors):
        groups.setdefault((tensor.dtype, tensor.device), []).append(i)
    flat = {
        key: torch.cat([tensors[i].detach().flatten() for i in members])
        for key, members in groups.items()
    }

    def values() -> list[Tensor]:
        found: dict[int, Tensor] = {}
        for key, members in groups.items():
            parts = torch.split(flat[key], [tensors[i].numel() for i in members])
            found |= {
                i: part.view(tensors[i].shape) for i, part in zip(members, parts, strict=True)
            }
        return [found[i] for i in range(len(tensors))]

    return values


def version(tensor: Tensor) -> int:
    """How often a tensor has been written to."""
    # An inference tensor counts no versions, and cannot be changed here either.
    return 0 if tensor.is_inference() else tensor._version


@contextmanager
def preserving_rng(device: torch.device) -> Iterator[None]:
    """Put the random states of torch (CPU and `device`), numpy and Python back."""
    python, legacy = random.getstate(), np.random.get_state()
    devices = [device] if device.type == "cuda" else []
    try:
        with torch.random.fork_rng(devices):
            yield
    finally:
        random.setstate(python)
        np.random.set_state(legacy)


@contextmanager
def untouched(model: nn.Module) -> Iterator[None]:
    """Inside, `model` is in evaluation mode; afterwards it is bit for bit what it was.

    Covers each module's mode, the buffers and the random states. Gradients are left alone because
    nothing in camkit calls `backward`; hooks are undone by `hooked`.
    """
    parameter = next(model.parameters(), None)
    device = torch.device("cpu") if parameter is None else parameter.device
    with ExitStack() as stack:
        # An inference tensor could not be part of a graph; `no_grad` keeps the trunk without one.
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.no_grad())
        stack.enter_context(preserving_rng(device))
        stack.enter_context(preserving_buffers(model))
        stack.enter_context(evaluating(model))
        yield
