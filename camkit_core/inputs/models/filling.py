"""Weights put into a model: all of them, in their shapes, or an error."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path

from torch import Tensor, nn

from ...errors import InputError
from .checkpoints import Weights, damaged

State = dict[str, Tensor]


def count_classes(model: nn.Module, weights: Weights, usual: int) -> int:
    """The number of classes of the weights, which is that of their last classifier.

    Args:
        model: the architecture, built for its usual number of classes.
        weights: by the names of `model`.
        usual: that number; 0 for a model without a classifier.
    """
    built = model.state_dict()
    heads = [
        value.shape[0]
        for key, value in weights.items()
        if len(value.shape) > 1
        and (_is_head(built[key], value.shape, usual) if key in built else usual == 0)
    ]
    return heads[-1] if heads else usual


def _is_head(built: Tensor, loaded: tuple[int, ...], usual: int) -> bool:
    return built.shape[0] == usual and tuple(built.shape[1:]) == loaded[1:]


def fill(model: nn.Module, weights: Weights, path: Path, name: str) -> None:
    """Load the weights into `model`.

    Args:
        model: an architecture with as many classes as the weights have.
        weights: by the names of `model`.
        path: where the weights came from.
        name: what to call the model in an error.

    Raises:
        InputError: if a weight is damaged, missing, left over, or of another shape or kind of
            numbers; it names the first few.
    """
    try:
        state = {key: value.read() for key, value in weights.items()}
    except Exception as error:
        raise damaged(path, error) from error
    try:
        _check_kinds(model.state_dict(), state)
        model.load_state_dict(_versioned(state, model))
    except Exception as error:  # a model may have rules of its own
        raise InputError(
            f"{path.name} is a checkpoint of another architecture than {name}: "
            f"{_differences(model.state_dict(), state) or error}. Give the model it was trained "
            f"as; torchvision:NAME and timm:NAME are different models"
        ) from error


def _check_kinds(model: Mapping[str, Tensor], state: State) -> None:
    """Raise ValueError for whole or complex numbers in place of others, as of quantised weights."""
    for key in model.keys() & state.keys():
        loaded, built = state[key], model[key]
        whole = built.is_floating_point() and not loaded.is_floating_point()
        if whole or loaded.is_complex() > built.is_complex():
            raise ValueError(f"{key} is {loaded.dtype}, not {built.dtype}")


def _versioned(state: State, model: nn.Module) -> OrderedDict[str, Tensor]:
    # MNASNet refuses weights without the version of the model. Only the root gets a version: a
    # layer takes weights without a version as older ones, and adds what these lack.
    versioned = OrderedDict(state)
    versioned._metadata = {"": {"version": model._version}}  # type: ignore[attr-defined]
    return versioned


def _differences(model: Mapping[str, Tensor], file: State) -> str:
    shapes = [
        f"{key} {tuple(file[key].shape)} for {tuple(value.shape)}"
        for key, value in model.items()
        if key in file and file[key].shape != value.shape
    ]
    differences = {
        "missing": [key for key in model if key not in file],
        "unexpected": [key for key in file if key not in model],
        "of another shape": shapes,
    }
    return "; ".join(f"{what}: {_few(keys)}" for what, keys in differences.items() if keys)


def _few(keys: list[str]) -> str:
    keys = [key for key in keys if not key.endswith("num_batches_tracked")] or keys
    more = f" and {len(keys) - 3} more" if len(keys) > 3 else ""
    return ", ".join(keys[:3]) + more
