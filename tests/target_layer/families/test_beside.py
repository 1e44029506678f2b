"""Scores that are made of several parts: what the chosen layer leaves out is said."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from helpers.families.family import drawn

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")
IMAGES = drawn(1, 3, 32, 32)


class Net(nn.Module):
    def __init__(self, members: int = 1) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.maps = nn.ModuleList(
            nn.Sequential(nn.Conv2d(3, 8, 4, 4), nn.ReLU()) for _ in range(members)
        )
        self.head = nn.Linear(8, 5)

    def score(self, images: Tensor, member: int = 0) -> Tensor:
        return self.head(self.maps[member](images).mean((2, 3)))

    def forward(self, images: Tensor) -> Tensor:
        return sum(self.score(images, at) for at in range(len(self.maps)))  # type: ignore[return-value]


class Crops(Net):
    def forward(self, images: Tensor) -> Tensor:
        return self.score(images[..., :24, :24]) + self.score(images[..., 8:, 8:])


class Mirrored(Net):
    def forward(self, images: Tensor) -> Tensor:
        return self.score(images.flip(-1)) + self.score(images)


def notes(model: nn.Module, **settings: Any) -> list[str]:
    e = camkit.explain(model.eval(), IMAGES, target=2, **settings)
    return [note for note in e.notes if "a part of what the score reads" in note]


@pytest.mark.parametrize(
    ("build", "left_out"), [(lambda: Net(3), "'maps.0', 'maps.1'"), (Crops, "'maps.0#0'")]
)
def test_what_is_left_out_is_named_and_explained_as_the_note_says(
    build: Any, left_out: str
) -> None:
    (note,) = notes(build())
    assert f"it also reads {left_out}, which this map leaves out" in note
    found = re.search(r"layer=(\[.*\])", note)
    assert found is not None
    assert not notes(build(), layer=eval(found[1]))


def test_a_mirrored_view_is_no_layer_to_be_named() -> None:
    (note,) = notes(Mirrored())
    assert "it also reads 'maps.0#0', which this map leaves out" in note
    assert "layer=" not in note


def test_a_plain_network_has_no_parts() -> None:
    assert notes(Net()) == []


class Prompted(nn.Module):
    """Three masks for each of two prompts: products of the prompts' vectors with features."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.encoder = nn.Sequential(nn.Conv2d(3, 8, 4, 4), nn.ReLU(), nn.Conv2d(8, 8, 3, 1, 1))
        self.up, self.prompts = nn.ConvTranspose2d(8, 4, 2, 2), nn.Embedding(6, 4)

    def forward(self, images: Tensor) -> Tensor:
        x = self.encoder(images)
        features = self.up(torch.relu(x))
        weights = self.prompts.weight + x.mean((1, 2, 3))[:, None, None]
        masks = weights @ features.flatten(2)
        return masks.view(len(images), 2, 3, *features.shape[2:])


def test_masks_of_several_prompts_are_the_answer_as_masks_are() -> None:
    e = camkit.explain(Prompted().eval(), IMAGES, target=lambda masks: masks[1, 2].mean())
    assert e.layer == "encoder"
