"""The model, checked and taken out of its wrapper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor, nn

from ..errors import InputError, InputTypeError, shown
from .model_memory import ModelMemory
from .seen import modules_of
from .weights import refuse_without_values

# By the path of the class: modules whose `eval` and calls are commands, such as `ultralytics.YOLO`.
_HOLDERS = {"ultralytics.engine.model.Model"}
_checked: ModelMemory[bool] = ModelMemory()  # whether a model passed the checks and is no wrapper


def unwrapped(model: Any) -> nn.Module:
    """The module inside a compiled or data-parallel model, which cannot be hooked itself.

    Raises:
        InputError: for anything but an eager `nn.Module` that computes in floating point, and for
            weights without values.
    """
    if isinstance(model, torch.jit.ScriptModule) or not isinstance(model, nn.Module):
        raise InputTypeError(
            f"expected an eager torch.nn.Module, got {type(model).__name__}{_instead(model)}"
        )
    checked = _checked.of(model)
    if "eager" in checked:
        return model
    if _holds_a_model(model):
        return unwrapped(_held(model))
    _refuse_integers(model)
    refuse_without_values(model)
    if isinstance(model, (nn.DataParallel, nn.parallel.DistributedDataParallel)):
        return unwrapped(model.module)
    if (original := model._modules.get("_orig_mod")) is not None:
        return unwrapped(original)
    checked["eager"] = True
    return model


def _instead(given: Any) -> str:
    """What to pass in place of what is no model."""
    if isinstance(given, type):
        return f"; {given.__name__} is a class, make a model of it: model = {given.__name__}(...)"
    if isinstance(given, Mapping) and any(isinstance(each, Tensor) for each in given.values()):
        return ", which are weights; load them into their model: model.load_state_dict(...)"
    if given is None or isinstance(given, (int, float, Mapping, Sequence, Tensor)):
        return "; pass the model itself"
    return ", whose layers cannot be observed; pass the Python model it was made from"


def _holds_a_model(model: nn.Module) -> bool:
    paths = {f"{kind.__module__}.{kind.__qualname__}" for kind in type(model).__mro__}
    return not paths.isdisjoint(_HOLDERS)


def _held(holder: nn.Module) -> nn.Module:
    """The network that an object for training and prediction holds, which is a module itself."""
    held = holder._modules.get("model")
    if held is None:
        what = vars(holder).get("model")
        raise InputTypeError(
            f"expected an eager torch.nn.Module; this {type(holder).__name__} holds "
            f"{shown(what) if what is not None else 'no network'}, whose layers cannot be "
            f"observed; load the network's own weights, such as a .pt file"
        )
    return held


def _refuse_integers(model: nn.Module) -> None:
    if any(map(_of_integers, set(modules_of(model).classes))):
        found = ((name, type(each)) for name, each in model.named_modules())
        name, kind = next((name, kind) for name, kind in found if _of_integers(kind))
        raise InputError(
            f"{type(model).__name__} is quantised ({name} is a quantised {kind.__name__}), and "
            f"integers have no gradients; pass the floating-point model it was made from"
        )
    if is_exported(model):
        raise InputError(
            "expected an eager torch.nn.Module, got an exported graph, which has no layers that "
            "run; pass the Python model it was made from"
        )


def is_exported(model: nn.Module) -> bool:
    """Whether it is a graph whose calls are no layers, as `torch.export` makes it."""
    return isinstance(model, torch.fx.GraphModule) and not _has_layers(model)


def _of_integers(kind: type) -> bool:
    # The others are in models that are yet to be quantised.
    return ".quantized" in kind.__module__ and not kind.__name__.endswith("FloatFunctional")


def _has_layers(graph: torch.fx.GraphModule) -> bool:
    called = [node.target for node in graph.graph.nodes if node.op == "call_module"]
    return any(name != "_guards_fn" for name in called)  # `torch.export` adds that one


def note_of_wrapper(given: Any, module: nn.Module) -> list[str]:
    """A note that the model was taken out of a wrapper; no note if it was not."""
    if given is module:
        return []
    return [f"explained the {type(module).__name__} inside the {type(given).__name__}, eagerly"]
