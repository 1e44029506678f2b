"""What is answered of models that find boxes, read texts, or give masks."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from camkit_core.inputs.models.load import LoadedModel
from camkit_core.studio.application import Studio
from camkit_core.studio.explainer import Explainer
from camkit_core.studio.question import Question
from helpers.studios import studio_of, tiny_model

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")
Begin = Callable[..., Explainer]


def of_task(model: nn.Module, **changed: Any) -> LoadedModel:
    """A model with the tiny classifier's preprocessing."""
    return replace(tiny_model(), model=model.eval(), class_names=None, **changed)


@pytest.fixture
def explainer(folder: Path) -> Begin:
    """Makes what answers for a model, about the photos of the folder."""

    def made(loaded: LoadedModel) -> Explainer:
        studio: Studio = studio_of(loaded, sorted(folder.iterdir()), folder)
        return studio.explainer

    return made


def first(explainer: Explainer) -> str:
    return next(iter(explainer.photos.given))


class Finder(nn.Module):
    """A segmenter of three classes: what is red, green and blue, at half the size."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 6, 3, 2, 1), nn.ReLU(), nn.Conv2d(6, 6, 3, 1, 1))
        self.head = nn.Conv2d(6, 3, 1)

    def forward(self, images: torch.Tensor) -> dict[str, torch.Tensor]:
        return {"out": self.head(self.body(images).relu())}


def yolo() -> LoadedModel:
    pytest.importorskip("ultralytics")
    from helpers.planted.yolo import planted_yolo

    return of_task(planted_yolo(), task="detection")


def test_a_detectors_best_boxes_are_bars_and_can_be_explained(explainer):
    asks = explainer(yolo())
    asks.warm_up()
    answer = asks.answer(Question(first(asks)))
    assert answer["boxes"]
    assert [each["target"] for each in answer["best"]][:2] == [":0", ":1"]
    second = asks.answer(Question(first(asks), target=":1"))
    assert second["score"] == pytest.approx(answer["best"][1]["score"], abs=1e-3)
    assert "boxes" in asks.programs(Question(first(asks)))["python"]
    command = asks.programs(Question(first(asks)))["command"]
    assert command.endswith("--target :0 --boxes\n")


@pytest.fixture
def words(explainer) -> Explainer:
    """Answers for a small model of texts and images."""
    pytest.importorskip("transformers")
    from helpers.text_image import built, tokenizer

    return explainer(of_task(built("clip", 32), task="text-image", tokenizer=tokenizer))


def test_a_model_of_texts_explains_one_word_and_several(words):
    key = first(words)
    dog, car = (words.answer(Question(key, target=text)) for text in ("dog", "a red car"))
    assert (dog["class"], car["class"]) == ("dog", "a red car")
    assert dog["grid"]["values"] != car["grid"]["values"]
    assert dog["best"] == []  # it has no classes


def test_words_for_a_model_of_texts_are_texts_in_the_copied_command(words):
    asked = Question(first(words), target="dog", minus="a red car")
    assert words.programs(asked)["command"].endswith("--text dog --text 'a red car'\n")


def test_a_model_of_texts_is_told_what_to_look_for_and_not_warmed_up(words):
    words.warm_up()
    with pytest.raises(ValueError, match="text"):
        words.answer(Question(first(words)))


def test_a_segmenter_explains_the_mask_of_a_class(explainer):
    loaded = replace(of_task(Finder(), task="segmentation"), class_names=("red", "green", "blue"))
    asks = explainer(loaded)
    asks.warm_up()
    answer = asks.answer(Question(first(asks), target="blue"))
    assert answer["class"] == "blue"
    assert np.isfinite(answer["score"])
    assert answer["grid"]["rows"] == 16
    judged = asks.trust(Question(first(asks), target="blue"))
    assert {metric["name"] for metric in judged["metrics"]} == {"sensitivity", "area"}
