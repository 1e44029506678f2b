"""The model that a command explains, and the device that it is on."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Mapping
from contextlib import redirect_stdout
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import CamkitWarning
from ...inputs.models.load import LoadedModel
from ...inputs.models.preprocessing import UNSTATED
from ...loading.models import load_model
from .messages import say_above_bar

RANDOM = (
    "the weights are random, so the maps show an untrained model and explain nothing; for maps "
    "that mean something take the usual weights (--weights DEFAULT), or your own (--weights FILE)"
)
_STATE_IT = (
    "if it was trained otherwise, say so: --size, --mean and --std, or a factory that returns "
    "(model, preprocess)"
)
NAMES = "the class names are those of the usual weights, as random ones have none"


def load(name: str, loading: Mapping[str, Any]) -> LoadedModel:
    """The model of a name, on the device of `--device`, or else on a GPU if there is one.

    Prints a note if its weights are random, as the maps then show an untrained model.

    Args:
        name: the model's name, as `load_model` takes it.
        loading: the other arguments of `load_model`.
    """
    device = loading["device"]
    if device is None:
        device = "cuda" if torch.cuda.is_available() else "cpu"
    model = load_noted(name, **{**loading, "device": device})
    if model.weights.startswith("none"):
        usual = model.class_names and loading.get("class_names") is None
        say_above_bar(f"note: {RANDOM}{f'; {NAMES}' if usual else ''}")
    return model


def preparation(model: LoadedModel) -> str:
    """What is done to each picture, in a sentence."""
    done = dict(model.prepared)
    height, width = done.get("size", ("?", "?"))
    text = f"{model.name} is given each picture at {height} x {width} ({done.get('resize')})"
    if set(done.get("mean", [])) == {0.0} and set(done.get("std", [])) == {1.0}:
        return f"{text}, in colours from 0 to 1"
    mean, std = (
        ",".join(f"{value:.4g}" for value in done.get(each, ())) for each in ("mean", "std")
    )
    text = f"{text}, less the mean {mean}, divided by {std}"
    return f"{text}; {_STATE_IT}" if done.get("resize") == UNSTATED else text


def load_noted(name: str, *weights: str, **loading: Any) -> LoadedModel:
    """The model that `load_model` gives for these arguments; prints its notes.

    What the model's own code prints goes to stderr, as stdout is for results.
    """
    with warnings.catch_warnings(), redirect_stdout(sys.stderr):
        warnings.simplefilter("ignore", CamkitWarning)  # they are among the notes, too
        model = load_model(name, *weights, **loading)
    for note in model.notes:
        say_above_bar(f"note: {note}")
    return model


def to_device_of(model: nn.Module, images: Tensor) -> Tensor:
    """The images on the model's device."""
    parameter = next(model.parameters(), None)
    return images if parameter is None else images.to(parameter.device)
