"""Of each family: which layer, whose map, the same by name, and batches that are singles."""

from __future__ import annotations

from functools import cache
from typing import Any

import pytest
import torch

import camkit_core as camkit
from helpers.families import dense, huggingface, shared

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")

FAMILIES = {**dense.FAMILIES, **huggingface.FAMILIES, **shared.FAMILIES}
METHODS = ["gradcam", "ablationcam", "scorecam", "eigencam"]
every_family = pytest.mark.parametrize("name", FAMILIES)


@cache
def built(name: str) -> Any:
    return FAMILIES[name].build()


def explained(name: str, method: str, inputs: Any, **further: Any) -> camkit.Explanation:
    family = FAMILIES[name]
    settings = {"target": family.target, "batch_size": 32, **family.settings, **further}
    return camkit.explain(built(name), inputs, method, **settings)


@every_family
def test_the_map_is_that_of_a_plain_hook_at_the_layer_to_be_explained(name: str) -> None:
    family = FAMILIES[name]
    explanation = explained(name, "gradcam", family.inputs(1))
    expected = family.gradcam(built(name))
    assert explanation.layer == family.layer
    tolerance = 1e-4 * float(expected.abs().max())
    torch.testing.assert_close(explanation.cam, expected, rtol=0, atol=tolerance)


@every_family
def test_the_layer_by_its_name_gives_the_same_map_to_the_last_bit(name: str) -> None:
    inputs = FAMILIES[name].inputs(1)
    for method in METHODS:
        alone = explained(name, method, inputs)
        assert torch.equal(explained(name, method, inputs, layer=alone.layer).cam, alone.cam)


@every_family
def test_two_images_at_once_are_two_images(name: str) -> None:
    family = FAMILIES[name]
    for method in METHODS[family.jumps :]:  # all but gradcam where the gradient jumps
        together = explained(name, method, family.inputs(2)).cam
        expected = torch.cat([explained(name, method, family.alone(k, 2)).cam for k in (0, 1)])
        tolerance = 2e-3 * float(expected.abs().max())  # small maps of deep networks in float32
        torch.testing.assert_close(together, expected, rtol=0, atol=tolerance)
