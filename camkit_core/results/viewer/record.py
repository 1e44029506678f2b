"""What a browser needs to draw an explanation: raw values, and where they lie in the picture."""

from __future__ import annotations

import base64
import io
import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import numpy as np
from PIL import Image
from torch import Tensor

from ...errors import InputError
from ...image import colour_table
from ...image.colour_maps import COLOUR_MAPS
from ..boxes import Boxes
from ..files import as_array
from ..originals import ground

Explanation: TypeAlias = Any  # `results.explanation.Explanation`, which imports this folder
LONGEST = 2048  # pixels of a picture's longer side, as browsers are sent it
FIRST = ("inferno", "viridis", "cividis")  # all eyes tell their steps apart


def map_record(explanation: Explanation, index: int = 0) -> dict[str, Any]:
    """One image's map, ready for JSON: the method's signed values, and all that is said of them.

    `grid.values` are float32, little-endian, in base 64, row by row. A point (x, y) of the input is
    the point `corner` + `step` * (x, y) of the picture, whose size is `picture`: (H, W), as all
    sizes; these are None where the map lies on the input itself.

    Raises:
        InputError: for the map of a signal or a volume.
    """
    cam = as_array(explanation.cam[index]).astype("<f4")
    if cam.ndim != 2:
        raise InputError(f"a page shows maps of pictures, and this one has the shape {cam.shape}")
    window = explanation.originals[index].window if explanation.originals else None
    summary = explanation.summary(index)
    boxes = explanation.boxes[index] if explanation.boxes else None
    return {
        "method": explanation.method,
        "layer": explanation.layer,
        "chosen_by": explanation.adapter,
        "label": explanation.describe(index),
        "target": summary["target"],
        "class": summary["class"] or _told(explanation, index),
        "score": finite(summary["score"]),
        "grid": {"rows": cam.shape[0], "columns": cam.shape[1], "values": encoded(cam)},
        "input": list(explanation.images.shape[2:]),
        "picture": list(window.picture) if window else None,
        "corner": list(window.corner) if window else None,
        "step": list(window.step) if window else None,
        "seen": list(window.box) if window else None,
        "blank": explanation.blank(index),
        "notes": _other_notes(explanation, index),
        "boxes": [] if boxes is None else _boxes(boxes),
        "provenance": plain(explanation.provenance),
    }


def _boxes(found: Boxes) -> list[dict[str, Any]]:
    """A detector's boxes, best first: x1, y1, x2, y2 in pixels of the input."""
    rows = zip(found["names"], found["scores"].tolist(), found["boxes"].tolist(), strict=True)
    return [{"name": str(name), "score": finite(score), "box": box} for name, score, box in rows]


def finite(value: float | None) -> float | None:
    """A number, or None for one that JSON does not have."""
    return value if value is not None and math.isfinite(value) else None


def plain(value: Any) -> Any:
    """A value as JSON takes it."""
    if isinstance(value, dict):
        return {str(name): plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(part) for part in value]
    if isinstance(value, float):
        return finite(value)
    return value if isinstance(value, (str, int, type(None))) else repr(value)


def encoded(values: np.ndarray[Any, Any]) -> str:
    """The bytes of an array in base 64."""
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()


def colour_tables() -> dict[str, str]:
    """Each colour map as 256 times RGB in base 64, those for all eyes first."""
    others = [name for name in COLOUR_MAPS if name not in FIRST]
    return {name: encoded(colour_table(name)) for name in (*FIRST, *others)}


def picture_bytes(pixels: np.ndarray[Any, Any], longest: int = LONGEST) -> bytes:
    """A picture (H, W, 3) as a JPEG, its longer side at most so many pixels."""
    picture, stream = Image.fromarray(pixels), io.BytesIO()
    picture.thumbnail((longest, longest))
    picture.save(stream, "JPEG", quality=90)
    return stream.getvalue()


def picture_of(explanation: Explanation, index: int = 0, longest: int = LONGEST) -> str:
    """The picture that a map is drawn on, as the source of an image."""
    known = explanation.originals[index] if explanation.originals else None
    picture, _ = ground(explanation.images[index], known)
    data = base64.b64encode(picture_bytes(np.asarray(picture), longest)).decode()
    return f"data:image/jpeg;base64,{data}"


def best_classes(
    logits: Tensor | None, names: Sequence[str] | None, count: int = 5
) -> list[dict[str, Any]]:
    """The best classes of one image, of its scores (K,), best first: number, name, score, share.

    The share is the class's probability by softmax; of probabilities it is the score itself, and
    of a single logit its sigmoid.
    """
    if logits is None:
        return []
    scores = logits.detach().double().cpu().nan_to_num()
    best = scores.topk(min(count, len(scores)))
    shares = _shares(scores)
    return [
        {
            "target": number,
            "class": names[number] if names else f"class {number}",
            "score": score,
            "share": float(shares[number]),
        }
        for score, number in zip(best.values.tolist(), best.indices.tolist(), strict=True)
    ]


def _shares(scores: Tensor) -> Tensor:
    if float(scores.min()) >= 0 and abs(float(scores.sum()) - 1) < 1e-3:
        return scores
    return scores.sigmoid() if len(scores) == 1 else scores.softmax(0)


def _told(explanation: Explanation, index: int) -> str:
    """What a target is called whose class has no name."""
    if isinstance(explanation.target, Tensor):
        return f"class {int(explanation.target[index])}"
    score = f" {float(explanation.score[index]):.2f}"
    label: str = explanation.describe(index)
    return label.partition(score)[0]


def _other_notes(explanation: Explanation, index: int) -> list[str]:
    """The notes, without the one that repeats why the map is blank."""
    blank = explanation.blank(index)
    return [note for note in explanation.notes if not (blank and note.endswith(blank))]
