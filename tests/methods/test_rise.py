"""RISE: its masks, its sum by hand, and what follows from it."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core.testing import check_method
from camkit_core.testing.ground_truth.planted import MatchedFilters, planted
from camkit_methods.rise import random_masks, rise


class Region(nn.Module):
    """The score of class 1 is the mean of the pixels in some rows and columns, times `scale`."""

    def __init__(self, scale: float = 1.0, offset: float = 0.0) -> None:
        super().__init__()
        self.layer = nn.Identity()
        self.scale, self.offset = scale, offset

    def forward(self, images: Tensor) -> Tensor:
        score = self.layer(images)[:, :, 2:6, 8:14].mean((1, 2, 3)) * self.scale + self.offset
        return torch.stack([torch.zeros_like(score), score], 1)


def explained(model: nn.Module, method: str = "rise", **options: Any) -> camkit.Explanation:
    images = torch.ones(1, 3, 12, 16, dtype=torch.float64)
    few = {"samples": 300, "grid": 4, **options}
    return camkit.explain(model, images, method, target=1, layer="layer", **few)


def masks(samples: int, size: tuple[int, ...] = (12, 16), grid: int = 4, keep: float = 0.5) -> Any:
    image = torch.ones(3, *size, dtype=torch.float64)
    return torch.cat(list(random_masks(image, samples, grid, keep, seed=0))).numpy()


def test_every_position_of_a_mask_is_kept_as_often_as_it_should_be() -> None:
    kept = masks(4000, keep=0.3)
    assert kept.min() >= 0
    assert kept.max() < 1 + 1e-6
    error = np.sqrt(0.3 * 0.7 / 4000)  # of a binary mask; an enlarged one varies less
    assert np.abs(kept.mean(0) - 0.3).max() < 5 * error


def test_masks_of_signals_and_volumes_have_their_sizes() -> None:
    assert masks(20, (50,)).shape == (20, 50)
    assert masks(20, (5, 9, 7)).shape == (20, 5, 9, 7)


def test_a_grid_finer_than_the_image_still_covers_it() -> None:
    assert masks(3, (5, 5), grid=16).shape == (3, 5, 5)


def test_the_map_is_the_mean_of_masks_times_scores() -> None:
    kept = masks(300)
    scores = kept[:, 2:6, 8:14].mean((1, 2))  # the image is 1 everywhere
    expected = (scores[:, None, None] * kept).mean(0) / 0.5
    given = explained(Region(), baseline="zero", score="score").cam[0].numpy()
    assert given == pytest.approx(expected, rel=1e-9)


def test_the_mean_score_is_the_baseline() -> None:
    kept = masks(300)
    scores = kept[:, 2:6, 8:14].mean((1, 2))
    expected = ((scores - scores.mean())[:, None, None] * kept).mean(0) / 0.5
    assert explained(Region(), score="score").cam[0].numpy() == pytest.approx(expected, abs=1e-9)


def test_the_score_is_the_probability_of_the_class() -> None:
    kept = masks(300)
    probabilities = 1 / (1 + np.exp(-4 * kept[:, 2:6, 8:14].mean((1, 2))))
    expected = (probabilities[:, None, None] * kept).mean(0) / 0.5
    given = explained(Region(4.0), baseline="zero").cam[0].numpy()
    assert given == pytest.approx(expected, rel=1e-9)


def test_what_is_added_to_the_score_changes_nothing() -> None:
    given = explained(Region(2.0, 3.0), score="score").cam
    assert torch.allclose(given, 2 * explained(Region(), score="score").cam, atol=1e-12)


def test_the_map_lies_where_the_score_comes_from() -> None:
    heatmap = explained(Region(), samples=2000, score="score").heatmap[0]
    assert float(heatmap[2:6, 8:14].mean()) > 3 * float(heatmap.mean())


def test_a_note_tells_the_standard_error_which_falls_with_more_samples() -> None:
    def error(samples: int) -> float:
        notes = explained(Region(), samples=samples, score="score").notes
        note = next(each for each in notes if "standard error" in each)
        return float(note.partition(" is ")[2].partition("%")[0])

    assert error(1600) == pytest.approx(error(400) / 2, rel=0.3)


def test_drise_is_rise_on_the_score_with_finer_masks() -> None:
    given = explained(Region(), "drise", samples=100).cam
    assert torch.equal(given, explained(Region(), samples=100, score="score").cam)


@pytest.mark.parametrize(
    "options", [{"samples": 1}, {"grid": 0}, {"keep": 0.0}, {"keep": 1.0}], ids=str
)
def test_options_that_give_no_masks_are_refused(options: dict[str, Any]) -> None:
    with pytest.raises(camkit.CamkitError, match="got"):
        explained(Region(), **options)


@camkit.Method(expected_failures=camkit.Method.of(rise).expected_failures)
def of_few_masks(probe: camkit.Probe) -> Tensor:
    return rise(probe, samples=24)


def test_it_passes_the_conformance_kit() -> None:
    check_method(of_few_masks)


def test_what_a_network_looks_for_stands_out_of_the_noise() -> None:
    """A box is 4 % of the picture, and cells of a mask are about as large."""
    images, boxes = planted(4)
    options = {"layer": "layer", "samples": 2000, "score": "score", "batch_size": 50}
    heatmaps = camkit.explain(MatchedFilters().eval(), images, "rise", 0, **options).heatmap
    inside = (heatmaps * boxes[:, 0]).sum((1, 2)) / heatmaps.sum((1, 2))
    assert float(inside.mean()) > 3 * 25 / 640
