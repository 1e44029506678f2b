"""Checkpoint files: read as weights and nothing else."""

from __future__ import annotations

import hashlib
import json
import shlex
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from textwrap import shorten
from typing import Any
from zipfile import BadZipFile

from ...errors import CamkitError, FileError
from .advice import holds_objects, would_run
from .formats import checkpoint_path, format_of
from .inert import Harmful, Noted
from .stored import StoredTensor, stored_tensor
from .torch_files import read_legacy, read_zip
from .zeros import check_filled

Weights = dict[str, StoredTensor]

_CLASS_KEYS = ("class_names", "classes")
_DEEPEST, _MOST_DICTS = 4, 1000


@dataclass(frozen=True)
class Checkpoint:
    """The content of a checkpoint file.

    Attributes:
        path: the file.
        parts: each dict of the file with tensors in it, by the keys that lead to it, joined by
            dots; "" for the outermost.
        class_names: if the file has them.
        label: of the weights to take, if the user says which.
    """

    path: Path
    parts: dict[str, Weights]
    class_names: tuple[str, ...] | None
    label: str | None = None

    def at(self, label: str) -> str:
        """The file and a label, as a word of a command line."""
        return shlex.quote(f"{self.path}#{label}")


def read_checkpoint(given: str | Path) -> Checkpoint:
    """Read a file of safetensors, or any file of torch.save, as weights only.

    Nothing in the file is run, and what is not a weight is not built. The tensors are read later,
    those that are asked for.

    Args:
        given: the file; `file.pth#ema` for those of its weights that are at `ema`.

    Raises:
        FileError: if there is no such file, it cannot be read, or it holds no weights.
    """
    path, label = checkpoint_path(given)
    readers = {"safetensors": _read_safetensors, "zip": _read_torch, "pickle": _read_torch}
    with reading(path):
        parts, metadata = readers[format_of(path)](path)
    return Checkpoint(path, parts, _class_names(metadata), label)


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Inside, what a file raises as it is read becomes a FileError that names it."""
    try:
        yield
    except CamkitError:
        raise
    except Harmful as error:
        raise would_run(path, str(error)) from error
    except Exception as error:
        raise damaged(path, error) from error


def damaged(path: Path, error: Exception) -> FileError:
    """The error for a file that is not what it begins as."""
    reason = str(getattr(error, "strerror", None) or error or type(error).__name__)
    if isinstance(error, KeyError):
        reason = f"it lacks {error}" if isinstance(error.args[0], str) else "unknown operations"
    elif isinstance(error, (BadZipFile, EOFError)):
        reason = reason.replace("File is not a zip file", "it ends early") or "it ends early"
    what = "cannot be read" if isinstance(error, OSError) else "is damaged"
    return FileError(f"{path.name} {what} ({shorten(reason, 120)}); fetch or save it again")


def _read_safetensors(path: Path) -> tuple[dict[str, Weights], Mapping[str, Any]]:
    from safetensors import safe_open

    file: Any = safe_open(path, framework="pt")
    weights = {
        name: StoredTensor(tuple(file.get_slice(name).get_shape()), partial(file.get_tensor, name))
        for name in file.keys()  # noqa: SIM118 - it is no dict
    }
    if not weights:
        raise FileError(f"no weights in {path.name}: expected tensors by name, found nothing")
    check_filled(path, _starts(path))
    return {"": weights}, file.metadata() or {}


def _starts(path: Path) -> list[int]:
    """Where the tensors of a file of safetensors begin, which safetensors has checked."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        header = json.loads(file.read(length))
    tensors = (entry for name, entry in header.items() if name != "__metadata__")
    return [8 + length + tensor["data_offsets"][0] for tensor in tensors]


def _read_torch(path: Path) -> tuple[dict[str, Weights], Mapping[str, Any]]:
    content, read = (read_zip if format_of(path) == "zip" else read_legacy)(path)
    if not isinstance(content, dict):
        raise FileError(
            f"no weights in {path.name}: expected a dict of tensors, found {type(content).__name__}"
        )
    parts = {}
    for where, items in _dicts(content).items():
        tensors = {key: stored_tensor(value, read) for key, value in items.items()}
        if weights := {k: v for k, v in tensors.items() if v is not None and isinstance(k, str)}:
            parts[where] = weights
    if not parts:
        raise _no_weights(path, content)
    return parts, content


def _dicts(content: dict[Any, Any]) -> dict[str, dict[Any, Any]]:
    """The dicts inside each other, the outermost first, each once."""
    found, level, seen = {"": content}, {"": content}, {id(content)}
    for _ in range(_DEEPEST):
        below = {}
        for where, items in level.items():
            for key, value in items.items():
                if isinstance(value, dict) and isinstance(key, str) and id(value) not in seen:
                    seen.add(id(value))
                    below[f"{where}.{key}" if where else key] = value
        found.update(below)
        level = below
        if len(found) > _MOST_DICTS:
            break
    return found


def _no_weights(path: Path, content: dict[Any, Any]) -> FileError:
    if isinstance(content, Noted) and not content:
        return holds_objects(path, content.name, None)
    for key, value in content.items():
        if isinstance(value, Noted) and isinstance(value.state, dict) and "_modules" in value.state:
            return holds_objects(path, value.name, key)
    held = shorten(", ".join(str(key)[:40] for key in list(content)[:5]), 120) or "nothing"
    return FileError(f"no weights in {path.name}: expected tensors by name, found {held}")


def _class_names(metadata: Mapping[str, Any]) -> tuple[str, ...] | None:
    names = next((metadata[key] for key in _CLASS_KEYS if key in metadata), None)
    if isinstance(names, str):  # safetensors stores all metadata as text
        try:
            names = json.loads(names)
        except (ValueError, RecursionError):
            return None
    if isinstance(names, (list, tuple)) and all(isinstance(name, str) for name in names):
        return tuple(names)
    return None


def sha256(path: Path) -> str:
    """The SHA-256 of a file, in hexadecimal digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()
