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


class Exits(Net):
    """An early exit beside the last one; the gates of a block count as a part of it."""

    def __init__(self, early: bool) -> None:
        super().__init__()
        self.late, self.early = nn.Sequential(nn.Conv2d(8, 8, 3, 2, 1), nn.ReLU()), early

    def forward(self, images: Tensor) -> Tensor:
        maps = self.maps[0](images)
        late = self.late(maps * maps.mean((2, 3), keepdim=True).sigmoid())
        first = maps.mean((2, 3)) if self.early else 0
        return self.head(first + late.mean((2, 3)))


def test_an_early_exit_is_told_with_the_layer_before_both() -> None:
    (note,) = notes(Exits(True))
    assert note.startswith("'late' holds a part")
    assert note.endswith(
        "it also reads earlier maps, on a way around it; layer='maps.0' lies before both"
    )
    assert not notes(Exits(True), layer="maps.0")
    assert notes(Exits(False)) == []


class Gated(Net):
    """A residual branch that is no layer's output, as in a WaveNet."""

    def __init__(self) -> None:
        super().__init__()
        self.branches = nn.ModuleList([nn.Conv2d(8, 16, 1) for _ in range(2)])

    def forward(self, images: Tensor) -> Tensor:
        maps = self.maps[0](images)
        for branch in self.branches:
            signal, gate = branch(maps).chunk(2, 1)
            maps = maps + signal.tanh() * gate.sigmoid()
        return self.head(maps.mean((2, 3)))


def test_maps_that_a_branch_is_added_to_are_told() -> None:
    (note,) = notes(Gated())
    assert note.startswith("'branches.1' holds a part")
    assert note.endswith("; layer='maps.0' lies before both")


class Turned(Net):
    """The mean of four turns, of which the first is none."""

    def forward(self, images: Tensor) -> Tensor:
        turns = [self.score(torch.rot90(images, turn, (2, 3))) for turn in range(4)]
        return torch.stack(turns).mean(0)


def test_where_the_last_layers_are_no_places_earlier_ones_are_tested() -> None:
    e = camkit.explain(Turned().eval(), IMAGES, target=2)
    assert e.layer == "maps.0#0"
    assert "it also reads 'maps.0#1', 'maps.0#2', 'maps.0#3'" in e.notes[0]


class Reconstruction(nn.Module):
    """How far an image is from what the network makes of it, place by place."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.maps = nn.Sequential(nn.Conv2d(3, 8, 4, 4), nn.ReLU(), nn.Conv2d(8, 8, 3, 1, 1))
        self.up = nn.ConvTranspose2d(8, 3, 4, 4)

    def forward(self, images: Tensor) -> Tensor:
        return (self.up(self.maps(images).relu()) - images).square().mean(1)


def test_images_that_are_read_beside_all_layers_are_told() -> None:
    for target in (lambda far: far.mean(), lambda far: far.amax()):
        e = camkit.explain(Reconstruction().eval(), IMAGES, target=target)
        assert any("also reads the images themselves, beside all layers" in n for n in e.notes)
    plain = nn.Sequential(*Reconstruction().maps, nn.ReLU(), nn.ConvTranspose2d(8, 3, 4, 4)).eval()
    e = camkit.explain(plain, IMAGES, target=lambda made: made.mean())
    assert not any("the images themselves" in note for note in e.notes)


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


class Stacked(Net):
    """Three heads of maps whose weights are stacked, run by `vmap`."""

    def __init__(self) -> None:
        super().__init__()
        self.heads = nn.ModuleList([nn.Conv2d(8, 8, 1) for _ in range(3)])

    def forward(self, images: Tensor) -> Tensor:
        maps, first = self.maps[0](images), self.heads[0]
        weights, _ = torch.func.stack_module_state(list(self.heads))
        run = torch.vmap(lambda own: torch.func.functional_call(first, own, (maps,)))
        return self.head(run(weights).relu().mean((0, 3, 4)))


def test_layers_inside_vmap_are_stepped_over() -> None:
    assert camkit.explain(Stacked().eval(), IMAGES, target=2).layer == "maps.0"
