"""What cannot be watched inside the scripted parts of a model, refused where a method needs it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import nn

from ..errors import InputError

_BIASES = {"bias", "running_mean"}
_FUSED = "DifferentiableGraphBackward"  # torch's one node for many operations of a script


def refuse_scripted_biases(model: nn.Module) -> None:
    """Raise InputError if a scripted part of the model adds biases."""
    for name, module in model.named_modules():
        if isinstance(module, torch.jit.ScriptModule):
            values = *module.named_parameters(recurse=False), *module.named_buffers(recurse=False)
            if not _BIASES.isdisjoint(key for key, _ in values):
                raise _hidden(model, f"the biases of {name!r}")


def refuse_scripted_nodes(graph: Iterable[Any], model: nn.Module) -> None:
    """Raise InputError if a node of the scores' graph stands for many operations."""
    if any(_FUSED in node.name() for node in graph):
        raise _hidden(model, "its activations")


def _hidden(model: nn.Module, what: str) -> InputError:
    return InputError(
        f"{type(model).__name__} has scripted parts, inside which {what} cannot be watched; put "
        f"the Python modules they were made from in their places, or choose another method"
    )
