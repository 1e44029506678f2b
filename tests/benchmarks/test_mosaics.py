"""The tool that measures heatmaps on mosaics of photos."""

from __future__ import annotations

import pytest
import torch
from mosaics import PHOTOS, SIDE, mosaics, network, separated, share


def test_each_photo_stands_in_its_quarter() -> None:
    mosaic = mosaics()
    names, pixels = mosaic[0]
    assert len(mosaic) == 10
    assert torch.equal(pixels[:, SIDE:, :SIDE], dict(mosaic)[names[::-1]][:, :SIDE, SIDE:])
    assert pixels.shape == (3, 2 * SIDE, 2 * SIDE)


@pytest.mark.parametrize("place", range(4))
def test_the_share_is_that_of_one_quarter(place: int) -> None:
    heat = torch.zeros(4, 4)
    heat[2 * (place // 2), 2 * (place % 2)] = 3
    heat[1, 1] += 1
    assert [share(heat, other) for other in range(4)][place] == (1 if place == 0 else 3 / 4)


def test_the_network_knows_the_photos_and_its_copy_gives_the_same_scores() -> None:
    names, pixels = mosaics()[0]
    quarter = pixels[None, :, :SIDE, SIDE:]
    scores = network()(quarter)
    assert int(scores.argmax()) == PHOTOS[names[1]]
    assert torch.equal(separated()(quarter), scores)
