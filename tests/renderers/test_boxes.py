"""The picture of a detector's boxes: each in its place, and the label can be read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from camkit_core import CamkitError, Comparison, DetectionTarget, Explanation
from camkit_core.testing import check_renderer
from helpers.explanations import explanation_of

BOXES = {
    "boxes": torch.tensor([[4.0, 8.0, 20.0, 24.0], [30.0, 2.0, 60.0, 30.0]]),
    "labels": torch.tensor([1, 0]),
    "scores": torch.tensor([0.9, 0.4]),
}


def explained(box: tuple[float, ...] | None, found: Any = BOXES, **fields: Any) -> Explanation:
    """An explanation of one grey image of 32x64 pixels, without evidence but at one place."""
    cam = torch.zeros(1, 8, 16)
    cam[0, 4, 3] = 1
    values = {
        "target": [DetectionTarget(1, box)],
        "class_names": ("cat", "dog"),
        "boxes": None if found is None else [found],
    }
    return explanation_of(cam, torch.full((1, 3, 32, 64), 0.5), **values | fields)


def drawn(explanation: Explanation, size: tuple[int, int] = (640, 320), **options: Any) -> Any:
    picture = explanation.render("boxes", image=Image.new("RGB", size, "grey"), **options)
    return np.asarray(picture).astype(int)


def light(pixels: Any) -> Any:
    return (pixels > 250).all(-1)


def test_the_box_is_drawn_where_it_is_whatever_the_size_of_the_picture() -> None:
    for scale in (5, 10, 20):
        pixels = light(drawn(explained((4, 8, 20, 24)), (64 * scale, 32 * scale)))
        column = pixels[16 * scale]  # half way down the box
        edges = np.flatnonzero(column[: 25 * scale])
        assert abs(edges.min() / scale - 4) < 1
        assert abs(edges.max() / scale - 20) < 1


def test_the_explained_box_is_thicker_than_the_others() -> None:
    pixels = light(drawn(explained((4, 8, 20, 24)), (1280, 640)))[320]
    assert pixels[60:110].sum() > pixels[590:620].sum() > 0


def test_others_are_drawn_on_request_only() -> None:
    with_others, alone = (drawn(explained((4, 8, 20, 24)), others=n) for n in (1, 0))
    assert light(with_others)[:, 300:].any()
    assert not light(alone)[:, 300:].any()


def test_a_small_picture_is_enlarged_so_that_the_label_can_be_read() -> None:
    assert explained((4, 8, 20, 24)).render("boxes").size == (224, 112)


def test_a_box_below_the_thresholds_is_drawn_all_the_same() -> None:
    nothing = {name: tensor[:0] for name, tensor in BOXES.items()}
    assert light(drawn(explained((4, 8, 20, 24), nothing))).any()


def test_a_detector_that_finds_nothing_says_so() -> None:
    nothing = {name: tensor[:0] for name, tensor in BOXES.items()}
    assert len(drawn(explained(None, nothing))) > 320  # there is a caption


def test_without_boxes_it_says_what_to_do() -> None:
    with pytest.raises(CamkitError, match=r"has no boxes.*renderer='overlay'.*output="):
        explained(None, None).render("boxes")


def test_a_map_without_evidence_has_its_box_and_its_reason() -> None:
    pixels = drawn(explained((4, 8, 20, 24), reasons=("nothing speaks for it",)))
    assert len(pixels) > 320
    assert light(pixels[:320]).any()


def test_a_comparison_has_a_row_for_each_box() -> None:
    rows = ((explained((4, 8, 20, 24)),), (explained((30, 2, 60, 30)),))
    comparison = Comparison(rows, ("gradcam",))
    boxes, overlays = (comparison.render(renderer=name) for name in ("boxes", "overlay"))
    assert boxes.size == overlays.size
    assert boxes.tobytes() != overlays.tobytes()


def test_it_keeps_the_promises_of_renderers() -> None:
    check_renderer("boxes")
