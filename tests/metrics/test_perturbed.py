"""The edited images that metrics show the model."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

import camkit_core as camkit
from camkit_core import CamkitError, Case, Metric
from camkit_core.metrics.image_edits import filled
from helpers.metric_values import IMAGE, Mean, itself, of


def explained(images: Tensor = IMAGE) -> camkit.Explanation:
    """The map is the image, so its order is 0.8, 0.4, 0.2, 0.1."""
    return camkit.explain(Mean().eval(), images, itself, 0, "layer")


def test_deletion_takes_the_highest_pixels_out() -> None:
    shown = camkit.perturbed(explained(), "deletion", share=0.5)
    assert torch.equal(shown, torch.tensor([[[[0.0, 0.0], [0.1, 0.2]]]]))


def test_insertion_puts_the_highest_pixels_in() -> None:
    shown = camkit.perturbed(explained(), "insertion", share=0.5, baseline="zero")
    assert torch.equal(shown, torch.tensor([[[[0.8, 0.4], [0.0, 0.0]]]]))


@pytest.mark.parametrize(
    ("metric", "known"),
    [("road_morf", [[0, 1], [1, 1]]), ("road", [[0, 1], [1, 1]]), ("road_lerf", [[1, 1], [0, 1]])],
)
def test_road_fills_pixels_in(metric: str, known: list[list[int]]) -> None:
    shown = camkit.perturbed(explained(), metric, share=0.25, noise=0.0)
    expected = filled(IMAGE[0], torch.tensor([known]).bool(), 0.0, 0)
    assert torch.allclose(shown, expected)


@pytest.mark.parametrize("metric", ["road_morf", "road_lerf"])
def test_the_model_is_shown_the_very_same(metric: str) -> None:
    images = torch.rand(1, 1, 6, 6, generator=torch.Generator().manual_seed(0))
    shown = camkit.perturbed(explained(images), metric, share=0.3)
    assert of(metric, itself, images, shares=[0.3]) == pytest.approx([float(shown.mean())])


def test_each_image_is_edited_by_its_own_map() -> None:
    images = torch.cat([IMAGE, IMAGE.flip(3)])
    shown = camkit.perturbed(explained(images), "deletion", share=0.25)
    assert torch.equal(shown[1], shown[0].flip(2))


def halved(
    image: Tensor, heatmap: Tensor, share: float, seed: int, *, factor: float = 0.5
) -> Tensor:
    return image * factor


@Metric(higher_is_better=True, edit=halved)
def own(case: Case) -> Tensor:
    """A metric of one's own."""
    return case.heatmaps.flatten(1).mean(1)


def test_a_metric_of_ones_own_states_its_edit() -> None:
    assert torch.equal(camkit.perturbed(explained(), own, factor=0.25), IMAGE / 4)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"metric": "area"}, "metric 'area' edits no image by a share"),
        ({"share": 0.0}, "takes share= as a number above 0 and below 1; got 0.0"),
        ({"metric": "deletion", "noise": 0.1}, "no option of deletion named 'noise'"),
        ({"metric": "deletoin"}, "Did you mean 'deletion'"),
    ],
)
def test_what_cannot_be_shown_is_an_error(given: dict[str, Any], message: str) -> None:
    with pytest.raises(CamkitError, match=message):
        camkit.perturbed(explained(), **given)
