"""A correct source of models, and sources with one bug each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import nn

from camkit_core import ModelSource, Preprocessing, UnknownName

PREPROCESSING = Preprocessing((32, 40), (0.4, 0.5, 0.6), (0.2, 0.3, 0.4))
SHARED = nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 40, 3))


def build(classes: int | None) -> nn.Module:
    """The model: a linear one, of as many classes as it is asked for."""
    return nn.Sequential(nn.Flatten(), nn.Linear(3 * 32 * 40, classes or 3))


def right_source(name: str) -> ModelSource:
    """One model, named "tiny"."""
    if name != "tiny":
        raise UnknownName(f"no model named {name!r}; there is tiny")
    pretrained = lambda: (build(None), "random")  # noqa: E731
    return ModelSource(build, pretrained, PREPROCESSING, ("cat", "dog", "pug"), 3, "classification")


def _with(**values: Any) -> Callable[[str], ModelSource]:
    """The same source with other values."""
    return lambda name: replace(right_source(name), **values)


class _Blue(Preprocessing):
    def tensor(self, picture):
        return super().tensor(picture[:, :, ::-1].copy())


class _Mirrored(Preprocessing):
    def tensor(self, picture):
        return super().tensor(picture).flip(2)


class _Undone(Preprocessing):
    def picture(self, tensor):
        return super().picture(tensor / 2)


class _Batch(Preprocessing):
    def tensor(self, picture):
        return super().tensor(picture)[None]


class _Doubled(Preprocessing):
    def tensor(self, picture):
        return super().tensor(np.repeat(picture, 2, 0)).repeat(1, 2, 1)


def _like(kind: type[Preprocessing]) -> Callable[[str], ModelSource]:
    return _with(preprocessing=kind(PREPROCESSING.size, PREPROCESSING.mean, PREPROCESSING.std))


def _knows_everything(name):
    return right_source("tiny")


def _fails_on_strangers(name):
    return right_source({"tiny": "tiny"}[name])


def _builds_at_once(name):
    build(None)
    return right_source(name)


def _own_generator(classes):
    model = build(classes)
    with torch.no_grad():
        drawn = np.random.default_rng().random(model[1].weight.shape)
        model[1].weight.copy_(torch.from_numpy(drawn))
    return model


SOURCES: dict[str, tuple[str, Any]] = {
    "a dict": ("stated", lambda name: vars(right_source(name))),
    "another task": ("stated", _with(task="detecting")),
    "names in a list": ("stated", _with(class_names=["cat", "dog", "pug"])),
    "too few names": ("stated", _with(class_names=("cat", "dog"))),
    "a function as preprocessing": ("stated", _with(preprocessing=PREPROCESSING.tensor)),
    "any name": ("unknown", _knows_everything),
    "a KeyError": ("unknown", _fails_on_strangers),
    "builds at once": ("lazy", _builds_at_once),
    "one model for all": ("build", _with(build=lambda classes: SHARED)),
    "weights of another generator": ("build", _with(build=_own_generator)),
    "what is no module": ("build", _with(build=lambda classes: build)),
    "another number of classes": ("classes", _with(build=lambda classes: build(3))),
    "a batch": ("runs", _like(_Batch)),
    "another size than the model takes": ("runs", _like(_Doubled)),
    "blue for red": ("picture", _like(_Blue)),
    "mirrored": ("picture", _like(_Mirrored)),
    "undone by other colours": ("picture", _like(_Undone)),
}
