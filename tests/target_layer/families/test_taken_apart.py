"""Maps whose axes calls take apart and join again: channels shuffled, cells laid into channels.

And maps that calls write into, by themselves or by a view of theirs.
"""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import channel_shuffle, pad, pixel_shuffle, pixel_unshuffle

import camkit_core as camkit
from camkit_core.forward.counting import counting
from helpers.families.family import drawn

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")
IMAGES = drawn(2, 3, 32, 32)

Change = Callable[[Tensor], Tensor]


class Net(nn.Module):
    """Maps of 16x16, changed, and one more layer."""

    def __init__(self, change: Change, padding: int = 0) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed, self.change, self.padding = nn.Conv2d(3, 8, 2, 2), change, padding
        channels = change(torch.zeros(1, 8, 16, 16)).shape[1]
        self.last, self.head = nn.Conv2d(channels, 6, 3, padding=1), nn.Linear(6, 5)

    def forward(self, images: Tensor) -> Tensor:
        maps = torch.relu(self.embed(pad(images, [self.padding] * 4)))
        return self.head(torch.relu(self.last(self.change(maps))).mean((2, 3)))


def shuffled(maps: Tensor) -> Tensor:
    """As ShuffleNet of torchvision shuffles channels."""
    n, c, h, w = maps.shape
    return maps.view(n, 2, c // 2, h, w).transpose(1, 2).contiguous().view(n, c, h, w)


def cells(maps: Tensor) -> Tensor:
    """As TResNet lays the places of a cell into channels."""
    n, c, h, w = maps.shape
    apart = maps.view(n, c, h // 2, 2, w // 2, 2).permute(0, 1, 3, 5, 2, 4)
    return apart.reshape(n, 4 * c, h // 2, w // 2)


def finer(maps: Tensor) -> Tensor:
    """Channels become places of a cell."""
    n, c, h, w = maps.shape
    return maps.view(n, c // 4, 2, 2, h, w).permute(0, 1, 4, 2, 5, 3).reshape(n, c // 4, 2 * h, -1)


def turned(maps: Tensor) -> Tensor:
    """Rows become columns."""
    return maps.unflatten(1, (2, 4)).transpose(3, 4).flatten(1, 2)


def torn(maps: Tensor) -> Tensor:
    """Each position holds places of four corners of the image."""
    n, c, h, w = maps.shape
    apart = maps.view(n, c, 2, h // 2, 2, w // 2).permute(0, 1, 2, 4, 3, 5)
    return apart.reshape(n, 4 * c, h // 2, w // 2)


def written(maps: Tensor) -> Tensor:
    """What is taken apart gets other values before it is joined."""
    n, c, h, w = maps.shape
    apart = maps.clone().view(n, 2, c // 2, h, w)
    apart[:, :] = maps.flip(3).view(n, 2, c // 2, h, w)
    return apart.transpose(1, 2).contiguous().view(n, c, h, w)


def written_through(maps: Tensor) -> Tensor:
    """The same, by a view of what is taken apart."""
    n, c, h, w = maps.shape
    apart = maps.clone().view(n, 2, c // 2, h, w)
    apart[:, :, :].copy_(maps.flip(3).view(n, 2, c // 2, h, w))
    return apart.transpose(1, 2).contiguous().view(n, c, h, w)


def through_a_view(maps: Tensor) -> Tensor:
    """Half of the channels are mirrored, by a write into a view of them."""
    maps = maps.clone()
    maps[:, :4].copy_(maps[:, :4].flip(3).clone())
    return maps


def through_other_axes(maps: Tensor) -> Tensor:
    """The same of all channels, by a view whose axes are taken apart."""
    maps = maps.clone()
    maps.unflatten(1, (2, 4))[:, :] = maps.flip(3).unflatten(1, (2, 4))
    return maps


SAME: dict[str, tuple[Change, Change]] = {
    "shuffled": (shuffled, lambda maps: channel_shuffle(maps, 2)),
    "by names": (
        lambda maps: maps.unflatten(1, (4, 2)).movedim(2, 1).flatten(1, 2),
        lambda maps: channel_shuffle(maps, 4),
    ),
    "cells": (cells, lambda maps: pixel_unshuffle(maps, 2)),
    "finer": (finer, lambda maps: pixel_shuffle(maps, 2)),
}


@pytest.mark.parametrize("name", SAME)
def test_the_calls_are_proof_enough(name: str) -> None:
    """No image is disturbed: the search runs one image, as where torch has a call for the same."""
    change, torchs = SAME[name]
    model, plain = Net(change).eval(), Net(torchs).eval()
    with counting() as counts:
        e = camkit.explain(model, IMAGES, target=2)
    expected = camkit.explain(plain, IMAGES, target=2)
    assert (e.layer, e.adapter, counts["search"]) == (expected.layer, expected.adapter, 1)
    assert torch.equal(e.cam, expected.cam)
    assert torch.equal(camkit.explain(model, IMAGES, target=2, layer=e.layer).cam, e.cam)


@pytest.mark.parametrize("name", SAME)
def test_what_the_model_pads_is_known_behind_them(name: str) -> None:
    change, torchs = SAME[name]
    e = camkit.explain(Net(change, padding=8).eval(), IMAGES, target=2)
    expected = camkit.explain(Net(torchs, padding=8).eval(), IMAGES, target=2)
    assert "over the image" in e.adapter
    assert (e.layer, e.adapter) == (expected.layer, expected.adapter)
    assert torch.equal(e.cam, expected.cam)


MOVED = (turned, torn, written, written_through, through_a_view, through_other_axes)


@pytest.mark.parametrize("change", MOVED, ids=lambda change: change.__name__)
def test_places_that_move_are_no_maps_as_they_were(change: Change) -> None:
    found = camkit.layers(Net(change).eval(), IMAGES, 2)
    first, last = found.rows
    assert (first.chosen, first.places) == (True, None)
    assert last.places is not None
    assert last.reason.startswith("(c)")
