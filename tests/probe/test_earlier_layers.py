"""Which earlier layers a method is given: the last of each resolution."""

from __future__ import annotations

import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core import Probe
from helpers.toys import pictures


class Padded(nn.Module):
    """Stages of 16x16, 8x8 and 4x4, each of which pads its input, as TensorFlow's networks do."""

    def __init__(self) -> None:
        super().__init__()
        self.fine, self.middle, self.coarse = (
            nn.Sequential(nn.ZeroPad2d(pad), nn.Conv2d(given, 4, 2 * pad + 1, stride), nn.ReLU())
            for given, pad, stride in ((3, 1, 1), (4, 1, 2), (4, 1, 2))
        )
        self.last = nn.Sequential(nn.ZeroPad2d(2), nn.Conv2d(4, 4, 5), nn.ReLU())
        self.head = nn.Linear(4, 3)
        self.double().eval()

    def forward(self, images: Tensor) -> Tensor:
        features = self.last(self.coarse(self.middle(self.fine(images))))
        return self.head(features.mean((2, 3)))


def earlier_layers(model: nn.Module, images: Tensor, layer: str) -> list[str]:
    """The layers that a method is given for a target layer, the coarsest first."""
    names: list[str] = []

    def method(probe: Probe) -> Tensor:
        names.extend(stage.recording.layer for stage in probe.stages())
        return probe.activations.sum(1).abs()

    camkit.explain(model, images, method, 0, layer)
    return names


def test_a_padded_grid_is_no_resolution_of_its_own() -> None:
    torch.manual_seed(0)
    assert earlier_layers(Padded(), pictures(side=16), "last") == ["middle", "fine"]


class Levels(nn.Module):
    """Returns a fine and a coarse level, as the neck of a detector does."""

    def __init__(self) -> None:
        super().__init__()
        self.fine, self.coarse = nn.Conv2d(3, 4, 3, 2, 1), nn.Conv2d(4, 4, 3, 2, 1)

    def forward(self, images: Tensor) -> dict[str, list[Tensor]]:
        fine = torch.relu(self.fine(images))
        return {"levels": [fine, torch.relu(self.coarse(fine))]}


class OfLevels(nn.Module):
    """Reads both levels."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.neck, self.head = nn.Conv2d(3, 3, 3, padding=1), Levels(), nn.Linear(8, 3)
        self.double().eval()

    def forward(self, images: Tensor) -> Tensor:
        levels = self.neck(self.stem(images))["levels"]
        return self.head(torch.cat([level.mean((2, 3)) for level in levels], 1))


def test_another_tensor_that_the_layer_returns_is_not_before_it() -> None:
    torch.manual_seed(0)
    images = pictures(side=16)
    coarse = earlier_layers(OfLevels(), images, "neck['levels'][1]")
    assert coarse == ["neck.fine", "stem"]
    assert earlier_layers(OfLevels(), images, "neck['levels'][0]") == ["stem"]
