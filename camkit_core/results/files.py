"""Files written and read: pictures and arrays, both with metadata."""

from __future__ import annotations

import io
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from PIL import Image, PngImagePlugin
from torch import Tensor

from ..errors import InputError
from .file_types import refuse_unknown_type
from .whole_files import cannot_write, written_whole

Array = np.ndarray[Any, Any]
_LARGE = 4_000_000  # pixels
_NUMPYS = (torch.float16, torch.float32, torch.float64)


def write_picture(picture: Image.Image, path: Path, metadata: Mapping[str, Any]) -> Path:
    """Write a picture whole; a PNG carries `metadata` as JSON in its text chunk `camkit`.

    Raises:
        PathError: if it cannot be written.
    """
    refuse_unknown_type(path)
    carried: dict[str, Any] = {}
    if path.suffix.lower() == ".png":
        carried["pnginfo"] = PngImagePlugin.PngInfo()
        carried["pnginfo"].add_itxt("camkit", _json(metadata))
        if picture.width * picture.height > _LARGE:
            carried["compress_level"] = 2  # a quarter of the time, for a sixth more bytes
    # Encoded in memory: onto a disk that fills, Pillow writes half a JPEG without an error.
    encoded = io.BytesIO()
    try:
        picture.save(encoded, Image.registered_extensions()[path.suffix.lower()], **carried)
    except (OSError, ValueError) as error:  # a format that has no colours, or no such size
        raise cannot_write(path, error) from error
    with written_whole(path) as temporary:
        temporary.write_bytes(encoded.getbuffer())
    return path


def as_array(tensor: Tensor) -> Array:
    """The values as a numpy array, which has no bfloat16 and no eight bits: then float32."""
    values = tensor.detach().cpu()
    known = not values.is_floating_point() or values.dtype in _NUMPYS
    array: Array = (values if known else values.float()).numpy()
    return array


def write_arrays(path: Path, arrays: Mapping[str, Array], metadata: Mapping[str, Any]) -> Path:
    """Write arrays by name to a `.npz` file as a whole, with `metadata` as JSON.

    Raises:
        PathError: if it cannot be written.
    """
    stored: dict[str, Any] = {"metadata": np.array(_json(metadata)), **arrays}
    with written_whole(path) as temporary:
        np.savez_compressed(temporary, **stored)
    return path


def _json(metadata: Mapping[str, Any]) -> str:
    return json.dumps(metadata, default=_as_number)


def _as_number(value: Any) -> Any:
    """A number of numpy or torch as one of Python's; for anything else its repr."""
    try:
        return value.item()
    except (AttributeError, ValueError, RuntimeError):
        return repr(value)


def load_raw(path: str | Path) -> tuple[dict[str, Array], dict[str, Any]]:
    """The arrays and the metadata of a `.npz` file that `Explanation.save` wrote.

    Returns:
        Arrays by name: `cam` (N, h, w), `heatmap` (N, H, W), `score` (N,), and where there were
        any `logits` (N, K), `target` (N,) and `guided` (N, C, H, W); float32 where the model's
        values were bfloat16; and the metadata.

    Raises:
        InputError: if the file is no such file.
    """
    try:
        with np.load(path, allow_pickle=False) as stored:
            arrays = {name: stored[name] for name in stored.files if name != "metadata"}
            return arrays, json.loads(str(stored["metadata"]))
    except (OSError, ValueError, KeyError) as error:
        raise InputError(f"cannot read {path} as camkit's .npz: {error}") from error
