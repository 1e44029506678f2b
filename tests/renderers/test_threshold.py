"""A threshold draws what reaches it alone, with outline and box; `vmax` gives maps one scale."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import camkit_core as camkit
from camkit_core import ArgumentError, Explanation
from helpers.explanations import explanation_of

SIDE = 96
GREY = 100


def explained(strength: float = 1.0, **fields: Any) -> Explanation:
    """An explanation of a grey image, whose map grows from the left to the right."""
    cam = strength * torch.linspace(0, 1, SIDE).expand(1, SIDE, SIDE)
    return explanation_of(cam, torch.zeros(1, 3, SIDE, SIDE), **fields)


def drawn(explanation: Explanation, **options: Any) -> np.ndarray:
    page = Image.new("RGB", (SIDE, SIDE), (GREY,) * 3)
    return np.asarray(explanation.render(image=page, **options)).astype(int)


@pytest.mark.parametrize("everywhere", [False, True])
def test_below_the_threshold_the_picture_is_as_it_was(everywhere):
    shown = drawn(explained(), threshold=0.5, everywhere=everywhere)
    middle = shown[20:70]  # without the upper and lower sides of the box
    assert (middle[:, :44] == GREY).all()
    plain = drawn(explained(), everywhere=everywhere)
    assert np.abs(middle[:, 54:90] - plain[20:70, 54:90]).max() <= 1


def test_an_outline_and_a_box_stand_at_the_threshold():
    shown = drawn(explained(), threshold=0.5, alpha=0.0)
    rows, columns = np.nonzero((shown != GREY).any(2))
    assert (rows.min(), rows.max()) == (0, SIDE - 1)
    assert set(columns[(rows > 20) & (rows < 70)]) >= {48}
    assert columns.min() >= 45


def test_no_outline_stands_along_the_edge_of_the_picture():
    whole = explained(cam=torch.ones(1, SIDE, SIDE))
    inside = drawn(whole, threshold=0.5, alpha=0.0)[4:-4, 4:-4]
    assert (inside == GREY).all()


def test_without_a_threshold_and_a_scale_nothing_changes():
    one = drawn(explained(), threshold=0, vmax=camkit.highest(explained()))
    assert (one == drawn(explained())).all()


def test_maps_on_one_scale_are_as_strong_as_they_are():
    weak, strong = explained(0.25), explained(2.0)
    assert camkit.highest(weak) == pytest.approx(0.25)
    most = max(map(camkit.highest, (weak, strong)))
    assert (drawn(strong, vmax=most) == drawn(strong)).all()
    heat = camkit.heat_at(weak, 0, (SIDE, SIDE), most)
    assert heat.max() == pytest.approx(0.125)
    assert np.abs(drawn(weak, vmax=most) - GREY).max() < np.abs(drawn(weak) - GREY).max() / 2
    assert (drawn(weak, vmax=most, threshold=0.2) == GREY).all()


def test_the_highest_value_is_what_the_heatmap_is_divided_by():
    cam = torch.tensor([[[-3.0, 1.0], [0.5, float("nan")]]])
    e = replace(explained(), cam=cam)
    heat = e.heatmap[0] * camkit.highest(e)
    large = camkit.upsample(cam.nan_to_num().relu(), (SIDE, SIDE))[0]
    assert torch.allclose(heat, large, atol=1e-6)
    assert camkit.highest(replace(explained(), cam=-torch.ones(1, 2, 2))) == 0


@pytest.mark.parametrize("vmax", [0, -1.0, float("nan"), float("inf"), "1"])
def test_a_scale_without_a_height_is_told(vmax):
    with pytest.raises(ArgumentError, match="vmax"):
        drawn(explained(), vmax=vmax)


@pytest.mark.parametrize("threshold", [-0.1, 1.5, "half"])
def test_a_threshold_is_a_share(threshold):
    with pytest.raises(camkit.CamkitError, match="threshold"):
        drawn(explained(), threshold=threshold)


def test_a_map_less_another_has_two_colours():
    other = explained(cam=torch.linspace(1, 0, SIDE).expand(1, SIDE, SIDE))
    signed = camkit.heat_at(explained(), 0, (SIDE, SIDE), minus=other)
    assert (signed.min(), signed.max()) == (-1, 1)
    assert camkit.highest(explained(), minus=other) == pytest.approx(1)
    shown = drawn(explained(), minus=other, alpha=1.0)
    assert shown[0, 0].tolist() == [94, 60, 153]
    assert shown[0, -1].tolist() == [230, 97, 1]
    assert np.abs(shown[0, SIDE // 2] - GREY).max() < 6
    half = drawn(explained(), minus=other, alpha=1.0, vmax=2.0)
    assert camkit.heat_at(explained(), 0, (SIDE, SIDE), 2.0, other).max() == pytest.approx(0.5)
    assert (half[0, -1] == shown[0, -1]).all()  # half of the highest is opaque


def test_a_map_of_another_layer_cannot_be_taken_away():
    with pytest.raises(ArgumentError, match="same layer"):
        drawn(explained(), minus=explained(cam=torch.ones(1, 4, 4)))
