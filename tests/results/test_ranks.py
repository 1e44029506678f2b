"""Maps of signals and volumes: no pictures, but files of raw values."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

import camkit_core as camkit
from camkit_core import load_raw
from helpers.ranked import SIZES, inputs, network

pytestmark = pytest.mark.filterwarnings("ignore:blank map")


@pytest.mark.parametrize(
    ("rank", "message"),
    [
        (1, r"cannot draw a map of shape \(13,\) as a picture; draw e.heatmap\[0\] as a line"),
        (3, r"cannot draw a map of shape \(5, 6, 8\) as a picture; draw e.heatmap\[0, t\] with"),
    ],
)
def test_what_is_no_picture_is_not_drawn(rank: int, message: str, tmp_path: Path) -> None:
    several = camkit.compare(network(*[3] * rank), inputs(rank), layer="6", guided=True)
    e, canvas = several[0, 0], torch.zeros(3, 8, 8)
    for draw in (
        lambda: e.render(),
        lambda: e.save(tmp_path / "e.png"),
        lambda: e.render("heatmap", image=canvas),
        lambda: e.render("guided_gradcam", image=canvas),
        lambda: several.render(),
    ):
        with pytest.raises(camkit.CamkitError, match=f"^{message}.*, or save a .npz$"):
            draw()
    assert "<img" not in e._repr_html_() + several._repr_html_()


@pytest.mark.parametrize("rank", [1, 3])
def test_raw_values_are_saved_for_every_rank(rank: int, tmp_path: Path) -> None:
    e = camkit.explain(network(*[3] * rank), inputs(rank), layer="6", guided=True)
    arrays, _ = load_raw(e.save(tmp_path / "e.npz"))
    assert arrays["heatmap"].shape == (2, *SIZES[rank])
    assert arrays["guided"].shape == (2, 2, *SIZES[rank])
    assert torch.equal(torch.from_numpy(arrays["cam"]), e.cam)
