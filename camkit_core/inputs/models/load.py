"""A model by its name, ready to be explained: weights, preprocessing and class names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ...errors import InputError, InputTypeError, in_brief, shown, warn
from .checkpoints import Checkpoint, damaged, read_checkpoint, sha256
from .class_names import check_class_names
from .device import device_named
from .filling import count_classes, fill
from .fitting import fit
from .geometry.measured import window_of
from .geometry.window import Window
from .names_file import ClassNames, read_class_names
from .preprocessing import Picture, Preprocessing
from .source import ModelSource
from .tasks import task_of


@dataclass(frozen=True)
class LoadedModel:
    """A model, and what turns a picture into its input.

    Attributes:
        model: in evaluation mode, on its device.
        preprocess: from a picture (H', W', 3), uint8 RGB, to the model's input (3, H, W).
        picture: back from the input to the picture (H, W, 3), uint8 RGB, that the model saw;
            a heatmap fits this picture.
        class_names: one for each class, or None if they are unknown.
        name: the name given to `load_model`.
        weights: what they are called, for the record; a file with its SHA-256.
        notes: what a reader should know of how the weights were taken from a file.
        task: "classification", "detection", "segmentation" or "text-image"; "" if it is unknown.
        tokenizer: makes the tokenizer of a model of texts and images; None of another.
        prepared: what `preprocess` does, ready for JSON: size, mean, std and the way of resizing.
    """

    model: nn.Module
    preprocess: Callable[[Picture], Tensor]
    picture: Callable[[Tensor], Picture]
    class_names: tuple[str, ...] | None
    name: str
    weights: str
    notes: tuple[str, ...] = ()
    task: str = ""
    tokenizer: Callable[[], Any] | None = None
    prepared: dict[str, Any] = field(default_factory=dict)
    _windows: dict[tuple[int, int], tuple[Window | None, str]] = field(
        default_factory=dict, init=False, repr=False, compare=False
    )

    def window(self, size: tuple[int, int]) -> tuple[Window | None, str]:
        """Where the input lies in a picture of (H0, W0) pixels; or None, and why it is not known.

        It is measured once for each size, by plain pictures that go through `preprocess`.
        """
        if size not in self._windows:
            try:
                self._windows[size] = window_of(self.preprocess, size), ""
            except InputError as error:
                self._windows[size] = None, str(error)
        return self._windows[size]


def load_source(
    source: ModelSource,
    name: str,
    weights: str | Path | None = "DEFAULT",
    device: str | torch.device = "cpu",
    class_names: ClassNames | None = None,
    *,
    size: int | Sequence[int] | None = None,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
) -> LoadedModel:
    """Load a model with its weights, preprocessing and class names.

    Args:
        source: where it comes from.
        name: what it is called, for the record.
        weights: see `camkit_core.load_model`, as for all arguments not listed here.
        device: see there.
        class_names: see there.
        size: see there.
        mean: see there.
        std: see there.

    Raises:
        CamkitError: if the weights cannot be downloaded or read, or are of another architecture;
            if the class names do not fit the model, or the device does not exist.
    """
    if not isinstance(weights, (str, Path, type(None))):
        raise InputTypeError(
            f"expected weights as DEFAULT, none or a file, got {shown(weights)}; weights in memory "
            f"are for model.load_state_dict"
        )
    where = device_named(device)
    preprocessing = preprocessing_for(source, name, size, mean, std)
    given = None if class_names is None else read_class_names(class_names)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        weighted = _with_weights(source, str(weights), name)
    names = given or weighted.class_names
    if names is not None and weighted.classes is not None:
        check_class_names(names, weighted.classes)
    model = _moved(weighted.model, where, name)
    for note in weighted.notes:
        warn(note)
    prepare, undo = preprocessing.tensor, preprocessing.picture
    return LoadedModel(
        model,
        prepare,
        undo,
        names,
        name,
        weighted.weights,
        weighted.notes,
        source.task or task_of(model),
        source.tokenizer,
        preprocessing.record(),
    )


def preprocessing_for(
    source: ModelSource, name: str, size: Any, mean: Any, std: Any
) -> Preprocessing:
    """The usual preprocessing of the weights, with what the user says in its place."""
    known = source.preprocessing
    if known is None and (size is None or mean is None or std is None):
        raise InputError(
            f"nothing says how pictures are prepared for {name}: it has no image processor; put "
            f"one beside it (AutoImageProcessor.from_pretrained(...).save_pretrained(FOLDER)), or "
            f"say it: --size N --mean R,G,B --std R,G,B"
        )
    return (known or Preprocessing()).changed(size, mean, std)


def _moved(model: nn.Module, where: torch.device, name: str) -> nn.Module:
    try:
        model.eval()
        return model.to(where)
    except Exception as error:  # of a model's own rules, or of a device without memory
        reason = in_brief(error)
        raise InputError(f"{name} cannot be put on {where} to be evaluated: {reason}") from error


@dataclass(frozen=True)
class _Weighted:
    """A model with its weights, their name, and their classes."""

    model: nn.Module
    weights: str
    class_names: tuple[str, ...] | None
    classes: int | None
    notes: tuple[str, ...] = ()


def _with_weights(source: ModelSource, weights: str, name: str) -> _Weighted:
    if weights.lower() not in ("default", "none"):
        return _from_file(source, weights, name)
    if source.classes == 0:
        raise InputError(
            f"{name} has no classifier, so no class to explain; give weights with one "
            f"(--weights FILE)"
        )
    if weights.lower() == "none":
        names = source.class_names  # they need no weights
        return _Weighted(source.build(None), "none: random, seed 0", names, source.classes)
    model, text = source.pretrained()
    return _Weighted(model, text, source.class_names, source.classes)


def _by_library(
    of_weights: Callable[[dict[str, Tensor]], nn.Module], checkpoint: Checkpoint
) -> _Weighted:
    """The model with the file's weights by the names of its library."""
    part = max(checkpoint.parts.values(), key=len)
    try:
        weights = {name: stored.read() for name, stored in part.items()}
    except Exception as error:
        raise damaged(checkpoint.path, error) from error
    text = f"{checkpoint.path.name} sha256:{sha256(checkpoint.path)}"
    return _Weighted(of_weights(weights), text, checkpoint.class_names, None)


def _from_file(source: ModelSource, path: str, name: str) -> _Weighted:
    checkpoint = read_checkpoint(path)
    model, classes = source.build(None), source.classes
    found = fit(checkpoint, model, name)
    if source.of_weights and model.state_dict().keys() - found.weights.keys():
        return _by_library(source.of_weights, checkpoint)
    if classes is not None:
        classes = count_classes(model, found.weights, classes)
        model = model if classes == source.classes else source.build(classes)
    fill(model, found.weights, checkpoint.path, name)
    usual = source.class_names if classes == source.classes else None
    text = f"{checkpoint.path.name}{found.mark(checkpoint)} sha256:{sha256(checkpoint.path)}"
    names = checkpoint.class_names or usual
    return _Weighted(model, text, names, classes, found.notes(checkpoint))
