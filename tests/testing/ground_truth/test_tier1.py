"""Tier 1: networks, methods and baselines on scenes with masks; and the table made of them."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from camkit_core import CamkitError
from camkit_core.testing.ground_truth.controls import accuracy, network_controls, scores_of
from camkit_core.testing.ground_truth.networks import (
    FAMILIES,
    build,
    preprocess,
    record_of,
    trained,
)
from camkit_core.testing.ground_truth.scenes import CLASSES, NEUTRAL, make_scene
from camkit_core.testing.ground_truth.tier1 import CEILING, SCORES, right_scenes, try_network
from camkit_core.testing.ground_truth.tier1_table import compared, document, not_above, page

FIRST = 10_300_000
FIVE = ("gradcam", "gradcam++", "xgradcam", "ablationcam", "scorecam")


@pytest.fixture(scope="module")
def trial():
    return try_network(trained("vgg"), "vgg", [*FIVE, "hirescam"], 12)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_shipped_accuracy_is_reproduced(family):
    scenes = [make_scene(seed) for seed in range(FIRST, FIRST + 100)]
    scores = scores_of(trained(family), [scene.picture() for scene in scenes])
    labels = np.stack([scene.labels for scene in scenes])
    recorded = float(record_of(family)["per-label accuracy"])
    assert recorded >= 0.97
    assert accuracy(scores, labels) == pytest.approx(recorded, abs=0.02)


@pytest.mark.parametrize("family", FAMILIES)
def test_each_networks_grid_is_finer_than_a_glyph(family, trial):
    tried = trial if family == "vgg" else try_network(trained(family), family, ["gradcam"], 2)
    grid = tried.grid
    assert grid == ((16, 16) if family == "resnet" else (8, 8))


def test_a_trained_network_reads_the_glyphs_alone():
    assert all(control.passed for control in network_controls(trained("vgg"), 150))


def test_a_network_that_was_never_trained_fails_the_controls():
    assert not all(control.passed for control in network_controls(build("resnet").eval(), 60))


def test_a_network_that_looks_elsewhere_fails_the_controls():
    """A network that reads every label from the number of dark pixels in the whole picture."""

    class Elsewhere(nn.Module):
        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x.mean((1, 2, 3))[:, None].expand(-1, len(CLASSES))

    failed = {control.what for control in network_controls(Elsewhere(), 60) if not control.passed}
    assert "mean change by another object's exchange, of its own" in failed


def test_a_seed_gives_one_network_and_leaves_the_random_state():
    torch.manual_seed(7)
    before = torch.get_rng_state()
    first, again, other = build("resnet", 1), build("resnet", 1), build("resnet", 2)
    assert torch.equal(before, torch.get_rng_state())
    pairs = zip(first.parameters(), again.parameters(), strict=True)
    assert all(torch.equal(*pair) for pair in pairs)
    assert any(
        not torch.equal(*pair) for pair in zip(first.parameters(), other.parameters(), strict=True)
    )


def test_scored_scenes_are_those_whose_labels_the_network_gets_right():
    network = trained("vgg")
    scenes, tried = right_scenes(network, 5)
    assert len(scenes) == 5 <= tried
    for scene in scenes:
        with torch.no_grad():
            assert ((network(preprocess(scene.picture()))[0] > 0).numpy() == scene.labels).all()
        assert [glyph.kind == NEUTRAL for glyph in scene.objects] == [False, False, True]


def test_a_network_that_is_mostly_wrong_cannot_be_tried():
    with pytest.raises(CamkitError, match="gets 0 of 40 scenes right"):
        right_scenes(build("resnet").eval(), 2)


def test_every_method_and_baseline_has_a_score_for_each_scene(trial):
    assert trial.scenes == 12
    assert {*FIVE, "hirescam", "uniform", "centre", "edges", "random", CEILING} < set(trial.scores)
    assert all(values.shape == (12, len(SCORES)) for values in trial.scores.values())


def test_methods_see_the_glyph_and_baselines_are_at_chance(trial):
    energies = {name: np.nanmean(values[:, 1]) for name, values in trial.scores.items()}
    assert all(energies[name] > 0.1 for name in FIVE)
    assert energies["uniform"] == pytest.approx(0, abs=1e-6)
    assert abs(energies["edges"]) < 0.05
    assert energies[CEILING] > max(energies[name] for name in FIVE)


def test_a_map_of_one_class_is_not_on_the_other(trial):
    shares = {name: np.nanmean(values[:, 3]) for name, values in trial.scores.items()}
    assert shares["gradcam"] > 0.9
    assert shares["uniform"] == 0.5


def test_the_five_are_above_edges_and_centre(trial):
    assert not_above(trial, FIVE) == []


def test_the_best_method_is_as_good_as_itself(trial):
    for score in SCORES:
        row = compared(trial)[score]
        assert any(good for _, good in row.values())
        assert not row["uniform"][1]


def test_a_method_that_does_not_apply_is_named_with_its_reason():
    def refuses(probe):
        raise CamkitError("needs attention")

    scores = try_network(trained("resnet"), "resnet", [refuses], 2)
    assert list(scores.refused.values()) == ["needs attention"]


def test_page_and_data_hold_every_family_and_method(trial):
    records = {"vgg": record_of("vgg")}
    text = page({"vgg": trial}, records, "camkit evaluate --tier 1")
    for name in (*FIVE, CEILING, "chance"):
        assert f"| {name} |" in text
    numbers = document({"vgg": trial}, records)["families"]["vgg"][0]
    assert numbers["means"]["gradcam"]["energy"]["mean"] == pytest.approx(
        np.nanmean(trial.scores["gradcam"][:, 1]), abs=1e-5
    )
    assert numbers["means"]["uniform"]["discrimination"]["mean"] == 0.5
