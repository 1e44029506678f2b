"""The extractors by gradients."""

from __future__ import annotations

from operator import itemgetter
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import mobilenet_v2

from helpers.torchcam_situations import Library, hook_count, valid

NAMES = ["GradCAM", "GradCAMpp", "SmoothGradCAMpp", "XGradCAM", "LayerCAM"]
EACH = pytest.mark.parametrize("name", NAMES)


@EACH
@pytest.mark.parametrize("count", [1, 2])
def test_maps_of_one_class_and_of_one_for_each(
    count: int, name: str, methods: ModuleType, net: Any, images: Tensor
) -> None:
    net.requires_grad_(False)
    images = images[:count].requires_grad_()
    with getattr(methods, name)(net, net[0][3]) as extractor:
        scores = net(images)
        cam = extractor(scores[0].argmax().item(), scores, retain_graph=True)[0]
        assert valid(cam, (count, 8, 8))
        assert valid(extractor(list(range(count)), scores)[0], (count, 8, 8))


def test_maps_of_a_real_network(methods: ModuleType) -> None:
    model, images = mobilenet_v2(width_mult=0.2).eval(), torch.rand(1, 3, 64, 64)
    with methods.GradCAM(model, "features.18.0") as extractor:
        scores = model(images)
        assert valid(extractor(scores[0].argmax().item(), scores)[0], (1, 2, 2))


@EACH
def test_a_layer_before_an_operation_in_place(
    name: str, methods: ModuleType, net: Any, images: Tensor
) -> None:
    net[0][3] = nn.ReLU(inplace=True)
    with getattr(methods, name)(net, "0.2") as extractor:
        assert valid(extractor(0, net(images))[0], (2, 8, 8))


@EACH
def test_videos_have_maps_in_time(
    name: str, methods: ModuleType, video_net: nn.Module, video: Tensor
) -> None:
    with getattr(methods, name)(video_net, "0.3") as extractor:
        assert valid(extractor(1, video_net(video))[0], (1, 4, 8, 8))


@EACH
def test_several_layers_have_a_map_each(
    name: str, methods: ModuleType, net: nn.Module, images: Tensor
) -> None:
    with getattr(methods, name)(net, ["0.0", "0.3"]) as extractor:
        cams = extractor(1, net(images))
        assert [cam.shape for cam in cams] == [(2, 8, 8)] * 2
        assert extractor.fuse_cams(cams).shape == (2, 8, 8)


def test_smooth_gradcampp_says_its_settings(methods: ModuleType, net: nn.Module) -> None:
    with methods.SmoothGradCAMpp(net, "0.3") as extractor:
        text = "SmoothGradCAMpp(target_layer=['0.3'], num_samples=4, std=0.3)"
        assert repr(extractor) == text


def test_targets_leave_the_gradients_of_parameters(
    methods: ModuleType, structured: nn.Module, images: Tensor
) -> None:
    with methods.GradCAM(structured, "features") as extractor:
        output = structured(images)
        for parameter in structured.parameters():
            parameter.grad = torch.ones_like(parameter)
        own = [itemgetter("first"), itemgetter("second")]
        assert valid(extractor(scores=output, targets=own)[0], (2, 8, 8))
    assert all((parameter.grad == 1).all() for parameter in structured.parameters())


def test_smooth_gradcampp_takes_targets_and_no_scores(
    methods: ModuleType, structured: nn.Module, images: Tensor
) -> None:
    with methods.SmoothGradCAMpp(structured, "features", num_samples=2) as extractor:
        structured(images)
        assert valid(extractor(targets=itemgetter("first"))[0], (2, 8, 8))


def test_a_score_that_does_not_depend_on_the_layer(
    methods: ModuleType, structured: nn.Module, images: Tensor
) -> None:
    with methods.GradCAM(structured, "features") as extractor:
        output = structured(images)
        with pytest.raises(RuntimeError, match="not connected to every target layer"):
            extractor(scores=output, targets=lambda sample: sample["first"].detach())


@pytest.mark.parametrize(
    ("target", "error", "match"),
    [
        (itemgetter(slice(2)), ValueError, "scalar tensor"),
        (lambda row: 1.0, TypeError, "tensor"),
        ([itemgetter(0)], ValueError, "batch size"),
        ([itemgetter(0), 1], TypeError, "callable"),
        ("first", TypeError, "callable"),
    ],
)
def test_targets_that_cannot_be_used(
    target: Any, error: type, match: str, methods: ModuleType, net: nn.Module, images: Tensor
) -> None:
    with methods.GradCAM(net, "0.3") as extractor:
        scores = net(images)
        with pytest.raises(error, match=match):
            extractor(scores=scores, targets=target)


def test_outputs_that_targets_cannot_read(
    methods: ModuleType, net: nn.Module, images: Tensor
) -> None:
    with methods.GradCAM(net, "0.3") as extractor:
        net(images)
        with pytest.raises(TypeError, match="tensor or a"):
            extractor(scores=(1, 2), targets=itemgetter(0))
        with pytest.raises(ValueError, match="batch dimension"):
            extractor(scores=torch.tensor(1.0), targets=itemgetter(0))


def test_hooks_do_not_add_up(methods: ModuleType, net: nn.Module, images: Tensor) -> None:
    with methods.GradCAM(net, "0.3") as extractor:
        before = len(extractor.hook_handles), hook_count(net)
        for _ in range(3):
            extractor(1, net(images), retain_graph=True)
        assert (len(extractor.hook_handles), hook_count(net)) == before == (2, 2)
        assert len(extractor._hook_outputs) == 1


def test_smooth_gradcampp_keeps_inputs_again_after_a_failure(
    methods: ModuleType, net: nn.Module, images: Tensor, monkeypatch: Any
) -> None:
    def fails(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("mine")

    with methods.SmoothGradCAMpp(net, "0.3", num_samples=1) as extractor:
        scores = net(images)
        monkeypatch.setattr(extractor, "_backprop", fails)
        with pytest.raises(RuntimeError, match="mine"):
            extractor(1, scores)
        assert extractor._ihook_enabled


@EACH
def test_the_model_is_as_it_was(
    name: str, library: Library, net: nn.Module, images: Tensor
) -> None:
    before = {key: value.clone() for key, value in net.state_dict().items()}
    scores = net(images).detach().clone()
    with getattr(library("methods.gradient"), name)(net, "0.3") as extractor:
        extractor(1, net(images))
    assert hook_count(net) == 0
    assert all(parameter.grad is None for parameter in net.parameters())
    assert all((value == before[key]).all() for key, value in net.state_dict().items())
    assert (net(images) == scores).all()
