"""Explanations written to files, with what they are and where they come from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from PIL import Image, PngImagePlugin
from torch import Tensor

from .errors import InputError
from .provenance import of_renderer

if TYPE_CHECKING:
    from .explanation import Explanation


def save(explanation: Explanation, path: Path, renderer: Any, index: int, **options: Any) -> Path:
    """Write one image's picture, or for `.npz` the raw values of all; see `Explanation.save`."""
    if path.suffix == ".npz":
        from .raw import raw

        raw(explanation, path)
        return path
    if path.suffix.lower() not in Image.registered_extensions():
        raise InputError(
            f"cannot write {path.name!r}: expected a name that ends in .png, .jpg or .npz"
        )
    record = account(explanation, index) | of_renderer(renderer, options)
    write_picture(explanation.render(renderer, index, **options), path, record)
    return path


def write_picture(picture: Image.Image, path: Path, provenance: dict[str, Any]) -> None:
    """Write a picture; a PNG carries `provenance` as JSON in its text chunk `camkit`."""
    if path.suffix.lower() != ".png":
        picture.save(path)
        return
    text = PngImagePlugin.PngInfo()
    text.add_itxt("camkit", json.dumps(provenance))
    picture.save(path, pnginfo=text)


def account(explanation: Explanation, index: int) -> dict[str, Any]:
    """What one image's map is of and where it comes from, ready for JSON."""
    target = explanation.target
    category = int(target[index]) if isinstance(target, Tensor) else None
    names = explanation.class_names
    return {
        **explanation.provenance,
        "target": category if category is not None else explanation.describe(index),
        "class": names[category] if names and category is not None else None,
        "score": float(explanation.score[index]),
        "blank": explanation.blank(index),
        "notes": list(explanation.notes),
    }
