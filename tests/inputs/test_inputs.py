"""Models that take more than images, return more than scores, or sit inside another."""

from __future__ import annotations

from collections import UserDict
from typing import Any, NamedTuple

import pytest
import torch
import torchvision
from torch import Tensor, nn

import camkit_core as camkit

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")
METHODS = ("gradcam", "gradcam++", "xgradcam", "ablationcam", "scorecam", "guided_backprop")


class Body(nn.Module):
    """`conv`, ReLU, pooling, a head; float64."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 5)
        self.double()

    def scores(self, images: Tensor) -> Tensor:
        return self.head(self.conv(images).relu().mean((2, 3)))


class Prompted(Body):
    """Weighs its classes by a prompt for each image, and by one scale for all."""

    def forward(self, pixel_values: Tensor, prompt: Tensor, *, scale: float = 1.0) -> Tensor:
        prompt.mul_(scale)  # in place, in the caller's tensor
        return self.scores(pixel_values) * prompt


def pictures(count: int = 3) -> Tensor:
    return torch.randn(count, 3, 8, 8, dtype=torch.float64, generator=torch.manual_seed(1))


def prompts(count: int = 3) -> Tensor:
    return torch.rand(count, 5, dtype=torch.float64, generator=torch.manual_seed(2)) + 0.5


@pytest.mark.parametrize("method", METHODS)
def test_each_image_keeps_what_goes_with_it(method: str) -> None:
    """Named, by position, in a batch or alone: the same maps, also of a model inside which the
    prompt is a constant."""
    model, images, given = Prompted().eval(), pictures(), prompts()
    named = {"prompt": given, "pixel_values": images, "scale": 2.0}
    together = camkit.explain(model, named, method, 1, "conv")

    class Constant(nn.Module):
        def __init__(self, prompt: Tensor) -> None:
            super().__init__()
            self.inner, self.prompt = model, prompt

        def forward(self, x: Tensor) -> Tensor:
            return self.inner.scores(x) * self.prompt * 2

    for index in range(len(images)):
        alone = (images[index : index + 1], given[index : index + 1] * 2)
        expected = camkit.explain(Constant(alone[1] / 2), alone[0], method, 1, "inner.conv")
        torch.testing.assert_close(together.cam[index], expected.cam[0])
        assert torch.equal(
            camkit.explain(model, alone, method, 1, "conv", image_input=0).cam,
            camkit.explain(model, list(alone), method, 1, "conv").cam,
        )
    assert torch.equal(given, prompts())


class TwoTowers(Body):
    """Compares each image with each text; there are not as many texts as images."""

    def forward(self, texts: Tensor, pixel_values: Tensor) -> Any:
        embeds = self.scores(pixel_values)
        return {"similarity": embeds @ texts.T, "text_embeds": texts, "image_embeds": embeds}


@pytest.mark.parametrize("method", METHODS)
def test_texts_beside_the_images_are_the_same_for_each(method: str) -> None:
    model, images, texts = TwoTowers().eval(), pictures(), prompts(2)
    given = {"texts": texts, "pixel_values": images}
    explanation = camkit.explain(model, given, method, lambda o: o["similarity"][1], "conv")

    class OneText(Body):
        def forward(self, x: Tensor) -> Tensor:
            return self.scores(x) @ texts[1:].T

    plain = camkit.explain(OneText().eval(), images, method, lambda score: score[0], "conv")
    torch.testing.assert_close(explanation.cam, plain.cam)


def test_several_targets_layers_and_views_see_the_other_inputs() -> None:
    model, images = Prompted().eval(), UserDict(pixel_values=pictures(), prompt=prompts())
    both = camkit.compare(model, images, METHODS[:2], [1, 2], ["conv"], aug_smooth=True)
    assert len(both) == 4
    assert all(bool(e.cam.isfinite().all()) for e in both)


def test_without_a_layer_the_other_inputs_are_used_too() -> None:
    explanation = camkit.explain(
        Prompted(), {"pixel_values": pictures(), "prompt": prompts()}, target=1
    )
    assert explanation.layer == "conv > relu"


@pytest.mark.parametrize(
    ("given", "named", "message"),
    [
        ({"a": 1, "b": torch.ones(2)}, None, r"none of these .* 'a' int, 'b' \(2,\) float32"),
        ({"a": pictures(), "b": pictures()}, None, "several of these .* image_input='a'"),
        ({"a": pictures()}, "pixels", "'pixels' is none of the model's inputs: 'a'"),
        ({}, None, "no inputs"),
        ((), None, "expected images as a tensor .* got tuple"),
        ({"pixel_values": "photo.jpg"}, "pixel_values", "expected images as a tensor"),
    ],
)
def test_images_that_cannot_be_told_are_asked_for(given: Any, named: Any, message: str) -> None:
    with pytest.raises(camkit.InputError, match=message):
        camkit.explain(Prompted(), given, image_input=named)


# Outputs


class Pair(NamedTuple):
    logits: Tensor
    extra: Tensor


@pytest.mark.parametrize(
    "wrap",
    [
        lambda scores: (scores,),
        lambda scores: [scores],
        lambda scores: {"extra": scores * 2, "logits": scores},
        lambda scores: UserDict(logits=scores),
        lambda scores: Pair(scores, scores * 2),
    ],
    ids=["tuple", "list", "dict", "mapping", "named tuple"],
)
@pytest.mark.parametrize("method", METHODS)
def test_class_scores_are_found_in_what_the_model_returns(method: str, wrap: Any) -> None:
    class Wrapped(Body):
        def forward(self, images: Tensor) -> Any:
            return wrap(self.scores(images))

    plain = Body().eval()
    plain.forward = plain.scores
    expected = camkit.explain(plain, pictures(), method, None, "conv")
    explanation = camkit.explain(Wrapped(), pictures(), method, None, "conv")
    torch.testing.assert_close(explanation.cam, expected.cam)
    assert torch.equal(explanation.logits, expected.logits)


class Features(Body):
    def forward(self, images: Tensor) -> Any:
        return {"features": images, "aux": [images.mean((1, 2, 3)), self.scores(images)]}


@pytest.mark.parametrize("method", METHODS)
def test_an_adapter_says_how_any_other_output_is_read(method: str) -> None:
    model, plain = Features().eval(), Body().eval()
    plain.forward = plain.scores
    adapter = camkit.Adapter(model.conv, output=lambda output: output["aux"][1])
    expected = camkit.explain(plain, pictures(), method, 2, "conv")
    for layer in (None, "conv"):
        explanation = camkit.explain(model, pictures(), method, 2, layer, adapter=adapter)
        torch.testing.assert_close(explanation.cam, expected.cam)


def test_an_output_that_nobody_can_read_is_described() -> None:
    message = r"dict with keys features \(3, 3, 8, 8\), aux \(3,\), \(3, 5\)"
    with pytest.raises(camkit.TargetError, match=message):
        camkit.explain(Features(), pictures(), layer="conv")


# Models inside others


def test_a_note_tells_that_the_model_inside_was_explained() -> None:
    model = torchvision.models.resnet18(num_classes=3)
    explanation = camkit.explain(nn.DataParallel(model), torch.randn(1, 3, 64, 64))
    assert explanation.notes[0] == "explained the ResNet inside the DataParallel, eagerly"


class LitModel(nn.Module):
    """Like a Lightning module: a network inside, a loss, and a forward pass of its own."""

    def __init__(self, network: nn.Module) -> None:
        super().__init__()
        self.network, self.loss = network, nn.CrossEntropyLoss()

    def forward(self, images: Tensor) -> Tensor:
        return self.network((images - 0.5) / 0.25)


def test_a_network_that_is_a_part_of_another_module_is_explained() -> None:
    torch.manual_seed(0)
    network, images = torchvision.models.resnet18(num_classes=3).eval(), torch.rand(1, 3, 64, 64)
    explanation = camkit.explain(LitModel(network), images)
    expected = camkit.explain(network, (images - 0.5) / 0.25)
    torch.testing.assert_close(explanation.cam, expected.cam)
    assert explanation.layer == "network.layer4"


def quantised() -> nn.Module:
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.Flatten(), nn.Linear(144, 3))
    return torch.ao.quantization.quantize_dynamic(model, {nn.Linear})


def exported() -> nn.Module:
    model = torchvision.models.squeezenet1_1(num_classes=3).eval()
    return torch.export.export(model, (torch.randn(1, 3, 64, 64),)).module()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(
    ("make", "message"),
    [(quantised, "is quantised .2 is a quantised Linear."), (exported, "exported graph")],
)
def test_models_without_gradients_or_layers_are_refused_with_a_way_out(
    make: Any, message: str
) -> None:
    with pytest.raises(camkit.InputError, match=f"{message}.* pass the .* model it was made from"):
        camkit.explain(make(), torch.randn(1, 3, 8, 8))


def test_a_model_quantised_in_place_after_a_first_call_is_refused_as_before_it() -> None:
    layers = nn.Conv2d(3, 4, 3), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
    model, images = nn.Sequential(*layers).eval(), torch.randn(1, 3, 8, 8)
    camkit.explain(model, images, target=1, layer="0")
    torch.ao.quantization.quantize_dynamic(model, {nn.Linear}, dtype=torch.qint8, inplace=True)
    with pytest.raises(camkit.InputError, match="quantised"):
        camkit.explain(model, images, target=1, layer="0")


# Further inputs


@pytest.mark.parametrize("given", [(pictures(), 3), [pictures(), None]], ids=["tuple", "list"])
def test_more_inputs_than_the_model_takes_are_refused_with_both_counts(given: Any) -> None:
    with pytest.raises(camkit.InputError, match=r"got 2 inputs by position .* takes 1"):
        camkit.explain(nn.Conv2d(3, 4, 3), given, target=1)


def test_a_model_made_to_be_quantised_later_is_explained() -> None:
    """It adds by a module of torch's quantised ones, in floating point."""
    torch.manual_seed(0)
    model = torchvision.models.quantization.resnet18(num_classes=3).eval()
    plain = torchvision.models.resnet18(num_classes=3).eval()
    plain.load_state_dict(model.state_dict())
    images = torch.randn(1, 3, 32, 32)
    expected = camkit.explain(plain, images, target=1).cam
    torch.testing.assert_close(camkit.explain(model, images, target=1).cam, expected)
