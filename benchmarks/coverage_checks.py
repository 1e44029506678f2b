"""Is camkit's map of a model sound, if it gets no argument but the model and the image?"""

from __future__ import annotations

import signal
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

import torch
from coverage_detectors import build_detector
from coverage_language import build_language
from coverage_masks import build_masks
from coverage_models import BUILD, Built, with_best_box
from coverage_stage import in_last_stage
from coverage_texts import build_text
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core.target_layer.hints import hints_of
from camkit_core.testing.orientation import orientation
from camkit_core.testing.random_weights import DRAWS, as_built, narrowed

Row = dict[str, Any]
Draw = Callable[[nn.Module, Tensor], None]
REACHED = 0.9  # the share of the positions that must have a gradient
METHODS = ("gradcam", "gradcam++", "xgradcam", "ablationcam", "scorecam")
SCORED = 8  # channels that ScoreCAM scores; at all levels of a pyramid together
BUILD |= {"language": build_language, "masks": build_masks}
BUILD |= {"detectors": build_detector, "text": build_text}
BOXES = ("detection", "detectors")  # of torchvision, and of others
DENSE = (
    "segmentation",
    "masks",
    *BOXES,
    "language",
)  # heads follow the backbone, whose end is explained
PATIENCE = 120  # seconds for a method


def checked(part: str, name: str) -> Row:
    """The row of a model, at the first draw of weights for which all methods are sound.

    If there is none, at the first for which GradCAM is.
    """
    warnings.simplefilter("ignore")
    rows = []
    for draw in draws_of(part):
        row, built = drawn(part, name, draw)
        levels = row["layer"].count(", ") + 1
        row["methods"] = {method: _method(built, method, levels) for method in _affordable(part)}
        row["sound"] = row["sound"] and row["methods"]["gradcam"]["sound"]
        rows.append(row)
        if row["sound"] and all(method["sound"] for method in row["methods"].values()):
            return row
    return next((row for row in rows if row["sound"]), rows[-1])


def draws_of(part: str) -> dict[str, Draw]:
    """The draws of weights by their names; detectors train on boxes, language models on tokens."""
    if part == "detection":
        return {"as built": as_built, "narrowed": narrowed}
    return {"as built": as_built} if part in ("detectors", "language") else DRAWS


def drawn(part: str, name: str, draw: str) -> tuple[Row, Built]:
    """Whether a model's map is sound at a draw of its weights, and the model."""
    built = BUILD[part](name)
    if built.call is None:
        draws_of(part)[draw](built.model, built.images(4))
    built.model.eval()
    if part == "detection":
        built = with_best_box(built)
    return {"part": part, "model": name, "weights": draw, **_soundness(built, part)}, built


def _soundness(built: Built, part: str) -> Row:
    images = built.images()
    start = time.perf_counter()
    e = camkit.explain(built.model, built.given(images), target=built.target)
    seconds = time.perf_counter() - start
    level, raw, gradients = _level(built, images)
    layout = hints_of(built.model, images).layout(raw.shape)
    row: Row = {
        "layer": e.layer,
        "output": "x".join(map(str, raw.shape)),
        "layout": str(layout).split()[0],
        "grid": "x".join(map(str, e.cam.shape[1:])),
        "chosen by": e.adapter,
        "reach": float((gradients != 0).any(1).float().mean()),
        "last stage": part in DENSE
        or in_last_stage(built.model, images, e.layer, e.cam[0].numel()),
        "finite": bool(e.cam.isfinite().all()),
        "varies": bool(e.cam.amax() > e.cam.amin()),
        "seconds": round(seconds, 3),
        "note": built.note,
    }
    reached = row["reach"] > 0 if part in BOXES else row["reach"] >= REACHED
    usable = reached and row["finite"] and row["varies"]
    layer = level if level != e.layer else None  # of a pyramid, one level
    facing = (
        orientation(lambda x: _activations(built, x, layer), built.images(2)) if usable else None
    )
    row["orientation"] = asdict(facing) if facing else None
    row["sound"] = bool(usable and row["last stage"] and facing and facing.right)
    return row


