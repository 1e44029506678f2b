"""Tensors that have the shape of a map over the image, and are none: stepped over, or refused."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

import camkit_core as camkit
from helpers.families.family import drawn
from helpers.families.traps import TRAPS, Gram, Hidden, InPlace, Net, Shuffled, Turned, unseen

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")

every_trap = pytest.mark.parametrize("name", TRAPS)


@every_trap
def test_the_last_layer_that_shows_the_image_is_explained(name: str) -> None:
    build, inputs, target, layer = TRAPS[name]
    assert camkit.explain(build(), inputs, target=target).layer == layer


@every_trap
def test_its_name_gives_the_same_map_to_the_last_bit(name: str) -> None:
    build, inputs, target, layer = TRAPS[name]
    alone = camkit.explain(build(), inputs, target=target)
    assert torch.equal(camkit.explain(build(), inputs, target=target, layer=layer).cam, alone.cam)


@pytest.mark.parametrize("trap", [Shuffled, Turned, Gram, Hidden])
def test_where_nothing_else_is_there_it_is_refused(trap: type) -> None:
    with pytest.raises(camkit.NoAdapter, match=r"trap .*\(c\) its positions are no places"):
        camkit.explain(unseen(trap), drawn(2, 3, 32, 32), target=2)


def test_the_same_without_a_trap_is_explained() -> None:
    """What is refused above is refused for the trap alone."""
    explanation = camkit.explain(unseen(Net), drawn(2, 3, 32, 32), target=2)
    assert (explanation.layer, explanation.cam.shape) == ("trap", (2, 8, 8))


def test_named_with_a_reshape_it_is_explained_as_its_maps_are() -> None:
    """The advice of the refusal: a layer, and a reshape where it is no grid."""
    images = drawn(2, 3, 32, 32)
    with pytest.raises(camkit.NoAdapter, match=r"Pass layer= .* reshape_transform="):
        camkit.explain(unseen(Turned), images, target=2)
    maps = camkit.explain(Turned().eval(), images, target=2, layer="act").cam
    turned = camkit.explain(unseen(Turned), images, "gradcam", 2, "trap", lambda x: x.mT.mT)
    back = camkit.explain(
        unseen(Turned), images, "gradcam", 2, "trap", lambda x: x.permute(0, 2, 1, 3)
    )
    torch.testing.assert_close(back.cam, maps)
    assert not torch.allclose(turned.cam, maps)


class Handed(InPlace):
    """Its maps go through a module, as the refusal says."""

    def __init__(self) -> None:
        super().__init__()
        self.maps = nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        x = F.relu_(self.conv(images))
        x = self.maps(x)
        return self.head(x.mean((2, 3)))


def test_maps_that_no_module_returns_can_be_handed_through_one() -> None:
    images = drawn(2, 3, 32, 32)
    with pytest.raises(camkit.NoAdapter, match=r"x = self.maps\(x\), and pass layer='maps'"):
        camkit.explain(unseen(InPlace), images, target=2)
    maps = camkit.explain(unseen(Handed), images, target=2, layer="maps").cam
    assert torch.equal(maps, camkit.explain(InPlace().eval(), images, target=2).cam)
