"""A model that can be loaded by name: how it is built, and how pictures are prepared for it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from torch import Tensor, nn

from .preprocessing import Preprocessing


@dataclass(frozen=True)
class ModelSource:
    """A model that can be built, with the preprocessing and the classes of its usual weights.

    Nothing is built, and no weights are fetched, before they are asked for.

    Attributes:
        build: the model with random weights, for that many classes; None for the usual number.
        pretrained: the model with its DEFAULT weights, and the name of these.
        preprocessing: the one that the usual weights were trained with; None if it is unknown, and
            the user has to say it.
        class_names: of the usual weights; None if they are unknown, or the model carries them.
        classes: the usual number of classes, 0 without a classifier, None if unknown, or if the
            model is no classifier.
        task: "classification", "detection", "segmentation" or "text-image"; "" if the class of the
            model says it.
        tokenizer: makes the tokenizer of a model of texts and images; None of another.
        of_weights: the model with the weights of a file, by the names that the library saves them
            under; None where these are the names of the model's own `state_dict`.
    """

    build: Callable[[int | None], nn.Module]
    pretrained: Callable[[], tuple[nn.Module, str]]
    preprocessing: Preprocessing | None
    class_names: tuple[str, ...] | None = None
    classes: int | None = None
    task: str = ""
    tokenizer: Callable[[], Any] | None = None
    of_weights: Callable[[dict[str, Tensor]], nn.Module] | None = None
