"""Notes on the answer itself: a tie, an output of probabilities, a model that was never trained."""

from __future__ import annotations

import pytest
import torch
from torch import nn
from torchvision.models import resnet18

import camkit_core as camkit
from camkit_core.results.caveats import caveats, untrained
from camkit_core.results.readings import two_best
from camkit_core.testing.ground_truth.networks import FAMILIES, trained

LINEAR = nn.Linear(1, 1)


def notes_of(logits, classes):
    given = torch.tensor(logits)
    scores, best = two_best(given)
    return caveats(LINEAR, given, torch.tensor(classes), (scores.tolist(), best.tolist()))


def test_two_best_classes_that_score_almost_alike_are_a_tie():
    (note,) = notes_of([[3.0, -1.0, 3.02]], [2])
    assert note.startswith("image 0: classes 2 and 0 score almost alike (3.02 and 3)")
    assert "target=lambda output: output[2] - output[0]" in note


def test_a_tie_is_of_the_image_that_has_it():
    notes = notes_of([[3.0, 0.0], [1.0, 1.01], [0.0, 2.0]], [0, 0, 1])
    assert [note[:7] for note in notes] == ["image 1"]


def test_a_clear_answer_and_a_tie_of_other_classes_are_no_doubts():
    assert notes_of([[3.0, 1.0, 2.0]], [0]) == []
    assert notes_of([[3.0, 3.01, -2.0]], [2]) == []


def test_rows_that_add_up_to_one_look_like_probabilities():
    (note,) = notes_of([[0.7, 0.2, 0.1], [0.1, 0.5, 0.4]], [0, 1])
    assert "looks like probabilities" in note
    assert "without its softmax or sigmoid" in note


@pytest.mark.parametrize(
    "logits", [[[0.7, 0.2, 0.3]], [[1.7, -0.4, -0.3]], [[0.9, 0.1], [3.0, 2.0]]]
)
def test_other_rows_do_not(logits):
    assert not any("probabilities" in note for note in notes_of(logits, [0] * len(logits)))


def test_a_softmax_in_the_model_is_noticed():
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Softmax(1))
    e = camkit.explain(model, torch.randn(1, 3, 8, 8), layer="0")
    assert any("looks like probabilities" in note for note in e.notes)


def test_a_network_with_the_norms_it_was_built_with_looks_untrained():
    assert untrained(resnet18())
    (note,) = caveats(resnet18(), None, None, None)
    assert "load its weights" in note


@pytest.mark.parametrize("family", FAMILIES)
def test_a_trained_network_does_not(family):
    assert not untrained(trained(family))


def test_training_a_single_batch_is_noticed_in_the_same_model():
    model = nn.Sequential(nn.Conv2d(1, 2, 1), nn.BatchNorm2d(2))
    assert untrained(model)
    model.train()(torch.randn(4, 1, 3, 3))
    assert not untrained(model)


def test_nothing_is_said_of_a_model_without_batch_norms():
    assert not untrained(nn.Sequential(nn.Linear(2, 2), nn.LayerNorm(2)))


def test_a_map_that_is_the_same_everywhere_is_said_and_not_painted():
    model = nn.Sequential(nn.Conv2d(1, 2, 1), nn.AdaptiveAvgPool2d(1), nn.Flatten())
    with pytest.warns(camkit.CamkitWarning, match="same everywhere"):
        e = camkit.explain(
            model, torch.rand(1, 1, 8, 8), lambda p: p.activations[:, 0] * 0 + 1, 0, "0"
        )
    assert "try an earlier layer" in e.blank()
    assert torch.equal(e.heatmap, torch.ones(1, 8, 8))
