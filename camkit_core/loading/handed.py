"""Pictures handed in, in place of a tensor: made a batch, and known again in what comes of them."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import nn

from ..comparison import Comparison
from ..errors import ArgumentError, InputError, InputTypeError
from ..errors import shown as told
from ..inputs.models.class_names import check_class_names, names_in
from ..inputs.models.geometry.alike import shows
from ..inputs.models.load import LoadedModel
from ..inputs.models.sources.carried import preprocessing_in
from ..inputs.models.sources.own_preprocessing import preprocessing_of
from ..inputs.models.tasks import task_of
from ..results.explanation import Explanation
from ..results.originals import Original
from .asked import asked_of
from .pictures import Photo, are_pictures, photos


@dataclass(frozen=True, eq=False)
class Handed:
    """A loaded model, and its images.

    Attributes:
        loaded: the model.
        images: what it is given, as `explain` takes it.
        originals: the pictures that the images were made of; None where a tensor was given.
        notes: what a reader should know of the pictures.
    """

    loaded: LoadedModel
    images: Any
    originals: tuple[Original, ...] | None = None
    notes: tuple[str, ...] = ()

    @property
    def model(self) -> nn.Module:
        """The model itself."""
        return self.loaded.model

    def asked(self, targets: Any) -> Any:
        """The targets of `compare`, with words turned into what they mean to this model."""
        if isinstance(targets, str) or not isinstance(targets, Sequence):
            return targets  # compare says what is wrong
        return [asked_of(self.loaded, target) for target in targets]

    def described(self, comparison: Comparison) -> Comparison:
        """The comparison, with the names of classes, the pictures and where the model is from."""
        rows = tuple(tuple(map(self.explanation, row)) for row in comparison.rows)
        judgement = comparison.judgement
        if judgement and self.originals:
            judgement = self._judged(judgement, rows)
        return replace(comparison, rows=rows, judgement=judgement)

    def _judged(self, judgement: Any, rows: Sequence[Sequence[Explanation]]) -> Any:
        """The judgement with the names of files and classes, and what the model saw."""
        originals = self.originals or ()
        return replace(
            judgement,
            names=[
                f"{original.name or f'image {index}'}, {row[0].describe(index)}"
                for row in rows
                for index, original in enumerate(originals)
            ],
            pictures=[original.shown for original in originals] * len(rows),
            provenance={
                "model": self.loaded.name,
                "weights": self.loaded.weights,
                "preprocessing": self.loaded.prepared,
                **judgement.provenance,
            },
        )

    def explanation(self, explanation: Explanation) -> Explanation:
        """One explanation, described so."""
        names, logits = self.loaded.class_names, explanation.logits
        if names is not None and logits is not None:
            check_class_names(names, logits.shape[1])
        size = list(explanation.images.shape[2:])
        origin = {
            "model": self.loaded.name,
            "weights": self.loaded.weights,
            "preprocessing": {**self.loaded.prepared, "size": size},
        }
        return replace(
            explanation,
            class_names=names or explanation.class_names,
            provenance={**(origin if self.originals else {}), **explanation.provenance},
            originals=self.originals,
            notes=(*explanation.notes, *self.notes),
        )


def handed_in(
    model: nn.Module | LoadedModel, images: Any, transform: Callable[[Any], Any] | None
) -> Handed | None:
    """What is explained where somebody gave a loaded model or pictures; None for plain tensors.

    Args:
        model: see `explain`, as for all arguments.
        images: as given.
        transform: as given.

    Raises:
        InputError: for a picture that cannot be read, or a preprocessing that fails on it.
        ArgumentError: for a `transform` beside a tensor, or beside a loaded model.
    """
    if isinstance(model, str):
        raise InputTypeError(
            f"expected a torch.nn.Module, or a model that is loaded by its name: "
            f"camkit.load_model({told(model)})"
        )
    if not are_pictures(images):
        if transform is not None:
            raise ArgumentError(
                "transform= makes the model's input of pictures, and the images are tensors "
                "already; to draw on the picture they were made of, pass both to render: "
                "e.render(image=picture, transform=transform)"
            )
        return Handed(model, _arguments(images)) if isinstance(model, LoadedModel) else None
    loaded = model if isinstance(model, LoadedModel) else _of_module(model, transform)
    if transform is not None and loaded is model:
        raise ArgumentError(
            f"{loaded.name} was loaded with its preprocessing; leave transform= out, or pass its "
            f"model: explain(loaded.model, picture, transform=...)"
        )
    return hand_in(loaded, photos(images))


def _arguments(images: Any) -> Any:
    """What a loaded model is given where it is no picture: a tensor, or arguments of its call."""
    several = images if isinstance(images, (list, tuple)) else [images]
    if any(isinstance(each, (torch.Tensor, Mapping)) for each in several):
        return images
    raise InputTypeError(
        f"expected pictures (paths, PIL images, uint8 arrays (H, W, 3), or a list of these) or a "
        f"tensor (N, C, H, W), got {told(images)}"
    )


def _of_module(model: Any, transform: Callable[[Any], Any] | None) -> LoadedModel:
    """A model of the user's own with the preprocessing given, or else the one that it carries."""
    if not isinstance(model, nn.Module):
        raise InputTypeError(
            f"expected a torch.nn.Module, or a model of camkit.load_model(...), got {told(model)}"
        )
    name = type(model).__name__
    preprocessing = preprocessing_in(model) if transform is None else None
    if transform is not None:
        preprocessing = preprocessing_of(transform, "transform=", "got")
    if preprocessing is None:
        raise InputTypeError(
            f"nothing says how pictures are prepared for this {name}; pass the function that makes "
            f"its input of a PIL image, as transform=weights.transforms(), or load the model by "
            f"its name: camkit.load_model(...); or pass images as a tensor (N, C, H, W) or "
            f"(C, H, W)"
        )
    return LoadedModel(
        model,
        preprocessing.tensor,
        preprocessing.picture,
        names_in(model),
        name,
        "as given",
        task=task_of(model),
        prepared=preprocessing.record(),
    )


