"""Metrics on maps and models for which the value can be worked out by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from torch import nn

from camkit_core import CamkitError, PluginError, TargetError, UnknownName, compare
from camkit_core.testing.networks import conv_net, some_images
from camkit_core.testing.state import nothing_changes

METRICS = (
    *("insertion", "deletion", "road", "road_morf", "road_lerf", "average_drop"),
    *("average_increase", "average_gain", "adcc", "sensitivity", "randomisation", "area"),
)


class Mean(nn.Module):
    """Two classes, whose probabilities are the mean of the image, and what is left to one."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Identity()

    def forward(self, images):
        mean = self.layer(images).mean((1, 2, 3))
        return torch.stack([mean.log(), (1 - mean).log()], 1)


def as_map(values):
    """A method whose map is given."""

    def given(probe):
        return torch.as_tensor(values, dtype=torch.float32).expand(len(probe.images), -1, -1)

    return given


def itself(probe):
    """A method whose map is the image."""
    return probe.images.mean(1)


def of(metric, method, images, target=0, model=None, **options):
    """The values of a metric, as a list."""
    found = compare(
        (model or Mean()).eval(), images, [method], [target], "layer", metrics={metric: options}
    )
    (one,) = (m for m in found.judgement.measures if m.method == method.__name__)
    return one.values.tolist()


IMAGE = torch.tensor([[[[0.8, 0.4], [0.1, 0.2]]]])
HALF = [[1.0, 1.0], [0.0, 0.0]]


def test_insertion_is_the_area_under_the_uncovered_pixels():
    # Sums of 0, 0.8, 1.2, 1.4, 1.5 in four pixels, as trapezoids over four steps.
    expected = (0.8 + 1.2 + 1.4 + 1.5 / 2) / 4 / 4
    assert of("insertion", itself, IMAGE, steps=4, baseline="zero") == pytest.approx([expected])


def test_deletion_is_the_area_under_what_is_left():
    expected = (1.5 / 2 + 0.7 + 0.3 + 0.1) / 4 / 4
    assert of("deletion", itself, IMAGE, steps=4) == pytest.approx([expected])


def test_insertion_and_deletion_of_one_step_are_the_mean_of_both_ends():
    for metric in ("insertion", "deletion"):
        found = of(metric, itself, IMAGE, steps=1, baseline="zero")
        assert found == pytest.approx([1.5 / 4 / 2])


def test_a_blurred_start_keeps_the_mean_of_a_uniform_image():
    image = torch.full((1, 1, 8, 8), 0.3)
    assert of("insertion", itself, image) == pytest.approx([0.3], abs=1e-5)
    assert of("deletion", itself, image, baseline="blur") == pytest.approx([0.3], abs=1e-5)


def test_equal_pixels_come_in_no_order_of_place():
    """With the left half of the image white, a map that is one everywhere is no map of the left."""
    image = torch.zeros(1, 1, 16, 16)
    image[..., :8] = 1
    for metric in ("insertion", "deletion"):
        (found,) = of(metric, as_map(torch.ones(16, 16)), image, steps=16, baseline="zero")
        assert found == pytest.approx(0.25, abs=0.03)


def test_average_drop_is_the_share_that_is_lost():
    image = torch.full((1, 1, 2, 2), 0.8)
    assert of("average_drop", as_map(HALF), image) == pytest.approx([50])
    assert of("average_increase", as_map(HALF), image) == [0]
    assert of("average_gain", as_map(HALF), image) == [0]


def test_increase_and_gain_of_a_class_that_the_rest_of_the_image_speaks_against():
    # The other class has 0.2, and 0.6 where half of the image is black: 0.4 of the missing 0.8.
    image = torch.full((1, 1, 2, 2), 0.8)
    assert of("average_increase", as_map(HALF), image, 1) == [100]
    assert of("average_gain", as_map(HALF), image, 1) == pytest.approx([50])
    assert of("average_drop", as_map(HALF), image, 1) == [0]