def _level(built: Built, images: Tensor) -> tuple[str, Tensor, Tensor]:
    """The layer, its output, and the gradients as a grid, as a method gets them.

    Of a pyramid, those of the level that the score reads most of.
    """
    kept: list[tuple[str, Tensor, Tensor]] = []

    def keep(probe: camkit.Probe) -> Tensor:
        recording = probe.recording
        kept.append((recording.layer, recording.raw.detach(), probe.gradients))
        return probe.activations.sum(1)

    camkit.explain(built.model, built.given(images), keep, built.target)
    return max(kept, key=lambda level: float((level[2] != 0).any(1).float().mean()))


def _activations(built: Built, images: Tensor, layer: str | None) -> Tensor:
    kept: list[Tensor] = []

    def keep(probe: camkit.Probe) -> Tensor:
        kept.append(probe.activations)
        return probe.activations.sum(1)

    camkit.explain(built.model, built.given(images), keep, built.target, layer)
    return kept[0]


def _affordable(part: str) -> list[str]:
    """The methods to try; with heads after the layer, Ablation-CAM would take an hour."""
    slow = part in DENSE and part != "language"
    return [method for method in METHODS if not slow or method != "ablationcam"]


def _method(built: Built, method: str, levels: int) -> Row:
    """Whether a method gives a finite map that is not constant, on the grid of its levels."""
    images = built.images()
    scored = {"max_channels": max(1, SCORED // levels)} if method == "scorecam" else {}
    start = time.perf_counter()
    try:
        with limited(PATIENCE):
            given = built.given(images)
            e = camkit.explain(built.model, given, method, built.target, **scored)
    except Exception as error:  # noqa: BLE001 - the error is a cell of the table
        return {"sound": False, "reason": reason(error)}
    right_shape = e.cam.shape[0] == 1 and e.heatmap.shape[1:] == images.shape[2:]
    varies = bool(e.cam.isfinite().all() and e.cam.amax() > e.cam.amin())
    return {
        "sound": right_shape and varies,
        "seconds": round(time.perf_counter() - start, 3),
        **({} if varies else {"reason": e.blank() or "a constant map"}),
    }


@contextmanager
def limited(seconds: int) -> Iterator[None]:
    """Raise TimeoutError inside the block after `seconds`."""

    def stop(number: int, frame: Any) -> None:
        raise TimeoutError(f"more than {seconds} s")

    signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def reason(error: BaseException) -> str:
    """An error on one line."""
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:300]


def resolved(part: str, name: str) -> Row:
    """The layer and grid of a model on the meta device, where tensors have shapes but no values."""
    from camkit_core.adapter import as_grid
    from camkit_core.forward.recording import record
    from camkit_core.inputs.prepare import Inputs
    from camkit_core.target_layer.choose import choose
    from camkit_core.target_layer.known import known

    warnings.simplefilter("ignore")
    start = time.perf_counter()
    with torch.device("meta"):
        built = BUILD[part](name)
        images = torch.zeros(1, *built.shape)
        built.model.eval()
        (layer,) = choose(*known(Inputs(built.model, images)), targets=[built.target])
        with torch.no_grad():
            recording = record(built.model, images, layer.adapter, layer.name)
    return {
        "part": "meta",
        "model": name,
        "layer": layer.name,
        "output": "x".join(map(str, recording.raw.shape)),
        "grid": "x".join(
            map(str, as_grid(layer.adapter, recording.raw, images.ndim - 2).shape[2:])
        ),
        "chosen by": layer.origin,
        "parameters": _count(built.model),
        "seconds": round(time.perf_counter() - start, 3),
    }


def _count(model: nn.Module) -> int:
    return sum(parameter.numel() for parameter in model.parameters())
