"""Errors about metrics: unknown ones, their options, and what they return."""

from __future__ import annotations

import pytest

from camkit_core import CamkitError, PluginError, TargetError, UnknownName, compare
from camkit_core.testing.networks import conv_net, some_images
from helpers.metric_values import gradcam, of


def test_a_target_that_is_no_class_has_no_probability():
    with pytest.raises(TargetError, match="class probabilities need class targets"):
        of("insertion", gradcam, some_images(1), lambda output: output[1], conv_net())


def test_an_unknown_metric_is_named_with_its_like():
    with pytest.raises(UnknownName, match="insertion"):
        compare(conv_net(), some_images(1), metrics=["insertoin"], layer="layer")


def test_an_unknown_option_is_named():
    with pytest.raises(UnknownName, match="steps"):
        of("insertion", gradcam, some_images(1), 1, conv_net(), stepps=3)


def test_a_metric_without_a_direction_is_refused():
    with pytest.raises(PluginError, match="higher_is_better"):
        compare(conv_net(), some_images(1), metrics=[lambda case: case.cam], layer="layer")


def test_a_metric_of_another_shape_is_an_error_with_both():
    def maps(case):
        return case.cam

    maps.higher_is_better = True
    with pytest.raises(CamkitError, match=r"'maps' must return a value for each of 2 images"):
        compare(conv_net(), some_images(2), metrics=[maps], layer="layer")


def test_metrics_judge_plain_maps_of_one_layer():
    with pytest.raises(CamkitError, match="leave out aug_smooth"):
        compare(conv_net(), some_images(1), metrics=["area"], layer="layer", aug_smooth=True)
    with pytest.raises(CamkitError, match="one layer"):
        compare(conv_net(), some_images(1), metrics=["area"], layer=["layer", "stem"])