def test_a_map_of_the_whole_image_loses_nothing_and_its_area_says_why():
    image = torch.full((1, 1, 2, 2), 0.8)
    whole = as_map(torch.ones(2, 2))
    assert of("average_drop", whole, image) == [0]
    assert of("area", whole, image) == [1]
    assert of("area", as_map(HALF), image) == [0.5]


def test_adcc_by_hand():
    # Black and white: masked by itself it is the same image, so that coherency is 1 and nothing is
    # lost; half of it is the map.
    image = torch.tensor([[[[1.0, 1.0], [0.0, 0.0]]]])
    assert of("adcc", itself, image) == pytest.approx([3 / (1 + 1 / 0.5 + 1)])


def test_adcc_of_grey_by_hand():
    values = np.array([0.8, 0.4, 0.1, 0.2])
    heat, again = values / 0.8, values**2 / 0.64
    coherency = (1 + np.corrcoef(heat, again)[0, 1]) / 2
    drop = 1 - (values * heat).mean() / values.mean()
    expected = 3 / (1 / coherency + 1 / (1 - heat.mean()) + 1 / (1 - drop))
    assert of("adcc", itself, IMAGE) == pytest.approx([expected], abs=1e-5)


def test_adcc_of_a_constant_map_is_undefined_and_noted():
    found = compare(
        Mean().eval(), IMAGE, [as_map(torch.ones(2, 2))], [0], "layer", metrics=["adcc"]
    )
    assert math.isnan(found.judgement.measures[0].values[0])
    assert any("adcc is not defined" in note for note in found[0, 0].notes)


def test_sensitivity_is_nothing_for_a_map_that_ignores_the_image():
    assert of("sensitivity", as_map(HALF), IMAGE) == [0]


def test_sensitivity_is_the_largest_relative_change():
    """Of two pixels, one 1 and one a: the map is (1, a), and only a moves after division."""
    image = torch.tensor([[[[1.0, 0.5]]]])
    (found,) = of("sensitivity", itself, image, radius=0.1, samples=5)
    generator, worst = torch.Generator().manual_seed(0), 0.0
    for _ in range(5):
        one, other = (image + 0.1 * (2 * torch.rand(1, 1, 2, generator=generator) - 1)).flatten()
        worst = max(worst, abs(float(other / one) - 0.5))
    assert found == pytest.approx(worst / math.sqrt(1.25), abs=1e-6)


def test_randomisation_is_one_for_a_map_that_ignores_the_model():
    model, images = conv_net(), some_images(1)
    assert of("randomisation", itself, images, model=model) == pytest.approx([1])


def test_randomisation_is_lower_for_a_map_that_reads_the_model():
    found = compare(
        conv_net(), some_images(3), ["gradcam"], [1], "layer", metrics=["randomisation"]
    )
    assert float(found.judgement.measures[0].values.mean()) < 0.6


def test_road_of_a_uniform_image_is_its_probability():
    """Whatever is removed is filled with what is around it."""
    image = torch.full((1, 1, 8, 8), 0.7)
    for metric in ("road_morf", "road_lerf"):
        assert of(metric, as_map(torch.rand(8, 8)), image, noise=0) == pytest.approx(
            [0.7], abs=1e-4
        )


def test_road_of_a_map_without_an_order_is_zero():
    assert of("road", as_map(torch.ones(8, 8)), torch.rand(1, 1, 8, 8)) == [0]


def test_road_of_the_whites_in_a_black_image():
    """Without the white pixel nothing is white, and without the others everything is."""
    image = torch.zeros(1, 1, 3, 3)
    image[0, 0, 1, 1] = 0.9
    shares = [1 / 9]
    (highest,) = of("road_morf", itself, image, shares=shares, noise=0)
    assert highest == pytest.approx(0, abs=1e-6)
    (lowest,) = of("road_lerf", itself, image, shares=[8 / 9], noise=0)
    assert lowest == pytest.approx(0.9, abs=1e-4)


