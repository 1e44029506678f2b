"""Why a map is blank: one note for each image, and one warning."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import pytest
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core import CamkitWarning
from helpers.small_cnn import pictures, small


def explain_and_warnings(
    model: nn.Module, images: Tensor, method: Any, target: Any, layer: str = "body"
) -> Any:
    """An explanation and the warnings that came with it."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        explanation = camkit.explain(model, images, method, target, layer)
    return explanation, caught


def scaled_gradcam(factor: float) -> Callable[[camkit.Probe], Tensor]:
    def method(probe: camkit.Probe) -> Tensor:
        return probe.channel_sum(probe.activations + probe.gradients.abs()).abs() * factor

    return method


@pytest.mark.parametrize(
    ("factor", "reason"),
    [
        (-1.0, "nothing at 'body' speaks for this target: the map is negative everywhere"),
        (0.0, "the map is zero everywhere: no channel of 'body' carries weight"),
        (float("nan"), "activations or gradients at 'body' are not finite"),
        (float("inf"), "activations or gradients at 'body' are not finite"),
    ],
)
def test_a_blank_map_is_noted_for_each_image_with_one_warning(factor: float, reason: str) -> None:
    explanation, caught = explain_and_warnings(small(), pictures(), scaled_gradcam(factor), 1)
    assert [str(warning.message).startswith("blank map: image 0: ") for warning in caught] == [True]
    assert caught[0].category is CamkitWarning
    assert len(explanation.notes) == 2
    for index, note in enumerate(explanation.notes):
        assert note.startswith(f"image {index}: {reason}")
        assert explanation.blank(index) == note.partition(": ")[2]
    assert explanation.heatmap.abs().max() == 0


def test_a_zero_gradient_is_told_from_a_zero_map() -> None:
    explanation, caught = explain_and_warnings(
        small(), pictures(), "gradcam", lambda row: (row * 0).sum()
    )
    assert len(caught) == 1
    assert "the gradient is exactly zero at every position of 'body'" in explanation.notes[0]
    assert "try an earlier layer" in explanation.notes[0]


def test_images_that_are_not_finite_give_finite_heatmaps_and_a_reason() -> None:
    images = pictures()
    images[1, 0, 3, 3] = float("nan")
    explanation, caught = explain_and_warnings(small(), images, "gradcam", 1)
    assert [explanation.blank(0), len(explanation.notes), len(caught)] == [None, 1, 1]
    assert "image 1: activations or gradients at 'body' are not finite" in explanation.notes[0]
    assert explanation.heatmap.isfinite().all()
    assert float(explanation.heatmap[0].max()) == 1


def test_a_warning_points_at_the_line_that_asked() -> None:
    _, caught = explain_and_warnings(small(), pictures(), scaled_gradcam(-1.0), 1)
    assert caught[0].filename == __file__


def test_a_map_with_evidence_comes_without_a_word() -> None:
    explanation, caught = explain_and_warnings(small(), pictures(), scaled_gradcam(1.0), 1)
    assert (explanation.notes, caught) == ((), [])
