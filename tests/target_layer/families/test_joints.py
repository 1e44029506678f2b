"""Branches that `forward` joins with other maps, and maps that only weigh others."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from helpers.families.family import drawn

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")


class Net(nn.Module):
    """Maps, and two further layers that a subclass joins; the result goes through `maps`."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.a, self.b = nn.Conv2d(3, 8, 4, 4), *(nn.Conv2d(8, 8, 1) for _ in "ab")
        self.narrow, self.maps, self.head = nn.Conv2d(8, 1, 1), nn.Identity(), nn.Linear(8, 5)

    def join(self, maps: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, images: Tensor) -> Tensor:
        x = self.join(torch.relu(self.conv(images)))
        return self.head(self.maps(x).flatten(2).mean(2))


class Residual(Net):
    def join(self, maps: Tensor) -> Tensor:
        return torch.relu(maps + self.b(self.a(maps)))


class InPlace(Net):
    def join(self, maps: Tensor) -> Tensor:
        out = self.b(maps)
        out += self.a(maps)
        return out.relu_()


class Larger(Net):
    def join(self, maps: Tensor) -> Tensor:
        return torch.maximum(self.a(maps), self.b(maps))


class Gated(Net):
    def join(self, maps: Tensor) -> Tensor:
        return self.a(maps) * torch.sigmoid(self.b(maps))


def unnamed(model: Net) -> Net:
    """The same model, without a name for what it reads at last."""
    del model.maps
    model.maps = lambda x: x  # type: ignore[assignment]
    return model.eval()


@pytest.mark.parametrize(
    ("build", "layer"),
    [
        (Residual, "b > add > relu"),
        (InPlace, "a > add_ > relu_"),
        (Larger, "b > maximum"),
        (Gated, "b > sigmoid > mul"),
    ],
)
def test_a_branch_is_explained_joined_with_the_rest(build: type[Net], layer: str) -> None:
    images = drawn(2, 3, 32, 32)
    e = camkit.explain(unnamed(build()), images, "xgradcam", 2)
    assert e.layer == layer
    assert torch.equal(e.cam, camkit.explain(build().eval(), images, "xgradcam", 2, "maps").cam)
    assert torch.equal(e.cam, camkit.explain(unnamed(build()), images, "xgradcam", 2, e.layer).cam)


class Gate(Net):
    """One number for each place says how much it counts."""

    def join(self, maps: Tensor) -> Tensor:
        return maps * self.narrow(maps).sigmoid()


class Pooling(Net):
    """Attention over places, as in learning from bags."""

    def join(self, maps: Tensor) -> Tensor:
        weights = (torch.tanh(self.a(maps)) * torch.sigmoid(self.b(maps))).mean(1, keepdim=True)
        return (maps * weights.flatten(2).softmax(2).view_as(weights)).sum((2, 3), keepdim=True)


class Clusters(Net):
    """Each place belongs to clusters, whose means are read."""

    def join(self, maps: Tensor) -> Tensor:
        belongs = self.a(maps).flatten(2).sigmoid()
        return torch.einsum("nkp,ncp->nck", belongs, maps.flatten(2))


@pytest.mark.parametrize("build", [Gate, Pooling, Clusters])
def test_what_only_weighs_other_maps_is_stepped_over(build: type[Net]) -> None:
    model, images = unnamed(build()), drawn(1, 3, 32, 32)
    assert camkit.explain(model, images, target=2).layer == "conv > relu"
    reasons = {layer.name: layer.reason for layer in camkit.layers(model, images, 2)}
    assert "(b) it only weighs other maps, which the score reads" in reasons.values()


class Features(Net):
    """Returns its maps, as a backbone does; the last branch begins at zero, as it is trained."""

    def __init__(self) -> None:
        super().__init__()
        nn.init.zeros_(self.b.weight)

    def forward(self, images: Tensor) -> Tensor:
        x = torch.relu(self.conv(images))
        y = self.a(x)
        return self.maps(torch.relu(y + self.b(y)))


def test_a_branch_of_maps_that_are_the_answer_is_none_of_their_reasons() -> None:
    e = camkit.explain(Features().eval(), drawn(1, 3, 32, 32), target=lambda maps: maps.norm())
    assert e.layer == "a"


class Best(Net):
    """The ten best places of each channel are read."""

    def forward(self, images: Tensor) -> Tensor:
        x = torch.relu(self.a(torch.relu(self.conv(images))))
        return self.head(x.flatten(2).topk(10, 2).values.mean(2))


def test_maps_of_which_the_best_places_are_read_are_explained() -> None:
    assert camkit.explain(Best().eval(), drawn(1, 3, 32, 32), target=2).layer == "a > relu"


class Permuted(Net):
    """Places in another order, in the shape of maps in which they are in theirs."""

    def join(self, maps: Tensor) -> Tensor:
        order = torch.randperm(64, generator=torch.Generator().manual_seed(1))
        mixed = (self.a(maps).flatten(2) @ torch.eye(64)[order]).view_as(maps)
        return torch.relu(self.b(mixed.to(maps)))


def test_the_shape_of_maps_says_nothing_of_where_places_lie() -> None:
    e = camkit.explain(Permuted().eval(), drawn(1, 3, 32, 32), target=2)
    assert e.layer == "a"
