"""A row as an explanation again: its map, and the picture that it was made of."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import lru_cache
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from ..errors import CamkitError
from ..inputs.models.load import LoadedModel
from ..inputs.models.preprocessing import Preprocessing
from ..loading.handed import Handed, handed_in
from ..loading.models import preprocessing_named
from ..results.explanation import Explanation
from .sources.location import location_of


def explanation_of(
    row: Mapping[str, Any],
    cam: NDArray[np.float32],
    facts: Mapping[str, Any],
    image: Any = None,
    transform: Callable[[Any], Any] | None = None,
) -> Explanation:
    """A row as an explanation of one image.

    Args:
        row: by column.
        cam: its map, (h, w).
        facts: of the data set, as its metadata has them.
        image: the picture; None for that of the source, if it is still there.
        transform: what makes the model's input of it; None for the model's own.
    """
    handed = _handed(row, facts, image, transform)
    images = torch.zeros(1, 3, *row["input_size"]) if handed is None else handed.images
    plain = _plain(row, torch.from_numpy(cam)[None], facts, images)
    return plain if handed is None else handed.explanation(plain)


def _plain(
    row: Mapping[str, Any], cam: torch.Tensor, facts: Mapping[str, Any], images: torch.Tensor
) -> Explanation:
    """The explanation, drawn on `images`."""
    category, name = row["class_index"], row["class_name"]
    sentences = facts.get("notes", {})
    names = None if category is None or name is None else {category: name}
    return Explanation(
        cam=cam,
        logits=None,
        target=[_named(name or row["target"])] if category is None else torch.tensor([category]),
        score=torch.tensor([float("nan") if row["score"] is None else row["score"]]),
        layer=row["layer"],
        method=row["method"],
        adapter=str(facts.get("adapter", "")),
        notes=tuple(sentences.get(code, code) for code in row["notes"]),
        reasons=(None if bool((cam > 0).any()) else "the map has no positive value",),
        images=images,
        class_names=cast("Sequence[str] | None", names),  # of all classes, the row's own
        provenance={"method": row["method"], "model": facts.get("model"), "image": row["id"]},
    )


def _named(name: str) -> Any:
    """A target that is no class, by what was asked."""

    def target(sample: Any) -> Any:
        raise NotImplementedError

    target.__name__ = name
    return target


def _handed(
    row: Mapping[str, Any], facts: Mapping[str, Any], image: Any, transform: Any
) -> Handed | None:
    """The picture as the model was given it; None where that cannot be had."""
    picture = location_of(row["id"], facts) if image is None else image
    if picture is None:
        return None
    model: Any = nn.Identity() if transform is not None else preparing(facts)
    return None if model is None else handed_in(model, picture, transform)


def preparing(facts: Mapping[str, Any]) -> LoadedModel | None:
    """What prepares pictures as the run did; None where the model's name does not say it."""
    name, done = facts.get("model"), facts.get("preprocessing")
    return _by_name(name, json.dumps(done)) if name and done else None


@lru_cache(8)
def _by_name(name: str, done: str) -> LoadedModel | None:
    prepared = json.loads(done)
    said = {key: tuple(prepared[key]) for key in ("size", "mean", "std") if key in prepared}
    for stated in ({}, said):
        with suppress(CamkitError):
            preprocessing = preprocessing_named(name, **stated)
            if preprocessing.record() == prepared:
                return _preparing_by(preprocessing, name)
    return None


def _preparing_by(preprocessing: Preprocessing, name: str) -> LoadedModel:
    tensor, picture = preprocessing.tensor, preprocessing.picture
    record = preprocessing.record()
    return LoadedModel(nn.Identity(), tensor, picture, None, name, "", prepared=record)