@pytest.mark.parametrize("metric", METRICS)
def test_a_batch_has_the_values_of_its_images(metric):
    model, images = conv_net(), some_images(3)
    together = of(metric, gradcam, images, [1, 2, 0], model)
    for index, target in enumerate([1, 2, 0]):
        alone = of(metric, gradcam, images[index : index + 1], target, model)
        assert alone == pytest.approx([together[index]], abs=2e-4, nan_ok=True)


@pytest.mark.parametrize("metric", METRICS)
def test_the_model_and_the_process_are_left_as_they_were(metric):
    model, images = conv_net().train(), some_images(2)
    with nothing_changes(model, images):
        first = of(metric, gradcam, images, 1, model.train())
        model.train()
        again = of(metric, gradcam, images, 1, model)
        model.train()
    assert first == pytest.approx(again, nan_ok=True)


def test_weights_are_put_back_when_a_randomised_network_fails():
    class Fragile(nn.Module):
        def __init__(self):
            super().__init__()
            self.network, self.runs = conv_net(), 0
            self.layer = self.network.layer

        def forward(self, images):
            self.runs += 1
            if self.runs == 4:
                raise RuntimeError("out of luck")
            return self.network(images)

    model, images = Fragile().eval(), some_images(1)
    tensors = [parameter.data_ptr() for parameter in model.parameters()]
    with nothing_changes(model, images), pytest.raises(RuntimeError, match="out of luck"):
        of("randomisation", gradcam, images, 1, model)
    assert [parameter.data_ptr() for parameter in model.parameters()] == tensors


def gradcam(probe):
    return probe.weighted_sum(probe.gradients.mean(probe.spatial_axes))


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


def test_the_judgement_has_methods_and_baselines_and_the_comparison_methods_alone():
    found = compare(
        conv_net(), some_images(2), ["gradcam", "hirescam"], [0, 1], "layer", metrics=["area"]
    )
    judgement = found.judgement
    assert found.methods == ("gradcam", "hirescam")
    assert list(judgement.explanations) == [
        "gradcam",
        "hirescam",
        "uniform",
        "centre",
        "edges",
        "random",
    ]
    assert list(judgement.costs) == ["gradcam", "hirescam"]
    assert all(one.values.shape == (4,) for one in judgement.measures)
    assert len(judgement.names) == len(judgement.pictures) == 4


def test_maps_are_those_of_compare_without_metrics():
    model, images = conv_net(), some_images(2)
    plain = compare(model, images, ["gradcam", "scorecam"], [0, 1], "layer")
    judged = compare(model, images, ["gradcam", "scorecam"], [0, 1], "layer", metrics=["area"])
    for one, other in zip(plain, judged, strict=True):
        assert torch.equal(one.cam, other.cam)


def test_costs_count_the_runs_of_each_method_alone():
    model, images = conv_net(channels=6), some_images(2)
    found = compare(model, images, ["gradcam", "scorecam"], [0, 1], "layer", metrics=["area"])
    gradient, scores = found.judgement.costs["gradcam"], found.judgement.costs["scorecam"]
    channels = found[0, 0].cam.new_zeros(0).numel() + model.layer.out_channels
    assert (gradient.forward_passes, gradient.backward_passes) == (0.5, 1)
    assert scores.forward_passes == 0.5 + channels / 2  # the same masks for both targets
    assert scores.backward_passes == 0
    assert gradient.seconds > 0


def test_the_probability_of_one_logit_is_its_sigmoid():
    class OneLogit(Mean):
        def forward(self, images):
            return self.layer(images).mean((1, 2, 3))[:, None]

    image = torch.full((1, 1, 2, 2), 0.8)
    for target, sign in ((1, 1), (0, -1)):
        (found,) = of("insertion", itself, image, target, OneLogit(), steps=1, baseline="zero")
        assert found == pytest.approx((0.5 + 1 / (1 + math.exp(-sign * 0.8))) / 2)


def test_baselines_are_nothing_to_warn_of(recwarn):
    found = compare(conv_net(), some_images(1), ["gradcam"], [1], "layer", metrics=["area"])
    assert "same everywhere" in str(found.judgement.explanations["uniform"][0].blank())
    assert not [one for one in recwarn if "blank map" in str(one.message)]
