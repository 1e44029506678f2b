"""Changes to a model that undo themselves, also after an error: the only ones camkit makes."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
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
def evaluating(modules: list[nn.Module]) -> Iterator[None]:
    """Put each module in evaluation mode; afterwards each has its own flag back.

    The flags are set one by one: `model.eval()` may be overridden to do something else.
    """
    flags = [module.training for module in modules]
    try:
        # Reading first: a module's assignment is slow, and there are hundreds of them.
        for module, flag in zip(modules, flags, strict=True):
            if flag:
                module.training = False
        yield
    finally:
        for module, flag in zip(modules, flags, strict=True):
            if module.training != flag:
                module.training = flag


@contextmanager
def preserving_buffers(modules: list[nn.Module]) -> Iterator[None]:
    """Put back what a forward pass does to buffers: their values, and which tensors there are."""
    before = [(module, dict(module._buffers)) for module in modules]
    groups: dict[tuple[bool, bool, torch.dtype, torch.device], list[Tensor]] = {}
    for module, buffers in before:
        # torch's own modules write as anybody can see; others may go through `.data` or numpy.
        open_ = type(module).__module__.startswith("torch.nn.")
        for buffer in buffers.values():
            if buffer is not None and buffer.layout is torch.strided and not buffer.is_inference():
                kind = open_, buffer.ndim == 0, buffer.dtype, buffer.device
                groups.setdefault(kind, []).append(buffer)
    # One concatenation for each kind: on a GPU, a copy per buffer costs more than a small model.
    copies = [_joined(group) for group in groups.values()]
    versions = [[tensor._version for tensor in group] for group in groups.values()]
    try:
        yield
    finally:
        for module, buffers in before:
            now = module._buffers
            if len(now) != len(buffers) or any(now.get(k) is not v for k, v in buffers.items()):
                now.clear()
                now.update(buffers)
        for (kind, group), copy, seen in zip(groups.items(), copies, versions, strict=True):
            written = [tensor._version for tensor in group] != seen
            if written or not (kind[0] or torch.equal(_joined(group), copy)):
                _fill(group, copy)


def _joined(tensors: list[Tensor]) -> Tensor:
    if tensors[0].ndim == 0:
        return torch.stack(tensors)
    return torch.cat([tensor if tensor.ndim == 1 else tensor.flatten() for tensor in tensors])


def _fill(tensors: list[Tensor], values: Tensor) -> None:
    parts = torch.split(values, [tensor.numel() for tensor in tensors])
    for tensor, part in zip(tensors, parts, strict=True):
        if not torch.equal(tensor.flatten(), part):
            tensor.copy_(part.view(tensor.shape))


def version(tensor: Tensor) -> int:
    """How often a tensor has been written to."""
    return 0 if tensor.is_inference() else tensor._version  # inference tensors do not count


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
    modules, parameter = _modules(model), next(model.parameters(), None)
    device = torch.device("cpu") if parameter is None else parameter.device
    with ExitStack() as stack:
        # An inference tensor could not be part of a graph; `no_grad` keeps the trunk without one.
        stack.enter_context(torch.inference_mode(False))
        stack.enter_context(torch.no_grad())
        stack.enter_context(preserving_rng(device))
        stack.enter_context(preserving_buffers(modules))
        stack.enter_context(evaluating(modules))
        yield


def _modules(model: nn.Module) -> list[nn.Module]:
    # As `model.modules()`, in a third of the time, which counts beside a small model's pass.
    found: dict[nn.Module, None] = {}
    waiting: list[nn.Module] = [model]
    while waiting:
        module = waiting.pop()
        if module not in found:
            found[module] = None
            waiting += [child for child in module._modules.values() if child is not None]
    return list(found)
