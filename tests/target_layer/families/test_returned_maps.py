"""Models that return a map over the image: the map is not explained by itself."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

import camkit_core as camkit
from helpers.families.family import drawn

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")
IMAGES = drawn(1, 3, 32, 32)

RETURNED: dict[str, Callable[[Tensor], Tensor]] = {
    "an axis left out": lambda depth: depth.squeeze(1),
    "its only channel": lambda depth: depth[:, 0],
    "enlarged, and positive": lambda depth: F.interpolate(depth, scale_factor=4.0).squeeze(1).exp(),
    "scaled": lambda depth: (10 * torch.sigmoid(depth)).squeeze(1),
    "flat": lambda depth: depth.flatten(1),
    "a distribution over places": lambda depth: depth.flatten(1).softmax(1).view(-1, 8, 8),
}


class Depth(nn.Module):
    """A number for each place, read off the last maps by a 1x1 convolution."""

    def __init__(self, returned: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.maps = nn.Sequential(nn.Conv2d(3, 8, 4, 4), nn.ReLU())
        self.last = nn.Sequential(nn.Conv2d(8, 8, 3, padding=1), nn.ReLU())
        self.out, self.returned = nn.Conv2d(8, 1, 1), returned

    def forward(self, images: Tensor) -> Tensor:
        return self.returned(self.out(self.last(self.maps(images))))


@pytest.mark.parametrize("name", RETURNED)
def test_a_map_without_an_axis_of_channels_is_the_answer(name: str) -> None:
    model = Depth(RETURNED[name]).eval()
    e = camkit.explain(model, IMAGES, target=lambda depth: depth.square().mean())
    assert e.layer == "maps"
    reasons = {row.name: row.reason for row in camkit.layers(model, IMAGES, e.target[0])}
    assert reasons["last"].startswith("(d) the answer is read off it")


def test_a_map_after_an_activation_is_the_answer_and_what_the_activation_bends_is_not() -> None:
    model = Depth(lambda depth: torch.relu(depth).squeeze(dim=1)).eval()
    nn.init.constant_(model.out.bias, 5.0)
    assert camkit.explain(model, IMAGES, target=lambda depth: depth.mean()).layer == "last"


def test_a_map_that_is_pooled_for_one_score_is_none() -> None:
    model = Depth(lambda depth: depth.mean((2, 3))).eval()
    assert camkit.explain(model, IMAGES, target=1).layer == "last"


REDUCED: dict[str, Callable[[Tensor], Tensor]] = {
    "mean": lambda maps: maps.mean(1),
    "kept axis": lambda maps: maps.amax(1, keepdim=True),
    "best class": lambda maps: maps.softmax(1).max(1).values,
    "norm": lambda maps: maps.norm(dim=1),
    "enlarged": lambda maps: F.interpolate(maps.std(1, keepdim=True), size=(32, 32)).squeeze(1),
    "flat": lambda maps: maps.logsumexp(1).flatten(1),
    "entropy": lambda maps: -(maps.softmax(1) * maps.log_softmax(1)).sum(1),
    "few of a bank": lambda maps: torch.cdist(maps.flatten(2).mT, BANK).amin(-1).view(-1, 8, 8),
    "of normalised": lambda maps: (F.normalize(maps, dim=1) - BANK[:, 0, :, None, None]).norm(
        dim=1
    ),
    "smoothed": lambda maps: F.conv2d(maps.norm(dim=1, keepdim=True), torch.ones(1, 1, 3, 3)),
    "by hand": lambda maps: maps.square().sum(1).sqrt(),
}
BANK = drawn(1, 4, 8, seed=3)


@pytest.mark.parametrize("name", REDUCED)
@pytest.mark.parametrize("out", [nn.Conv2d(8, 8, 1), nn.Identity()])
def test_what_a_number_for_each_place_is_made_of_is_the_answer(name: str, out: nn.Module) -> None:
    model = Depth(REDUCED[name])
    model.out = out
    e = camkit.explain(model.eval(), IMAGES, target=lambda maps: maps.square().mean())
    # A square, or what normalises, comes between.
    bent = name in ("by hand", "of normalised") and isinstance(out, nn.Conv2d)
    assert e.layer == ("last" if bent else "maps")


def test_the_length_by_which_features_are_divided_is_no_answer() -> None:
    unit = lambda maps: (maps / maps.norm(dim=1, keepdim=True)).flatten(2).mT[:, 0]  # noqa: E731
    model = Depth(unit)
    model.out = nn.Conv2d(8, 8, 1)
    rows = camkit.layers(model.eval(), IMAGES, lambda features: features[:4].sum())
    assert not any(row.reason.startswith("(d)") for row in rows)


def test_returned_tokens_are_an_answer_as_maps_are_where_no_call_says_how_they_lie() -> None:
    model = Depth(lambda maps: torch.einsum("nchw->nhwc", maps).flatten(1, 2)).eval()
    model.out = nn.Conv2d(8, 8, 1)
    e = camkit.explain(model, IMAGES, target=lambda tokens: tokens[:, 1].mean())
    assert e.layer == "maps"


def test_the_best_place_of_the_best_class_is_one_score_and_no_map() -> None:
    model = Depth(lambda maps: torch.stack([maps.amax((2, 3)).amax(1), maps.mean((1, 2, 3))], 1))
    assert camkit.explain(model.eval(), IMAGES, target=1).layer == "out"


def test_a_model_that_is_all_answer_is_refused_and_the_advice_can_be_followed() -> None:
    model, target = nn.Sequential(nn.Conv2d(3, 8, 4, 4), nn.Conv2d(8, 4, 1)).eval(), asked
    with pytest.raises(camkit.NoAdapter, match="Pass layer='0' for the earliest all the same"):
        camkit.explain(model, IMAGES, target=target)
    assert camkit.explain(model, IMAGES, target=target, layer="0").cam.shape == (1, 8, 8)


class Masks(nn.Module):
    """Queries ask the coarse maps, and a mask is how alike each fine place is to a query."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.fine = nn.Sequential(nn.Conv2d(3, 8, 2, 2), nn.ReLU())
        self.coarse = nn.Sequential(nn.Conv2d(8, 8, 4, 4), nn.ReLU())
        self.asked, self.pixels = nn.Conv2d(8, 8, 1), nn.Conv2d(8, 8, 1)
        self.queries = nn.Parameter(torch.randn(1, 5, 8))

    def forward(self, images: Tensor) -> Tensor:
        fine = self.fine(images)
        coarse = self.coarse(fine)
        tokens = self.asked(coarse).flatten(2).mT
        queries = F.scaled_dot_product_attention(self.queries, tokens, tokens)
        pixels = self.pixels(fine + F.interpolate(coarse, scale_factor=4.0)).tanh()
        return torch.einsum("nqc,nchw->nqhw", queries, pixels)


