"""What runs of a tail must give: plain runs of the model, edits, and AblationCAM by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core import Adapter, Recording
from camkit_core.forward.untouched import untouched
from camkit_core.pytree import map_tensors, tensors_in

NOTE = (
    "tail runs at 'layer' took full forward passes: replaying what follows the layer could not be "
    "proved exact for this model"
)
# Notes on untrained networks, and on what some of these tails consist of.
QUIET = [
    pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning"),
    pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning"),
    pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad"),
]


@contextmanager
def recorded(model: nn.Module, images: Tensor) -> Iterator[Recording]:
    with untouched(model):
        yield camkit.record(model, images, Adapter(model.layer), "layer")


def plain_runs(model: nn.Module, images: Tensor, edits: Tensor) -> list[Any]:
    """The model's output for each edit, by a run of its own with a hook."""
    outputs = []
    for edit in edits:
        handle = model.layer.register_forward_hook(lambda *_, edit=edit: edit.clone())
        with torch.no_grad():
            outputs.append(model(images))
        handle.remove()
    return outputs


def edits_of(raw: Tensor) -> Tensor:
    """The layer's output with each of the first channels ablated, scaled, and replaced."""
    edits = raw.detach().repeat(5, *[1] * raw.ndim)
    for channel in range(3):
        edits[channel, :, channel] = 0
    edits[3] *= -1.5
    edits[4].normal_()
    return edits


def agree(outputs: Any, expected: list[Any]) -> bool:
    rows = [
        map_tensors(lambda tensor, row=row: tensor[row], outputs) for row in range(len(expected))
    ]
    pairs = zip(tensors_in(rows), tensors_in(expected), strict=True)
    return all(torch.allclose(output, other, rtol=1e-9, atol=1e-11) for output, other in pairs)


def drops(model: nn.Module, images: Tensor, target: Any) -> Tensor:
    """The AblationCAM map by one plain run for each channel."""
    with torch.no_grad():
        raw = model.layer(model.stem(images))
        edits = raw.repeat(6, 1, 1, 1, 1)
        for channel in range(6):
            edits[channel, :, channel] = 0
        plain = target(model(images))
        rows = [plain - target(output) for output in plain_runs(model, images, edits)]
    return torch.einsum("cn,nchw->nhw", torch.stack(rows), raw)


def ablated(model: nn.Module, images: Tensor, target: Any = 1, **settings: Any) -> Any:
    return camkit.explain(model, images, "ablationcam", target, "layer", **settings)


def firm_notes(explanation: Any) -> list[str]:
    """The explanation's notes, without those that every untrained network gets."""
    doubts = ("the model looks untrained", "score almost alike")
    return [note for note in explanation.notes if not any(doubt in note for doubt in doubts)]


def images_of(count: int = 2) -> Tensor:
    return torch.randn(count, 3, 8, 8, dtype=torch.float64)
