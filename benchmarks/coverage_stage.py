"""Is a layer in the network's last stage?"""

from __future__ import annotations

import re
from contextlib import ExitStack
from math import prod
from typing import Any

import torch
from torch import Tensor, nn

from camkit_core.forward.untouched import hooked
from camkit_core.layers.hints import Hints, hints_of
from camkit_core.pytree import first_tensor

ATTENTION = re.compile("att(n|ention)", re.IGNORECASE)  # may pool its keys and values
DEPTH = 0.75  # of the layers with weights and a grid must have run by then


def in_last_stage(model: nn.Module, images: Tensor, layer: str, grid: int) -> bool:
    """Whether most of the network has run by then, and nothing after it has a coarser grid.

    Args:
        model: the network.
        images: what it is given.
        layer: the layer's name.
        grid: how many places its grid has, which shapes alone may not tell.
    """
    hints = hints_of(model, images)
    ran: list[tuple[str, int, bool]] = []  # name, places of its grid, whether it has weights

    def note(name: str) -> Any:
        def hook(module: nn.Module, args: Any, output: Any) -> None:
            found = first_tensor(output)
            whole = found is not None and len(found) == len(images)  # no part of it, as a window is
            places = _places(found, hints) if whole else 0
            if name == layer:
                places = grid
            if places:
                ran.append((name, places, bool(module._parameters)))

        return hook

    with torch.no_grad(), ExitStack() as stack:
        for name, module in model.named_modules():
            stack.enter_context(hooked(module, note(name)))
        model(images)
    names = [name for name, _, _ in ran]
    index = names.index(layer)
    # Keys and values are projections of what came before them, and no stage.
    weighted = [
        at for at, (name, _, weights) in enumerate(ran) if weights and not ATTENTION.search(name)
    ]
    depth = sum(at <= index for at in weighted) / len(weighted) if weighted else 1
    later = [places for name, places, _ in ran[index:] if not ATTENTION.search(name)]
    return depth >= DEPTH and min(later, default=ran[index][1]) >= ran[index][1]


def _places(output: Tensor, hints: Hints) -> int:
    layout: Any = hints.layout(output.shape)
    if layout is None:
        return 0
    grid = output if layout.reshape is None else layout.reshape(output)
    return prod(grid.shape[2:])
