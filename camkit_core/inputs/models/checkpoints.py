"""Checkpoint files: read as weights and nothing else, and put into a model that they fit."""

from __future__ import annotations

import hashlib
import json
import pickle
import re
import warnings
from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import CamkitError

State = dict[str, Tensor]

_WRAPPERS = ("state_dict", "model_state_dict", "model", "net")
_PREFIXES = ("module.", "_orig_mod.", "model.")  # by DataParallel, torch.compile, Lightning
_CLASS_KEYS = ("class_names", "classes")


@dataclass(frozen=True)
class Checkpoint:
    """The content of a checkpoint file: weights by name, and class names if it has them."""

    path: Path
    state: State
    class_names: tuple[str, ...] | None
    sha256: str


def read_checkpoint(path: str | Path) -> Checkpoint:
    """Read a .safetensors file, or any file of torch.save, as weights only.

    Raises:
        CamkitError: if there is no such file, it cannot be read, it holds no weights, or reading
            it would run code in the file.
    """
    path = Path(path)
    if not path.is_file():
        raise CamkitError(
            f"no checkpoint at {str(path)!r}; expected DEFAULT, none, or a file of weights "
            f"(.pth, .pt, .bin, .safetensors)"
        )
    reader = _read_safetensors if path.suffix == ".safetensors" else _read_torch
    content, metadata = reader(path)
    state = {key: value for key, value in content.items() if isinstance(value, Tensor)}
    if not state:
        held = ", ".join(map(str, list(content)[:5])) or "nothing"
        raise CamkitError(f"no weights in {path.name}: expected tensors by name, found {held}")
    return Checkpoint(path, state, _class_names(metadata), _sha256(path))


def _read_safetensors(path: Path) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    from safetensors import SafetensorError, safe_open
    from safetensors.torch import load_file

    try:
        with safe_open(path, framework="pt") as file:
            metadata = file.metadata() or {}
        return load_file(path), metadata
    except (SafetensorError, OSError) as error:
        raise CamkitError(f"{path.name} is not a whole safetensors file ({error})") from error


def _read_torch(path: Path) -> tuple[Mapping[str, Any], Mapping[str, Any]]:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # about TorchScript, refused below
            content = torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, OSError) as error:
        raise _unreadable(path, str(error)) from error
    if not isinstance(content, Mapping):
        raise CamkitError(
            f"no weights in {path.name}: expected a dict of tensors, found {type(content).__name__}"
        )
    wrapped = (content[key] for key in _WRAPPERS if isinstance(content.get(key), Mapping))
    return next(wrapped, content), content


def _unreadable(path: Path, reason: str) -> CamkitError:
    code = re.search(r"(?:GLOBAL|Unsupported class) (\S+)", reason)
    if code or "TorchScript" in reason:
        what = f"Python objects ({code[1]})" if code else "a TorchScript program"
        return CamkitError(
            f"{path.name} holds {what} besides weights, and reading it could run code from the "
            f"file; save the weights alone, with torch.save(model.state_dict(), ...)"
        )
    # PyTorch's own advice is for readers who know what a pickle is.
    why = "" if "WeightsUnpickler" in reason else reason.partition("\n")[0]
    return CamkitError(
        f"{path.name} is not a file of weights from torch.save, or is damaged"
        f"{f' ({why})' if why else ''}"
    )


def _class_names(metadata: Mapping[str, Any]) -> tuple[str, ...] | None:
    names = next((metadata[key] for key in _CLASS_KEYS if key in metadata), None)
    if isinstance(names, str):  # safetensors stores all metadata as text
        try:
            names = json.loads(names)
        except json.JSONDecodeError:
            return None
    if isinstance(names, (list, tuple)) and all(isinstance(name, str) for name in names):
        return tuple(names)
    return None


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def named_as_in(model: nn.Module, state: State) -> State:
    """The weights without wrappers' prefixes; these are removed until a name is one of `model`."""
    wanted = model.state_dict().keys()
    # torchvision's own DenseNet files have older names than its models.
    state = {
        re.sub(r"(denselayer\d+\.(?:norm|conv))\.(\d)", r"\1\2", k): v for k, v in state.items()
    }
    while not wanted & state.keys():
        prefix = next((p for p in _PREFIXES if all(key.startswith(p) for key in state)), None)
        if prefix is None:
            break
        state = {key.removeprefix(prefix): value for key, value in state.items()}
    return state


def count_classes(model: nn.Module, state: State, usual: int) -> int:
    """The number of classes of the weights, which is that of their last classifier.

    Args:
        model: the architecture, built for its usual number of classes.
        state: the weights, named as in `model`.
        usual: that number; 0 for a model without a classifier.
    """
    built = model.state_dict()
    heads = [
        value.shape[0]
        for key, value in state.items()
        if value.ndim > 1 and (_is_head(built[key], value, usual) if key in built else usual == 0)
    ]
    return heads[-1] if heads else usual


def _is_head(built: Tensor, loaded: Tensor, usual: int) -> bool:
    return built.shape[0] == usual and built.shape[1:] == loaded.shape[1:]


def put(checkpoint: Checkpoint, state: State, model: nn.Module, name: str) -> None:
    """Load the weights into `model`.

    Args:
        checkpoint: where the weights came from.
        state: the weights, named as in `model`.
        model: an architecture with as many classes as the weights have.
        name: what to call the model in an error.

    Raises:
        CamkitError: if a weight is missing, left over or of another shape; it names the first few.
    """
    try:
        model.load_state_dict(_versioned(state, model))
    except (RuntimeError, ValueError, KeyError) as error:
        raise CamkitError(
            f"{checkpoint.path.name} is a checkpoint of another architecture than {name}: "
            f"{_differences(model.state_dict(), state) or error}. Give the model it was trained "
            f"as; torchvision:NAME and timm:NAME are different models"
        ) from error


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
