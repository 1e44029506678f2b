"""Is a layer in the network's last stage?"""

from __future__ import annotations

import re
from contextlib import ExitStack
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from camkit_core.forward.untouched import hooked
from camkit_core.pytree import first_tensor
from camkit_core.target_layer.hints import Hints, hints_of
from camkit_core.target_layer.names import parse

ATTENTION = re.compile("att(n|ention)", re.IGNORECASE)  # may pool its keys and values
DEPTH = 0.75  # the share of the layers with weights and a grid that must have run by the layer


def in_last_stage(model: nn.Module, images: Tensor, layer: str, grid: int) -> bool:
    """Whether most of the network has run by the layer, and no later layer has a coarser grid.

    Args:
        model: the network.
        images: its input.
        layer: the name of what is explained.
        grid: how many positions the layer's grid has; its output's shape alone may not tell.
    """
    explained = parse(layer)
    layer = explained.module if explained else layer
    hints = hints_of(model, images)
    ran: list[tuple[str, int, bool]] = []  # name, positions of its grid, whether it has weights

    def note(name: str) -> Any:
        def hook(module: nn.Module, args: Any, output: Any) -> None:
            tensor = first_tensor(output)
            whole = tensor is not None and len(tensor) == len(images)  # a window is a part
            positions = _positions(tensor, hints) if whole else 0
            if name == layer:
                positions = grid
            if positions:
                ran.append((name, positions, bool(module._parameters)))

        return hook

    with torch.no_grad(), ExitStack() as stack:
        for name, module in model.named_modules():
            stack.enter_context(hooked(module, note(name)))
        model(images)
    names = [name for name, _, _ in ran]
    index = len(names) - 1 - names[::-1].index(layer)  # of a layer that runs often, the last call
    # Projections to keys and values are not a stage of the network.
    weighted = [
        at for at, (name, _, weights) in enumerate(ran) if weights and not ATTENTION.search(name)
    ]
    depth = sum(at <= index for at in weighted) / len(weighted) if weighted else 1
    later = [positions for name, positions, _ in ran[index:] if not ATTENTION.search(name)]
    return depth >= DEPTH and min(later, default=ran[index][1]) >= ran[index][1]


def _positions(output: Tensor, hints: Hints) -> int:
    layout: Any = hints.layout(output.shape)
    if layout is None:
        return 0
    grid = output if layout.reshape is None else layout.reshape(output)
    return prod(grid.shape[2:])
