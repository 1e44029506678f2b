"""What every metric keeps: its value in a batch, the model, and the process."""

from __future__ import annotations

import pytest
from torch import nn

from camkit_core.testing.networks import conv_net, some_images
from camkit_core.testing.state import nothing_changes
from helpers.metric_values import gradcam, of

METRICS = (
    "insertion",
    "deletion",
    "road",
    "road_morf",
    "road_lerf",
    "average_drop",
    "average_increase",
    "average_gain",
    "adcc",
    "arcc",
    "sensitivity",
    "randomisation",
    "area",
)


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
