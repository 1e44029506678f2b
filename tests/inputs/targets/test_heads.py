"""Models whose classifier is gone are not explained as if their features were classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn
from transformers import (
    AutoModel,
    AutoModelForImageClassification,
    ConvNextConfig,
    ResNetConfig,
    ViTConfig,
    ViTForImageClassification,
)

import camkit_core as camkit
from camkit_core import SimilarityTarget, TargetError
from camkit_core.results.caveats import FEATURES
from helpers.small_nets import FAMILIES

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")
IMAGES = torch.randn(2, 3, 64, 64, generator=torch.manual_seed(0))


def _without(name: str, *path: Any) -> Callable[[], nn.Module]:
    """A network of torchvision with an identity in place of the module at the path."""

    def make() -> nn.Module:
        model = torchvision.models.get_model(name, num_classes=7)
        parent = model
        for step in path[:-1]:
            parent = parent[step] if isinstance(step, int) else getattr(parent, step)
        if isinstance(path[-1], int):
            parent[path[-1]] = nn.Identity()
        else:
            setattr(parent, path[-1], nn.Identity())
        return model

    return make


def _timm_reset() -> nn.Module:
    model = timm.create_model("test_resnet", num_classes=7)
    model.fc = nn.Identity()
    return model


def _vgg() -> nn.Module:
    model = FAMILIES["vgg"]()  # of few weights, as the class's own head has 120 million
    model.classifier[-1] = nn.Identity()
    return model


def _torchvision_vit() -> nn.Module:
    model = torchvision.models.VisionTransformer(64, 16, 2, 2, 32, 48, num_classes=7)
    model.heads = nn.Identity()
    return model


def _vit() -> ViTConfig:
    return ViTConfig(hidden_size=32, num_hidden_layers=2, num_attention_heads=2,
                     intermediate_size=48, image_size=64, num_labels=7)  # fmt: skip


class TunedModel(nn.Module):
    """Has all that the model inside it has, as peft's wrapper does."""

    def __init__(self, inside: nn.Module) -> None:
        super().__init__()
        self.inside = inside

    def __getattr__(self, name: str) -> Any:
        try:
            return super().__getattr__(name)
        except AttributeError:
            return getattr(self._modules["inside"], name)

    def forward(self, pixel_values: Tensor) -> Any:
        return self.inside(pixel_values)


def test_a_wrapper_with_the_attributes_of_a_classifier_has_its_classes() -> None:
    model = ViTForImageClassification(_vit()).eval()
    images = torch.randn(1, 3, 64, 64)
    expected = camkit.explain(model, images, target=2).cam
    torch.testing.assert_close(camkit.explain(TunedModel(model), images, target=2).cam, expected)


HEADLESS: dict[str, Callable[[], nn.Module]] = {
    "timm convolutional": lambda: timm.create_model("test_resnet", num_classes=0),
    "timm transformer": lambda: timm.create_model("test_vit", num_classes=0, img_size=64),
    "timm with another pool": lambda: timm.create_model("test_efficientnet", num_classes=0),
    "timm, taken out later": _timm_reset,
    "resnet": _without("resnet18", "fc"),
    "vgg, the last of the head": _vgg,
    "vit": _torchvision_vit,
    "densenet": _without("densenet121", "classifier"),
    "mobilenet, all of the head": _without("mobilenet_v3_small", "classifier"),
    "mobilenet, the last of the head": _without("mobilenet_v2", "classifier", 1),
    "convnext, the last of the head": _without("convnext_tiny", "classifier", 2),
    "swin": _without("swin_t", "head"),
}


@pytest.mark.parametrize("kind", HEADLESS)
def test_a_model_without_its_classifier_is_refused_with_advice_that_works(kind: str) -> None:
    torch.manual_seed(0)
    model = HEADLESS[kind]().eval()
    for target in (None, 3, [3, 4]):
        with pytest.raises(TargetError, match=r"has no classifier .*holds features") as caught:
            camkit.explain(model, IMAGES, target=target)
    advised = eval(str(caught.value).split("target=")[1].split(", or how")[0])
    assert bool(camkit.explain(model, IMAGES, target=advised).cam.any())
    with torch.no_grad():
        other = model(IMAGES[1:])[0]
    assert bool(camkit.explain(model, IMAGES, target=SimilarityTarget(other)).cam.any())


