"""What the commands that explain images share: the model, the targets, the failures."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from textwrap import shorten
from typing import Any

import torch
from torch import Tensor, nn
from tqdm import tqdm

from ..errors import CamkitError
from ..inputs.models import LoadedModel, load_model
from ..inputs.targets.resolve import Rank, top
from .class_names import Top
from .messages import one_line, say


def loaded(name: str, arguments: Mapping[str, Any]) -> LoadedModel:
    """The model by name, on the device asked for or the best there is.

    Says so where its weights are random, as the maps then show an untrained model.
    """
    device = arguments["device"] or ("cuda" if torch.cuda.is_available() else "cpu")
    found = load_model(name, **{**arguments, "device": device})
    if found.weights.startswith("none"):
        tell("note: the weights are random, so the maps show an untrained model")
    return found


def placed(images: Tensor, model: nn.Module) -> Tensor:
    """The images on the model's device."""
    parameter = next(model.parameters(), None)
    return images if parameter is None else images.to(parameter.device)


def asked(targets: Sequence[int | Top]) -> list[int | Rank]:
    """Targets as `compare` takes them."""
    return [
        one
        for target in targets
        for one in (top(target.count) if isinstance(target, Top) else [target])
    ]


class Failures:
    """The images that could not be explained, each with the reason."""

    def __init__(self) -> None:
        self.reasons: dict[str, str] = {}

    def add(self, path: Path, error: Exception) -> None:
        """Note a failure, and tell of it."""
        known = isinstance(error, CamkitError)
        reason = one_line(str(error) if known else f"{type(error).__name__}: {error}")
        self.reasons[str(path)] = reason
        tell(f"error: {path}: {reason}")

    def record(self) -> list[dict[str, str]]:
        """The failures, ready for JSON."""
        return [{"image": path, "reason": reason} for path, reason in self.reasons.items()]

    def conclude(self, images: int) -> int:
        """Sum the failures up, if there are any, and return the exit code: 0, or 1 with some."""
        if not self.reasons:
            return 0
        listed = [f"{path} ({shorten(reason, 100)})" for path, reason in self.reasons.items()]
        more = f" and {len(listed) - 10} more" if len(listed) > 10 else ""
        done = f"{images - len(listed)} of {images} images explained"
        tell(f"{done}; failed: {', '.join(listed[:10])}{more}")
        return 1


def tell(text: str) -> None:
    """Print a line for people, not in the middle of a progress bar."""
    with tqdm.external_write_mode(sys.stderr):
        say(text)