def asked(masks: Tensor) -> Tensor:
    return masks[1].mean()


def test_what_says_which_places_a_mask_holds_is_stepped_over() -> None:
    assert camkit.explain(Masks().eval(), IMAGES, target=asked).layer == "coarse"


class Pyramid(Masks):
    """Masks of fine and coarse maps, each through a layer of its own."""

    def __init__(self) -> None:
        super().__init__()
        self.out = nn.Conv2d(8, 5, 3, padding=1)

    def forward(self, images: Tensor) -> Tensor:
        fine = self.fine(images)
        own = self.pixels(fine), self.asked(self.coarse(fine))
        return self.out(torch.relu(own[0] + F.interpolate(own[1], scale_factor=4.0)))


def test_finer_maps_beside_the_coarsest_are_named_and_explained_together() -> None:
    e = camkit.explain(Pyramid().eval(), IMAGES, target=asked)
    (note,) = (note for note in e.notes if "a part of what the score reads" in note)
    assert e.layer == "asked"
    found = re.search(r"layer=(\[.*\])", note)
    assert found is not None
    assert found[1] == "['pixels', 'asked']"
    together = camkit.explain(Pyramid().eval(), IMAGES, target=asked, layer=eval(found[1]))
    assert together.cam.shape == (1, 16, 16)
