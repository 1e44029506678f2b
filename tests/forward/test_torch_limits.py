"""What torch gets wrong, and camkit puts right."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit


class Tokens(nn.Module):
    """A batch norm whose output becomes tokens; each class is a channel at the first place."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.norm = nn.Conv2d(3, 6, 1), nn.BatchNorm2d(6)

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.norm(self.layer(images)).flatten(2).transpose(1, 2)
        return tokens.contiguous()[:, 0]


class Sound(nn.Module):
    """Adds the axis of channels itself, as models of sound do."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.head = nn.Conv2d(1, 4, 3), nn.Linear(4, 3)

    def forward(self, sound: Tensor) -> Tensor:
        return self.head(self.layer(sound[:, None]).mean((2, 3)))


class Wrapped(nn.Module):
    """As the message advises."""

    def __init__(self) -> None:
        super().__init__()
        self.model = Sound()

    def forward(self, images: Tensor) -> Tensor:
        return self.model(images[:, 0])


def test_a_model_that_adds_the_axis_of_channels_is_told_how_it_is_given() -> None:
    sound = torch.randn(2, 8, 9)
    with pytest.raises(camkit.InputError, match=r"return self\.model\(images\[:, 0\]\)"):
        camkit.explain(Sound().eval(), sound, target=1)
    e = camkit.explain(Wrapped().eval(), sound[:, None], target=1)
    assert (e.layer, e.heatmap.shape) == ("model.layer", (2, 8, 9))


def test_the_gradient_of_a_single_image_is_that_of_two() -> None:
    """On a CPU, torch 2.14 mixes up what goes back through a batch norm of one image."""
    torch.manual_seed(0)
    model, image = Tokens().eval(), torch.randn(1, 3, 4, 5)
    one = camkit.explain(model, image, "hirescam", 3, layer="layer")
    of_two = camkit.compare(model, image, ["hirescam"], [3, 4], layer="layer")
    two = camkit.explain(model, image.expand(2, -1, -1, -1), "hirescam", 3, layer="layer")
    torch.testing.assert_close(one.cam[0], two.cam[0])
    torch.testing.assert_close(of_two[0, 0].cam, one.cam)
    assert float(one.cam[0, 0, 0].detach().abs()) > 0


class Flat(nn.Module):
    """Its weights are views of one tensor, which it writes to, as sharded weights are."""

    def __init__(self) -> None:
        super().__init__()
        self.layer, self.weights = nn.Conv2d(3, 4, 3), nn.Parameter(torch.randn(6, 4))

    def forward(self, images: Tensor) -> Tensor:
        flat = self.weights.clone()
        first, _ = flat.split(3)
        flat.mul_(1)
        return nn.functional.linear(self.layer(images).mean((2, 3)), first)


def test_weights_that_are_written_to_are_told_of_as_those_of_sharded_models() -> None:
    with pytest.raises(camkit.RunError, match=r"use_orig_params=False\) or fully_shard\(\.\.\.\)"):
        camkit.explain(Flat().eval(), torch.randn(2, 3, 8, 8), target=1)