def hand_in(loaded: LoadedModel, given: Sequence[Photo]) -> Handed:
    """A loaded model and pictures that were read, the pictures prepared.

    Raises:
        InputError: for a picture that the preprocessing fails on, or makes another shape of than
            of those before.
    """
    inputs = [_input(loaded, photo) for photo in given]
    if other := [each for each in inputs if each.shape != inputs[0].shape]:
        raise InputError(
            f"the inputs made of these pictures have different shapes, {tuple(inputs[0].shape)} "
            f"and {tuple(other[0].shape)}; explain them one by one, or give all one size: "
            f"load_model(..., size=N)"
        )
    originals, notes = [], []
    for number, (photo, made) in enumerate(zip(given, inputs, strict=True)):
        size = (photo.pixels.shape[0], photo.pixels.shape[1])
        window, reason = loaded.window(size)
        shown = loaded.picture(made)
        if window and not shows(window, photo.pixels, shown):
            window, reason = None, "it does other things to this picture than to plain ones"
        if window is None:
            notes.append(
                f"image {number}: where the model's input lies in the picture cannot be measured "
                f"({reason}); the map is drawn on the input, not on the picture"
            )
        originals.append(Original(photo.pixels, shown, window, photo.name))
    return Handed(loaded, torch.stack(inputs), tuple(originals), tuple(notes))


def _input(loaded: LoadedModel, photo: Photo) -> torch.Tensor:
    try:
        return loaded.preprocess(photo.pixels)
    except InputError:
        raise
    except Exception as error:
        height, width = photo.pixels.shape[:2]
        raise InputError(
            f"the preprocessing of {loaded.name} failed on {photo.name or 'the picture'} "
            f"({height} x {width} pixels): {type(error).__name__}: {error}"
        ) from error
