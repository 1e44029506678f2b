"""Full runs of an edit prove quicker ways, also where the output hardly feels the layer."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import camkit_core as camkit
from camkit_core.forward.counting import counting
from camkit_core.probe.tail.full_runs import probe_edit
from helpers.class_tokens import ATTENDED, lively, pictures
from helpers.tail_runs import QUIET, recorded

pytestmark = QUIET


def ablated(model: nn.Module, **settings: Any) -> tuple[camkit.Explanation, dict[str, int]]:
    """AblationCAM of two pictures, and how many rows ran."""
    with counting() as counts:
        explanation = camkit.explain(model, pictures(), "ablationcam", 1, **settings)
    return explanation, counts


def test_behind_a_head_of_zeros_no_channel_takes_a_run() -> None:
    """As torchvision's networks are before training."""
    model = lively(ATTENDED["torchvision"])
    nn.init.zeros_(model.heads.head.weight)
    explanation, counts = ablated(model)
    assert explanation.score.tolist() == [float(model.heads.head.bias[1])] * 2
    assert not explanation.cam.any()
    assert counts["forward"] <= 4
    assert counts["tail"] == 0


def test_edits_behind_a_head_of_zeros_give_the_output_as_it_was() -> None:
    model = lively(ATTENDED["torchvision"])
    nn.init.zeros_(model.heads.head.weight)

    def method(probe: camkit.Probe) -> torch.Tensor:
        raw = probe.recording.raw.detach()
        scores = probe.tail_scores([raw * 0, raw + 1, raw * 2], 3)
        assert torch.equal(scores, probe.scores.expand(3, 2))
        return probe.activations.sum(1)

    explanation = camkit.explain(model, pictures(), method, 1)
    assert not any("full forward passes" in note for note in explanation.notes)


def test_zeros_beside_which_the_layer_reaches_the_output_are_no_proof() -> None:
    model = lively(ATTENDED["timm"])
    nn.init.zeros_(model.blocks[1].mlp.fc2.weight)  # the attention goes round it
    explanation, counts = ablated(model)
    assert explanation.cam.any()
    assert counts["tail"] > 0


class Faint(nn.Module):
    """A layer that the output hardly feels, as behind layer scales at the start of training."""

    def __init__(self, scale: float) -> None:
        super().__init__()
        self.layer, self.scale = nn.Conv2d(3, 8, 4, 4), scale

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return 1 + self.scale * self.layer(images).mean((2, 3))


@pytest.mark.parametrize(("scale", "strength"), [(1.0, 1.0), (1e-5, 4096.0)])
def test_an_effect_that_drowns_in_rounding_is_proved_by_a_stronger_edit(
    scale: float, strength: float
) -> None:
    torch.manual_seed(0)
    with recorded(Faint(scale).eval(), pictures(dtype=torch.float32)) as recording:
        edited, slow = probe_edit(recording)
        ratio = (edited / recording.raw.detach()).max()
    assert strength / 2 < ratio <= strength
    assert (slow - recording.output.detach().flatten()).abs().max() > 100 * 1.2e-7