@pytest.mark.parametrize("config", [_vit(), ResNetConfig(), ConvNextConfig()], ids=type)
def test_a_base_of_transformers_is_refused_whatever_part_is_asked_for(config: Any) -> None:
    config.hidden_sizes, config.depths = getattr(config, "hidden_sizes", None), [1, 1, 1, 1]
    if config.hidden_sizes:
        config.hidden_sizes = [8, 16, 24, 32]
    config.embedding_size = 8
    model = AutoModel.from_config(config).eval()
    with pytest.raises(TargetError) as caught:
        camkit.explain(model, IMAGES)
    assert "36" not in str(caught.value)

    def pooled(output: Any) -> Tensor:
        return output["pooler_output"].flatten(0).norm()

    assert bool(camkit.explain(model, IMAGES, target=pooled).cam.isfinite().all())
    if config.model_type == "vit":
        with pytest.raises(TargetError, match="base of models that have one"):
            camkit.explain(model, IMAGES, output="pooler_output")
    whole = AutoModelForImageClassification.from_config(config).eval()
    assert camkit.explain(whole, IMAGES).target.shape == (2,)


def test_a_function_of_the_output_may_add_a_classifier() -> None:
    model, head = timm.create_model("test_resnet", num_classes=0).eval(), nn.LazyLinear(7)
    e = camkit.explain(model, IMAGES, target=2, output=head)
    assert e.logits.shape == (2, 7)


def test_a_network_cut_off_by_hand_gets_a_note() -> None:
    torch.manual_seed(0)
    stages = list(torchvision.models.resnet18().children())[:-1]
    model = nn.Sequential(*stages, nn.Flatten())
    model(IMAGES)  # in training mode, so that its norms have seen a batch
    e = camkit.explain(model, IMAGES, layer="7")
    assert FEATURES in e.notes


class Temperature(nn.Module):
    """A head of another kind, behind pooled features."""

    def __init__(self, head: Callable[[Tensor, Tensor], Tensor]) -> None:
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 16, 3), nn.BatchNorm2d(16), nn.ReLU())
        self.weight, self.head = nn.Parameter(torch.randn(5, 16)), head
        self.classifier = nn.Identity()  # a place for what is not there

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.features(images).mean((2, 3)), self.weight)


HEADS: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "linear": lambda x, w: x @ w.T,
    "temperature": lambda x, w: nn.functional.linear(x, w) / 0.07,
    "cosine": lambda x, w: 30 * nn.functional.cosine_similarity(x[:, None], w[None], 2),
    "normalised": lambda x, w: nn.functional.normalize(x @ w.T, dim=1),
    "layer norm of logits": lambda x, w: nn.functional.layer_norm(x @ w.T, (5,)),
    "bias by hand": lambda x, w: x @ w.T + w[:, 0],
    "distances": lambda x, w: -torch.cdist(x, w),
}


@pytest.mark.parametrize("kind", HEADS)
def test_other_heads_are_heads(kind: str) -> None:
    e = camkit.explain(Temperature(HEADS[kind]), IMAGES, layer="features")
    assert e.target.shape == (2,)
    assert FEATURES not in e.notes


def _pooled_convolutions() -> nn.Module:
    blocks = [(3, 12), (12, 12), (12, 7)]
    layers = [
        layer
        for given, out in blocks
        for layer in (nn.Conv2d(given, out, 3), nn.BatchNorm2d(out), nn.ReLU())
    ]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())


@pytest.mark.parametrize(
    "make",
    [
        _pooled_convolutions,
        *(
            (lambda name=name: torchvision.models.get_model(name, num_classes=7))
            for name in ("squeezenet1_1", "resnet18", "mobilenet_v2", "efficientnet_b0", "swin_t",
                         "convnext_tiny", "regnet_y_400mf", "shufflenet_v2_x0_5", "mnasnet0_5")
        ),
        *(
            (lambda name=name: timm.create_model(name, num_classes=7))
            for name in ("test_resnet", "test_efficientnet", "test_convnext", "test_byobnet",
                         "test_nfnet", "test_mambaout", "mobilenetv4_conv_small", "fastvit_t8")
        ),
    ],
)  # fmt: skip
def test_classifiers_raise_no_alarm(make: Callable[[], nn.Module]) -> None:
    torch.manual_seed(0)
    e = camkit.explain(make().eval(), IMAGES)
    assert e.logits.shape == (2, 7)
    assert FEATURES not in e.notes
