"""Tier 0: every built-in passes, and a method with a bug fails the check that is meant for it."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
import torch

from camkit_core import CamkitError, Method, upsample
from camkit_core.cli import main
from camkit_core.plugins.lookup import look_up
from camkit_core.testing.ground_truth.disconnected import check_disconnected, disconnected
from camkit_core.testing.ground_truth.known_maps import CHECK as CLOSED
from camkit_core.testing.ground_truth.known_maps import check_closed_form
from camkit_core.testing.ground_truth.networks import FAMILIES
from camkit_core.testing.ground_truth.planted import (
    CHANCE,
    CLASS,
    MANY,
    PLACE,
    MatchedFilters,
    check_chance,
    check_planted,
    planted,
)
from camkit_core.testing.ground_truth.tier0 import check_method, installed
from helpers.few_runs import FEW, shortened

GRADIENTS = ("gradcam", "gradcam++", "xgradcam", "ablationcam", "scorecam", "hirescam", "layercam")


def failures(findings):
    return [outcome.check for outcome in findings if outcome.verdict == "FAILED"]


def gradcam(probe):
    return probe.weighted_sum(probe.gradients.mean(probe.spatial_axes))


def wrong_sign(probe):
    return -gradcam(probe)


def wrong_class(probe):
    classes = (probe.targets.classes + 1) % probe.logits.shape[1]
    with torch.enable_grad():
        score = probe.recording.output.gather(1, classes[:, None]).sum()
    gradients = probe.recording.gradients([score])[0]
    return probe.weighted_sum(gradients.mean(probe.spatial_axes))


def transposed(probe):
    cam = gradcam(probe)
    return upsample(cam.transpose(1, 2), cam.shape[1:])


def upside_down(probe):
    return gradcam(probe).flip(1)


def softmax_over_images(probe):
    """Score-CAM whose weights are divided among the images of a batch."""
    names = probe.activations.flatten(2)
    low, high = names.amin(2)[..., None, None], names.amax(2)[..., None, None]
    masks = (probe.activations - low) / (high - low).clamp(min=1e-9)
    scores = torch.stack(
        [
            probe.input_scores(image, (probe.images[image] * mask for mask in row), len(row))
            for image, row in enumerate(masks)
        ]
    )
    return probe.weighted_sum(scores.softmax(0))


def pooled(probe):
    """States that it weighs positions one by one, but weighs whole channels."""
    return gradcam(probe)


pooled.position_wise = True


def knows_the_middle(probe):
    height, width = probe.activations.shape[2:]
    cam = torch.zeros(len(probe.images), height, width)
    cam[:, height // 2, width // 2] = 1
    return cam


# SESS blurs more widely than the pattern's five pixels; its docs say so.
WIDE = {"sess"}


@pytest.mark.parametrize("name", [n for n in installed() if "rise" not in n and n not in WIDE])
def test_every_installed_method_passes(name):
    function = look_up("method", name)[1]
    method = shortened(name) if name in FEW else name
    findings = [*check_closed_form(name, name), check_chance(name, method)]
    findings += check_planted(name, method, Method.of(function).needs_class)
    assert failures(findings) == []


@pytest.mark.parametrize("name", ["hirescam", "layercam", "gradcam_elementwise"])
def test_a_position_wise_method_shows_nothing_where_the_class_cannot_see(name):
    findings = check_disconnected(name, name, exact=True)
    assert [outcome.number for outcome in findings] == [0] * len(FAMILIES)
    assert failures(findings) == []


def test_the_leak_of_whole_channels_is_told_and_not_judged():
    findings = check_disconnected("gradcam", "gradcam", exact=False)
    assert {outcome.verdict for outcome in findings} == {"leak"}
    assert all(outcome.number > 0.1 and "measured at" in outcome.told for outcome in findings)


@pytest.mark.parametrize("name", GRADIENTS)
def test_the_five_and_their_kin_have_a_closed_form(name):
    (outcome,) = check_closed_form(name, name)
    assert outcome.verdict == "ok"
    assert outcome.number < 1e-10


@pytest.mark.parametrize("bug", [wrong_sign, wrong_class, transposed, upside_down])
@pytest.mark.parametrize("check", [CLOSED, "planted"])
def test_a_bug_fails_the_closed_form_and_the_planted_pattern(bug, check):
    if check == CLOSED:
        assert failures(check_closed_form("gradcam", bug)) == [CLOSED]
    else:
        assert failures(check_planted("gradcam", bug, needs_class=True))


def test_a_softmax_over_the_wrong_axis_fails_the_closed_form():
    assert failures(check_closed_form("scorecam", softmax_over_images)) == [CLOSED]


def test_a_map_of_the_wrong_class_is_told_from_one_in_the_wrong_place():
    assert CLASS in failures(check_planted("bug", wrong_class, needs_class=True))
    assert PLACE in failures(check_planted("bug", upside_down, needs_class=True))


def test_a_false_claim_of_weighing_positions_fails_on_every_family():
    findings = list(check_method("pooled", pooled, pooled))
    assert len([check for check in failures(findings) if "disconnected" in check]) == len(FAMILIES)


def weighted_gradients(activations, gradient):
    """Grad-CAM's map where the gradient is the same everywhere, in numpy."""
    return np.tensordot(gradient, activations, 1)


