"""Ablation-CAM with a limit on channels: those that vary the most, and no weight for the others."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core import Probe
from helpers.small_nets import Net

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")


class Squares(nn.Module):
    """Scores that are not affine in the layer, the images themselves."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        means = self.layer(images).square().mean((2, 3))
        return torch.stack([means @ torch.tensor([1.0, 2, 3, 4]).to(means), means.sum(1)], 1)


def images() -> Tensor:
    images = torch.rand(2, 4, 6, 6, dtype=torch.float64, generator=torch.manual_seed(0))
    return images * torch.tensor([[1.0, 3, 0.1, 2], [2, 0.1, 3, 1]])[:, :, None, None]


def test_each_image_has_its_own_channels_and_the_drop_is_that_of_all() -> None:
    """Without channel k the score of class 0 drops by (k + 1) times the channel's mean square."""
    x = images()
    e = camkit.explain(Squares(), x, "ablationcam", 0, "layer", max_channels=2)
    drops = x.square().mean((2, 3)) * torch.arange(1, 5)
    chosen = torch.tensor([[0.0, 1, 0, 1], [1, 0, 1, 0]])
    by_hand = (chosen * drops)[:, :, None, None] * x
    torch.testing.assert_close(e.cam, by_hand.sum(1))
    assert any("ablated 2 of 4 channels, which hold 9" in note for note in e.notes)


@pytest.mark.parametrize("fill", [0.0, "mean"])
def test_the_scores_of_few_are_those_of_all(net: Net, fill: Any) -> None:
    pairs = []

    def compares(probe: Probe) -> Tensor:
        few = torch.tensor([[3, 0], [1, 2], [2, 5]])
        every = probe.ablated_scores(fill).gather(1, few)
        pairs.append((probe.ablated_scores(fill, few), every))
        return probe.activations.sum(1)

    camkit.explain(net.model, net.images, compares, lambda output: output[1].square())
    torch.testing.assert_close(*pairs[0])
