"""What the model did not see of a picture is shown as that, in every renderer."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from camkit_core import Comparison, DetectionTarget, Explanation, Original, Window
from helpers.explanations import explanation_of

SEEN = np.s_[20:60, 40:80]  # of the original
PIXELS = np.random.default_rng(0).integers(0, 255, (80, 120, 3), dtype=np.uint8)


def explained(window: Window | None, **fields: Any) -> Explanation:
    """An explanation of an input (20, 20), each pixel two of the original, with one bright cell."""
    cam = torch.zeros(1, 5, 5)
    cam[0, 1, 3] = 1
    box = torch.tensor([[4.0, 6.0, 14.0, 16.0]])
    values: dict[str, Any] = {
        "target": [DetectionTarget(1, (4.0, 6.0, 14.0, 16.0))],
        "guided": torch.rand(1, 3, 20, 20),
        "originals": (Original(PIXELS, PIXELS[SEEN][::2, ::2], window),),
        "boxes": [{"boxes": box, "labels": torch.tensor([1]), "scores": torch.tensor([0.9])}],
    }
    return explanation_of(cam, torch.full((1, 3, 20, 20), 0.5), **values | fields)


MIDDLE = Window((80, 120), (20, 20), (40.0, 20.0), (2.0, 2.0))
MIRRORED = Window((80, 120), (20, 20), (80.0, 20.0), (-2.0, 2.0))
PADDED = Window((80, 120), (20, 20), (0.0, -20.0), (6.0, 6.0), (0.0, 10 / 3, 20.0, 50 / 3))


def array(picture: Image.Image) -> np.ndarray[Any, Any]:
    return np.asarray(picture).astype(int)


@pytest.mark.parametrize("renderer", ["overlay", "heatmap", "guided_gradcam"])
def test_around_what_was_seen_the_picture_is_grey(renderer: str) -> None:
    drawn = array(explained(MIDDLE).render(renderer))
    seen = np.zeros((80, 120), bool)
    seen[SEEN] = True
    assert drawn.shape == (80, 120, 3)
    assert (drawn[~seen] == drawn[~seen][:, :1]).all()  # no colours
    assert (drawn[seen] != drawn[seen][:, :1]).any()


def test_a_thin_frame_is_around_it() -> None:
    drawn = array(explained(MIDDLE).render())
    assert (drawn[19, 39:81] == 255).all()
    assert (drawn[18, 38:82] == 0).all()


def test_without_evidence_the_picture_is_as_it_was() -> None:
    drawn = array(explained(MIDDLE).render())
    assert (drawn[50:60, 40:50] == PIXELS[50:60, 40:50]).all()


def test_a_picture_that_was_seen_whole_has_no_frame() -> None:
    whole = Window((80, 120), (20, 20), (0.0, 0.0), (6.0, 4.0))
    for window in (whole, PADDED):
        drawn = array(explained(window).render(alpha=0.0))
        assert (drawn == PIXELS).all()


@pytest.mark.parametrize(
    ("window", "row", "column"), [(MIDDLE, 32, 68), (MIRRORED, 32, 52), (PADDED, 16, 84)]
)
def test_the_map_is_in_its_place(window: Window, row: int, column: int) -> None:
    heat = explained(window).on_original().numpy()
    rows, columns = np.nonzero(heat == heat.max())
    assert abs(rows.mean() - row) < 4
    assert abs(columns.mean() - column) < 4


def test_a_map_is_zero_where_nothing_was_seen() -> None:
    heat = explained(MIDDLE, cam=torch.ones(1, 5, 5)).on_original().numpy()
    assert (heat[SEEN] == 1).all()
    assert heat.sum() == 40 * 40


def test_boxes_are_drawn_in_the_original() -> None:
    grey = np.full((800, 1200, 3), 99, np.uint8)
    window = Window((800, 1200), (20, 20), (400.0, 200.0), (20.0, 20.0))
    e = explained(MIDDLE).lying_in(Original(grey, grey, window))
    drawn = array(e.render("boxes", alpha=0.0))
    light = (drawn > 250).all(-1)[470, 420:760]  # a row through the lower half of the box
    edges = 420 + np.flatnonzero(light)
    assert abs(edges.min() - 480) < 8
    assert abs(edges.max() - 680) < 8


def test_the_record_has_the_boxes_in_the_original() -> None:
    record = explained(MIDDLE).summary()["original"]
    expected = {"size": [80, 120], "box": [40, 20, 80, 60], "boxes": [[48, 32, 68, 52]]}
    assert record == expected


def test_side_by_side_stays_small() -> None:
    e = explained(MIDDLE)
    assert e.render("side_by_side").size[0] == 3 * 120 + 32
    assert e.render("side_by_side", side=60).size[0] == 3 * 60 + 32


def test_a_sheet_has_the_original_in_every_cell() -> None:
    drawn = Comparison(((explained(MIDDLE), explained(MIDDLE)),), ("a", "b")).render(side=120)
    assert drawn.size[0] == 3 * 128 + 8


def test_where_the_window_is_not_known_it_is_drawn_on_the_input() -> None:
    assert explained(None).render().size == (20, 20)


def test_an_overlay_can_be_mixed_alike_everywhere() -> None:
    drawn = array(explained(MIDDLE).render(everywhere=True, alpha=0.5))
    dark = array(explained(MIDDLE).render("heatmap"))[55, 45]
    assert (abs(drawn[55, 45] - (PIXELS[55, 45] + dark) / 2) <= 1).all()
