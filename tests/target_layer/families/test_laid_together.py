"""Parts of the image that lie apart and are laid together: what comes of them is no map of it."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

import camkit_core as camkit
from helpers.families.family import drawn

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")
IMAGES = drawn(1, 3, 32, 32)


class Net(nn.Module):
    """Maps of the image, and what a subclass lays together of them."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.maps = nn.Sequential(nn.Conv2d(3, 8, 4, 4), nn.ReLU())
        self.wide, self.late = nn.Conv2d(16, 8, 1), nn.Sequential(nn.Conv2d(8, 8, 1), nn.ReLU())
        self.head = nn.Linear(8, 5)

    def lay(self, maps: Tensor) -> Tensor:
        raise NotImplementedError

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.late(self.lay(self.maps(images))).mean((2, 3)))


class Quarters(Net):
    """The sum of the four quarters."""

    def lay(self, maps: Tensor) -> Tensor:
        left, right = maps[..., :4], maps[..., 4:]
        return left[..., :4, :] + left[..., 4:, :] + right[..., :4, :] + right[..., 4:, :]


class Halves(Net):
    """The halves as channels."""

    def lay(self, maps: Tensor) -> Tensor:
        return self.wide(torch.cat([maps[:, :, :4], maps[:, :, 4:]], 1))


class Mirrored(Net):
    """How far the left side is from the right one."""

    def lay(self, maps: Tensor) -> Tensor:
        return (maps - maps.flip(-1)).abs()


@pytest.mark.parametrize("build", [Quarters, Halves, Mirrored])
def test_what_is_laid_together_is_explained_before_it_is(build: type[Net]) -> None:
    model = build().eval()
    assert camkit.explain(model, IMAGES, target=2).layer == "maps"
    reasons = {row.name: row.reason for row in camkit.layers(model, IMAGES, 2)}
    assert reasons.get("late", "(c)").startswith("(c)")


class Twice(Net):
    """Mirrored, and mirrored back."""

    def lay(self, maps: Tensor) -> Tensor:
        return maps + torch.relu(self.late(maps.flip(-1))).flip(-1)


class Unpadded(Net):
    """A U-Net without padding: fine maps lose their margin before coarse ones are joined."""

    def lay(self, maps: Tensor) -> Tensor:
        coarse = F.interpolate(F.avg_pool2d(maps, 2), scale_factor=2.0)
        return self.wide(torch.cat([maps[..., 1:-1, 1:-1], coarse[..., 1:-1, 1:-1]], 1))


class Joined(Net):
    """The inner three quarters, joined with all of it."""

    def lay(self, maps: Tensor) -> Tensor:
        inner = F.interpolate(maps[..., 1:-1, 1:-1], size=maps.shape[2:])
        return self.wide(torch.cat([maps, inner], 1))


@pytest.mark.parametrize("build", [Twice, Unpadded, Joined])
def test_what_lies_together_is_explained_as_it_is(build: type[Net]) -> None:
    names = {Twice: "late#1", Unpadded: "late", Joined: "late"}
    assert camkit.explain(build().eval(), IMAGES, target=2).layer == names[build]


class Written(Net):
    """The halves change places, by writing them into a tensor of zeros."""

    def __init__(self) -> None:
        super().__init__()
        self.seen = nn.Identity()

    def lay(self, maps: Tensor) -> Tensor:
        other = torch.zeros_like(maps)
        other[:, :, 4:], other[:, :, :4] = maps[:, :, :4], maps[:, :, 4:]
        return self.seen(other)


def test_what_is_written_into_a_tensor_is_made_of_what_is_written() -> None:
    e = camkit.explain(Written().eval(), IMAGES, target=2)
    assert e.layer == "maps"
    assert not any("a part of what the score reads" in note for note in e.notes)
