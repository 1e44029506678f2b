"""What hooks note of the layers' outputs, while one image passes."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn

from ...forward.grad_blocks import LostGraphError
from ...pytree import first_tensor, leaves, like, plain, tensors_in
from ...pytree import replace as replaced
from ..hints import Hints
from ..layout import Layout, maps_on
from ..names import LayerName
from .candidates import Candidate
from .flow import Flow


class LayerNotes:
    """The candidates among the outputs, and what a choice among them needs.

    Attributes:
        candidates: each with the tensor that it hands on, a copy of the layer's own.
        shapes: see `Scan`.
        vectors: inputs (1, D) of layers, in order.
        latest: channels and grid (C, *grid) of the layer that ended last; () where unknown.
    """

    def __init__(
        self, hints: Hints, flow: Flow, graph: bool, alone: bool, through: bool = False
    ) -> None:
        self.hints, self.flow, self.graph, self.alone = hints, flow, graph, alone
        self.through = through
        self.candidates: list[Candidate] = []
        self.shapes: dict[str, tuple[int, ...]] = {}
        self.vectors: list[Tensor] = []
        self.latest: tuple[int, ...] = ()
        self._calls: Counter[str] = Counter()
        self._grids: dict[tuple[int, ...], None] = {}

    def take(self, name: str, module: nn.Module, args: Any, output: Any) -> Any:
        """Note a layer's output; gives what the layer hands on, as forward hooks do."""
        if torch._C._functorch.peek_interpreter_stack() is not None:
            return output  # inside `vmap` it has no values of its own
        call = self._calls[name]
        self._calls[name] += 1
        self.vectors += [t for t in tensors_in(list(args)) if t.ndim == 2 and t.requires_grad]
        first = first_tensor(output)
        self.shapes[name] = () if first is None else self.flow.shape_of(first)
        for path, tensor in list(leaves(output)):
            key = () if tensor is first else path
            shape = self.flow.shape_of(tensor)
            layouts = self._layouts(module, shape)
            loose = () if layouts else self._loose(shape)
            if layouts or loose:
                place, loosely = LayerName(name, call, key), bool(loose)
                candidate = Candidate(place, shape, None, layouts or loose, loose=loosely)
                output = self._hand_on(candidate, output, tensor)
        return output

    def _hand_on(self, candidate: Candidate, output: Any, tensor: Tensor) -> Any:
        if not self.graph:
            candidate.slot = self.flow.slot_of(tensor)
            candidate.differentiable, candidate.reach = True, None
            self.candidates.append(candidate)
            return output
        if not self.through and (torch.is_inference_mode_enabled() or tensor.is_inference()):
            raise LostGraphError
        torch.set_grad_enabled(True)  # the user's forward may have turned gradients off
        # The gradient that counts is that of what the layer hands on. What follows the layer may
        # change that in place, so it gets a copy.
        kept = plain(tensor).clone()
        if not kept.requires_grad:
            kept = kept.detach().requires_grad_()
        candidate.slot, candidate.kept = self.flow.slot_of(kept), kept
        self.candidates.append(candidate)
        return replaced(output, tensor, like(tensor, kept.clone()))

    def _layouts(self, module: nn.Module, shape: tuple[int, ...]) -> tuple[Layout, ...]:
        if len(shape) < 3 or shape[0] != 1:
            return ()
        slid = self.hints.slid(module, shape)
        layout = slid or self.hints.layout(shape, self.latest)
        if layout:
            self.latest = layout.channels(shape), *layout.grid
        elif len(shape) == 3 and min(shape[1:]) > 1:
            self.latest = ()  # the next layers may keep the axes of this output, which are unknown
        others = () if slid else self.hints.layouts(shape, self._earlier())
        if layout and layout.is_maps:
            self._grids[layout.grid] = None
        return tuple(dict.fromkeys([layout, *others] if layout else others))

    def _loose(self, shape: tuple[int, ...]) -> tuple[Layout, ...]:
        """Maps that do not fit the image's size, as where the model pads it; and such tokens.

        They count where the calls that made them say how they lie.
        """
        rank = len(self.hints.image_size)
        if len(shape) < 3 or shape[0] != 1:
            return ()
        if len(shape) == rank + 2 and min(shape[2:]) > 1:
            return (maps_on(shape[2:]),)
        tokens = len(shape) == 3 and rank > 1 and min(shape[1:]) > 1
        return (Layout("NLC", (*[1] * (rank - 1), shape[1])),) if tokens else ()

    def _earlier(self) -> tuple[tuple[int, ...], ...]:
        """The grids of earlier maps, on which tokens may lie beside others.

        Not where the model takes more than images: among words, an image's tokens are better read
        in the image tower.
        """
        return tuple(self._grids) if self.alone else ()

    def named(self) -> list[Candidate]:
        """The candidates; those of layers that ran once without the number of their call."""
        for candidate in self.candidates:
            if self._calls[candidate.name.module] == 1:
                candidate.name = replace(candidate.name, call=None)
        return self.candidates
