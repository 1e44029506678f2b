"""One forward pass of one image, which finds the layers whose output is a grid."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import TargetError
from ..forward.untouched import hooked
from ..inputs.prepare import Inputs
from ..inputs.targets.classification import class_logits, found_logits
from ..pytree import first_tensor, replace_first, tensors_in
from .hints import Hints
from .layout import Layout

Grids = dict[str, tuple[Tensor, Layout]]


@dataclass(frozen=True)
class Scan:
    """One forward pass of one image.

    Attributes:
        shapes: of the output of each layer that ran once.
        grids: the outputs of these layers that are grids, and how they are.
        score: what a gradient is taken of.
        classes: the number of classes, if the model gives class scores.
    """

    shapes: dict[str, tuple[int, ...]]
    grids: Grids
    score: Tensor
    classes: int | None


def scan(inputs: Inputs, hints: Hints, graph: bool = True) -> Scan:
    """Run the model on the first image, with a hook at each layer.

    Args:
        inputs: the caller leaves their model `untouched`.
        hints: what the model states about its grids.
        graph: whether to keep values and graph of the grids; otherwise their shapes alone.
    """
    notes = _Notes(hints, graph)
    image = inputs.images[:1].detach().clone().requires_grad_(graph)
    with torch.set_grad_enabled(graph), ExitStack() as stack:
        for name, module in inputs.model.named_modules():
            if name:
                stack.enter_context(hooked(module, partial(notes.take, name)))
        output = inputs.forward_args.call(inputs.model, image.clone(), image=0)
        score = _score(output)
    shapes, grids = notes.of_single_runs()
    return Scan(shapes, grids, score, _classes(found_logits(output), grids.values()))


class _Notes:
    """What the hooks note of the layers' outputs, while one image passes.

    Attributes:
        shapes: of each layer's output, one for each of its runs.
        grids: of each layer the output of its last run that is a grid, and how it is one.
        latest: channels and grid (C, *grid) of the layer that ended last; () where unknown.
    """

    def __init__(self, hints: Hints, graph: bool) -> None:
        self.hints, self.graph = hints, graph
        self.shapes: dict[str, list[tuple[int, ...]]] = {}
        self.grids: Grids = {}
        self.latest: tuple[int, ...] = ()

    def take(self, name: str, module: nn.Module, args: Any, output: Any) -> Any:
        """Note a layer's output; gives what the layer hands on, as forward hooks do."""
        tensor = first_tensor(output)
        self.shapes.setdefault(name, []).append(() if tensor is None else tuple(tensor.shape))
        layout = None if tensor is None else self._layout(module, tensor)
        if tensor is None or layout is None:
            return output
        if not self.graph:
            self.grids[name] = torch.empty_like(tensor, device="meta"), layout
            return output
        # The gradient that counts is that of what the layer hands on. What follows the layer may
        # change that in place, so it gets a copy.
        kept = tensor.clone()
        self.grids[name] = kept, layout
        return replace_first(output, kept.clone())

    def _layout(self, module: nn.Module, output: Tensor) -> Layout | None:
        shape = output.shape
        if len(output) != 1:
            return None
        layout = self.hints.slid(module, shape) or self.hints.layout(shape, self.latest)
        if layout:
            self.latest = layout.channels(shape), *layout.grid
        elif len(shape) == 3 and min(shape[1:]) > 1:
            self.latest = ()  # the next layers may keep the axes of this output, which are unknown
        return layout

    def of_single_runs(self) -> tuple[dict[str, tuple[int, ...]], Grids]:
        """Shapes and grids of the layers that ran once; with a graph, of grids that are in it."""
        once = {name: shapes[0] for name, shapes in self.shapes.items() if len(shapes) == 1}
        grids = {
            name: (output, layout)
            for name, (output, layout) in self.grids.items()
            if name in once and (output.requires_grad or not self.graph)
        }
        return once, grids


def _classes(logits: Tensor | None, grids: Iterable[tuple[Tensor, Layout]]) -> int | None:
    """The number of classes; None if most layers have as many channels, which says nothing."""
    if logits is None:
        return None
    channels = [layout.channels(output.shape) for output, layout in grids]
    classes = logits.shape[1]
    return None if channels.count(classes) > len(channels) / 4 + 2 else classes


def _score(output: Any) -> Tensor:
    """The top class's score; without classes, the sum of squares of all outputs."""
    try:
        return class_logits(output).amax()
    except TargetError:
        pass
    floating = [t for t in tensors_in(output) if t.is_floating_point() and t.requires_grad]
    squares = [(tensor.float() ** 2).sum() for tensor in floating]
    return torch.stack(squares).sum() if squares else torch.zeros(())
