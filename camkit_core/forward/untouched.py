"""The only changes that camkit makes to a model; each undoes itself, also after an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from .random_states import preserving_rng
from .snapshot import Snapshot

Hook = Callable[[nn.Module, Any, Any], Any]


@contextmanager
def hooked(layer: nn.Module, hook: Hook) -> Iterator[None]:
    """Run `hook(module, arguments, output)` after each call of `layer`."""
    handle = layer.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


def version(tensor: Tensor) -> int:
    """How often a tensor has been written to."""
    return 0 if tensor.is_inference() else tensor._version  # inference tensors do not count


@contextmanager
def untouched(model: nn.Module) -> Iterator[None]:
    """Inside, `model` is in evaluation mode; afterwards it is bit for bit what it was.

    Covers each module's mode, the buffers and the random states. Gradients are left alone because
    nothing in camkit calls `backward`; hooks are undone by `hooked`.
    """
    # An inference tensor could not be part of a graph; `no_grad` keeps the trunk without one.
    inference = torch.is_inference_mode_enabled()
    normal: AbstractContextManager[Any] = (
        torch.inference_mode(False) if inference else nullcontext()
    )
    with normal, torch.no_grad(), preserving_rng(model):
        before = Snapshot(model)
        try:
            before.evaluate()
            yield
        finally:
            before.restore()
