"""A forward pass that turns gradients off around the target layer, run so that they stay on.

`with torch.no_grad(): features = self.backbone(images)` is how a frozen backbone is often run. At
its end torch restores the gradient mode of its beginning. Without a graph before the layer, that
mode is off, and what follows would be lost. Then gradients are on from the start, and blocks that
begin before the layer ends do not count.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import Any
from weakref import WeakSet

import torch
from torch import Tensor, nn
from torch.autograd.grad_mode import no_grad
from torch.overrides import TorchFunctionMode

from ..pytree import map_tensors
from .untouched import hooked

# Layers whose pass lost its graph without them.
needs_gradients: WeakSet[nn.Module] = WeakSet()


class LostGraphError(Exception):
    """A pass without a graph before the layer has none after it, or cannot be made."""


# What torch says where code of a model needs gradients, or met what exists only without them.
_ASKS_FOR_GRADIENTS = (
    "register a hook on a tensor that doesn't require gradient",
    "retain_grad on Tensor that has requires_grad=False",
    "does not require grad",
    "nference tensor",
    "NestedTensor",
    "nested tensor",
    "A view was created in no_grad mode",
)


def asks_for_gradients(error: RuntimeError) -> bool:
    """Whether the error may vanish in a pass with gradients on from the start."""
    return any(words in str(error) for words in _ASKS_FOR_GRADIENTS)


class IgnoredBlocks(TorchFunctionMode):
    """While active, blocks without gradients do not count, up to the end of the target layer.

    Gradients are on at the beginning of each block, and so they are after it. Torch's fast
    attention, which has no gradients, is not taken either.

    Args:
        graph: whether calls inside these blocks are part of the graph all the same.
    """

    def __init__(self, graph: bool) -> None:
        super().__init__()
        self.graph = graph
        self._off = False  # as the model's code wants it
        self._past_layer = False
        self._open: set[int] = set()  # blocks that do not count, and have not ended
        self._normal_modes: list[Any] = []

    def pass_layer(self) -> None:
        """From here on the graph is kept, and blocks count that begin now."""
        if self._past_layer:
            return
        self._past_layer = True
        if torch.is_inference_mode_enabled():
            self._leave_inference()
        torch.set_grad_enabled(True)

    def _leave_inference(self) -> None:
        mode = torch.inference_mode(False)
        mode.__enter__()
        self._normal_modes.append(mode)

    def __enter__(self) -> IgnoredBlocks:
        # On leaving, torch restores the mode of the last entry undone: this one's.
        self._leave_inference()
        super().__enter__()  # type: ignore[no-untyped-call]
        return self

    def __exit__(self, *error: Any) -> None:
        super().__exit__(*error)  # type: ignore[no-untyped-call]
        while self._normal_modes:
            self._normal_modes.pop().__exit__(None, None, None)

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        args, kwargs = map_tensors(_normal, (args, kwargs or {}))
        if func is torch._C._set_grad_enabled and self._ignores(*_block_around_call()):
            self._off = not args[0]
            return None
        inference = torch.is_inference_mode_enabled()
        if not inference and (self._past_layer or not self._off):
            return func(*args, **kwargs)
        # An inference tensor could not become part of a graph later.
        with torch.inference_mode(False), torch.set_grad_enabled(self.graph):
            return func(*args, **kwargs)

    def _ignores(self, block: int, entry: bool) -> bool:
        """Whether a change of the gradient mode is that of a block that does not count."""
        if block in self._open:
            self._open.remove(block)
            return True
        ignored = not self._past_layer or bool(self._open)
        if ignored and entry:
            self._open.add(block)
        return ignored


def _normal(tensor: Tensor) -> Tensor:
    """A tensor that can be part of a graph: a copy of one that a module kept in inference mode."""
    if not tensor.is_inference():
        return tensor
    with torch.inference_mode(False):
        return tensor.clone()


def _block_around_call() -> tuple[int, bool]:
    """Which block changes the gradient mode, and whether it begins; 0 for a plain call."""
    # `no_grad` changes the mode by a call of `set_grad_enabled`, which also is a block itself.
    frame = sys._getframe(2)
    for caller in (frame, frame.f_back):
        within = caller is not None and caller.f_globals["__name__"] == no_grad.__module__
        if caller and within and caller.f_code.co_name in ("__enter__", "__exit__"):
            return id(caller.f_locals["self"]), caller.f_code.co_name == "__enter__"
    return 0, False


def run_through_blocks(run: Callable[[Tensor], Any], rows: Tensor, layer: nn.Module) -> Any:
    """`run(rows)` with blocks without gradients ignored, up to the end of `layer`.

    The output has a graph only where gradients are on outside.
    """
    graph = torch.is_grad_enabled()
    with torch.enable_grad(), IgnoredBlocks(graph) as blocks:
        # A model whose code asks for gradients needs them at the rows, too.
        rows = rows if graph else rows.detach().requires_grad_().clone()
        with hooked(layer, lambda *_: blocks.pass_layer()):
            output = run(rows)
    return output if graph else map_tensors(Tensor.detach, output)


def only_from(leaves: Sequence[Tensor], tensor: Tensor) -> Tensor:
    """The tensor with its graph, if that begins at one of `leaves`; else without one.

    With gradients on from the start, a graph may also go around the layer, as it does where
    reentrant checkpointing throws away the graph inside it.
    """
    return tensor.detach() if tensor.requires_grad and not _leads_to(tensor, leaves) else tensor


def _leads_to(tensor: Tensor, leaves: Sequence[Tensor]) -> bool:
    nodes: list[Any] = [tensor.grad_fn]
    visited: set[Any] = set()
    while nodes:
        node = nodes.pop()
        if node is None or node in visited:
            continue
        variable = getattr(node, "variable", None)
        if any(variable is leaf for leaf in leaves):
            return True
        visited.add(node)
        nodes.extend(parent for parent, _ in node.next_functions)
    return False