def test_the_closed_form_that_a_method_states_is_checked():
    brings = Method(closed_form=weighted_gradients)
    right, wrong = brings(lambda probe: gradcam(probe)), brings(lambda probe: -gradcam(probe))
    (outcome,) = [row for row in check_method("lab", right, right) if row.check == CLOSED]
    assert outcome.verdict == "ok"
    assert outcome.number < 1e-10
    (outcome,) = [row for row in check_method("lab", wrong, wrong) if row.check == CLOSED]
    assert (outcome.verdict, round(outcome.number)) == ("FAILED", 2)


def test_a_stated_closed_form_goes_before_the_one_of_that_name():
    (outcome,) = check_closed_form("gradcam", gradcam, lambda activations, gradient: activations[0])
    assert outcome.verdict == "FAILED"


def test_a_method_that_states_that_it_needs_no_class_is_asked_for_none():
    for fact in (Method(needs_class=False), Method(expected_failures={"target": "no class"})):
        method = fact(lambda probe: probe.activations.sum(1))
        outcomes = [row for row in check_method("lab", method, method) if "planted" in row.check]
        assert {row.told for row in outcomes} == {"it reads no class"}


def test_a_map_of_another_shape_is_a_failure_with_both_shapes():
    (outcome,) = check_closed_form("gradcam", lambda probe: gradcam(probe)[:, :2])
    assert outcome.verdict == "FAILED"
    assert "expected maps (2, 3, 4), got (2, 2, 4)" in outcome.told


def test_a_method_that_refuses_a_model_does_not_apply():
    def refuses(probe):
        raise CamkitError("needs attention")

    findings = [*check_planted("x", refuses, True), check_chance("x", refuses)]
    assert {(outcome.verdict, outcome.told) for outcome in findings} == {
        ("does not apply", "needs attention")
    }
    assert math.isnan(findings[0].number)


def test_knowing_the_middle_is_no_knowledge():
    assert check_chance("middle", knows_the_middle).verdict == "ok"
    assert CHANCE in check_chance("middle", knows_the_middle).check


def test_a_map_that_knows_the_boxes_is_not_at_chance():
    boxes = planted(MANY, fresh=True)[1][:, 0].float()
    assert check_chance("peeks", lambda probe: boxes).verdict == "FAILED"


def test_the_filters_find_what_is_planted_and_nothing_else():
    pictures, boxes = planted(8)
    network = MatchedFilters().eval()
    with torch.no_grad():
        marked = network.layer(network.match(pictures).relu())
        assert network(pictures).tolist() == [[300.0, 300.0, 6.0]] * 8
    assert torch.equal(marked > 0, boxes)
    assert not (boxes[:, 0] & boxes[:, 1]).any()


@pytest.mark.parametrize("family", FAMILIES)
def test_a_class_sees_its_own_quarter_alone(family):
    network = disconnected(family)
    images = torch.randn(1, 3, 128, 128)
    changed = images.clone()
    changed[..., :64, 64:] += 1  # the second quarter
    with torch.no_grad():
        moved = (network(images) != network(changed))[0].tolist()
    assert moved == [False, True, False, False]


def test_the_command_prints_every_finding_and_succeeds(capsys):
    assert main(["evaluate", "--tier", "0", "--method", "hirescam"]) == 0
    shown = capsys.readouterr()
    assert "  closed form: ok" in shown.out
    assert "disconnected head, vit: ok 0 " in shown.out
    assert "edges" in shown.out
    assert "0 failures" in shown.err


def test_the_command_has_numbers_as_json(capsys):
    assert main(["evaluate", "--method", "randomcam", "--json"]) == 0
    findings = json.loads(capsys.readouterr().out)["findings"]
    assert {row["verdict"] for row in findings} == {"ok", "does not apply"}
    assert all(row["number"] is None for row in findings if row["verdict"] == "does not apply")


def test_an_unknown_method_is_one_line(capsys):
    assert main(["evaluate", "--method", "gradkam"]) == 2
    error = capsys.readouterr().err
    assert "gradcam" in error
    assert error.count("\n") == 1
