"""The extractor itself: its layers, its hooks, its requests, and the fusion of maps."""

from __future__ import annotations

import logging
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import mobilenet_v3_large, resnet18

from helpers.torchcam_situations import Library, hook_count


@pytest.fixture
def extractor_class(library: Library) -> Any:
    return library("methods.core")._CAM


@pytest.mark.parametrize(
    ("layer", "error"),
    [("3", ValueError), (3, TypeError), ([3], TypeError), (nn.ReLU(), ValueError)],
)
def test_a_layer_that_is_not_there_is_an_error(
    layer: Any, error: type[Exception], extractor_class: Any, net: nn.Module
) -> None:
    with pytest.raises(error):
        extractor_class(net, layer)
    assert hook_count(net) == 0


def test_an_unknown_name_is_answered_with_the_nearest(extractor_class: Any, net: nn.Module) -> None:
    with pytest.raises(ValueError, match=r"unknown `target_layer` names: \['0.33'\], closest"):
        extractor_class(net, "0.33")


def test_layers_are_names_or_modules_or_lists_of_both(extractor_class: Any, net: Any) -> None:
    for layer, names in [("0.3", ["0.3"]), (net[0][3], ["0.3"]), (["0.1", net[0]], ["0.1", "0"])]:
        with extractor_class(net, layer) as extractor:
            assert extractor.target_names == names
            assert hook_count(net) == len(names)


def test_the_last_grid_is_taken_where_no_layer_is_named(
    extractor_class: Any, net: nn.Module, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING), extractor_class(net) as extractor:
        assert extractor.target_names == ["0.3"]
    assert caplog.messages == ["no value was provided for `target_layer`, thus set to '0.3'."]


def test_without_a_grid_a_layer_has_to_be_named(extractor_class: Any) -> None:
    with pytest.raises(ValueError, match="specify `target_layer`"):
        extractor_class(nn.Sequential(nn.Flatten(), nn.Linear(12, 2)), input_shape=(3, 2, 2))


def test_hooks_are_there_until_the_end_of_with(extractor_class: Any, net: nn.Module) -> None:
    with extractor_class(net):
        assert hook_count(net) == 1
    assert hook_count(net) == 0


def test_hooks_go_when_the_block_fails(extractor_class: Any, net: nn.Module) -> None:
    with pytest.raises(KeyError), extractor_class(net, "0.3"):
        raise KeyError
    assert hook_count(net) == 0


def test_hooks_keep_activations_until_they_are_removed(
    extractor_class: Any, net: nn.Module, images: Tensor
) -> None:
    extractor = extractor_class(net, "0.3")
    assert len(extractor.hook_handles) == 1
    assert extractor.hook_a == [None]
    net(images)
    assert extractor.hook_a[0].shape == (2, 8, 8, 8)
    extractor.remove_hooks()
    extractor.reset_hooks()
    net(images)
    assert extractor.hook_handles == []
    assert extractor.hook_a == [None]


def test_disabled_hooks_keep_nothing(extractor_class: Any, net: nn.Module, images: Tensor) -> None:
    with extractor_class(net, "0.3", enable_hooks=False) as extractor:
        net(images)
        assert extractor.hook_a == [None]
        extractor.enable_hooks()
        net(images)
        first = extractor.hook_a[0]
        extractor.disable_hooks()
        net(images + 1)
        assert extractor.hook_a[0] is first


def test_requests_are_checked(extractor_class: Any, net: nn.Module, images: Tensor) -> None:
    with extractor_class(net, "0.3") as extractor, torch.no_grad():
        with pytest.raises(AssertionError):
            extractor(0)
        net(images)
        for wrong in (-1, [-1, 0], [0], "0", None):
            with pytest.raises(ValueError, match="class_idx"):
                extractor(wrong)
        with pytest.raises(ValueError, match="does not support arbitrary output targets"):
            extractor(targets=lambda output: output[0])
        with pytest.raises(ValueError, match="exactly one of class_idx or targets"):
            extractor(0, targets=lambda output: output[0])


def test_scores_are_asked_for_where_gradients_are(
    methods: ModuleType, net: nn.Module, images: Tensor
) -> None:
    with methods.GradCAM(net, "0.3") as extractor:
        net(images)
        with pytest.raises(ValueError, match="required"):
            extractor(0)
        with pytest.raises(TypeError, match="must be a tensor"):
            extractor(0, [1.0])


@pytest.mark.parametrize(
    ("shape", "axes"),
    [((8, 8), None), ((8, 8, 8), None), ((8, 8, 8), 2), ((8, 8, 8, 8), None), ((8, 8, 8, 8), 3)],
)
def test_maps_are_stretched_to_zero_and_one(
    shape: tuple[int, ...], axes: int | None, extractor_class: Any
) -> None:
    cams = torch.rand(shape)
    expected = extractor_class._normalize(cams.clone(), axes)
    assert expected.shape == shape
    assert expected.min() == 0
    assert expected.max() <= 1
    assert expected.flatten(1).amax(1).min() > (0.99 if axes or len(shape) > 1 else 0)


def test_the_name_says_the_layers(extractor_class: Any, net: nn.Module) -> None:
    with extractor_class(net, "0.3") as extractor:
        assert repr(extractor) == "_CAM(target_layer=['0.3'])"


@pytest.mark.parametrize("name", ["GradCAM", "LayerCAM"])
def test_maps_of_several_layers_are_fused(name: str, methods: ModuleType) -> None:
    form = getattr(methods, name)
    with pytest.raises(TypeError):
        form.fuse_cams(torch.zeros(3, 8, 8))
    with pytest.raises(ValueError, match="empty"):
        form.fuse_cams([])
    cams = [torch.rand(1, 8, 8), torch.rand(1, 4, 4)]
    assert form.fuse_cams(cams[:1]) is cams[0]
    assert form.fuse_cams(cams).shape == (1, 8, 8)
    assert form.fuse_cams(cams, (4, 4)).shape == (1, 4, 4)
    scaled = [torch.tanh(2 * cam) if name == "LayerCAM" else cam for cam in cams]
    large = nn.functional.interpolate(scaled[1][None], (8, 8), mode="bilinear")[0]
    assert torch.allclose(form.fuse_cams(cams), torch.maximum(scaled[0], large))


@pytest.mark.parametrize(
    ("make", "layer"),
    [(resnet18, "layer4"), (mobilenet_v3_large, "features")],
    ids=["resnet", "mobilenet"],
)
def test_the_candidate_of_known_networks(make: Any, layer: str, library: Library) -> None:
    found = library("methods._utils").locate_candidate_layer(make().eval(), (3, 64, 64))
    assert found == layer


def test_the_search_for_a_candidate_leaves_the_mode(library: Library, net: nn.Module) -> None:
    net.train()
    net[0].eval()
    assert library("methods._utils").locate_candidate_layer(net) == "0.3"
    assert net.training
    assert not net[0].training
    assert hook_count(net) == 0


def test_a_method_of_the_users_own_gives_weights(
    extractor_class: Any, net: nn.Module, images: Tensor
) -> None:
    class Even(extractor_class):  # type: ignore[misc]
        def _get_weights(self, class_idx: int, scores: Any = None) -> list[Tensor]:
            return [torch.ones(activation.shape[:2]) for activation in self.hook_a]

    with Even(net, "0.3") as extractor:
        net(images)
        expected = extractor.hook_a[0].sum(1)
        assert torch.allclose(extractor(0, normalized=False)[0], expected)


def test_activations_go_through_the_reshape(methods: ModuleType, images: Tensor) -> None:
    tokens = nn.Sequential(nn.Conv2d(3, 4, 2, 2), nn.Flatten(2), nn.Linear(16, 16))
    model = nn.Sequential(tokens, nn.AdaptiveAvgPool1d(1), nn.Flatten(), nn.Linear(4, 3)).eval()

    def reshape(output: Tensor) -> Tensor:
        return output.unflatten(2, (4, 4))

    with methods.LayerCAM(model, "0.2", reshape_transform=reshape) as extractor:
        (cam,) = extractor(1, model(images))
        assert extractor.hook_a[0].shape == extractor.hook_g[0].shape == (2, 4, 4, 4)
    assert cam.shape == (2, 4, 4)
    with pytest.raises(TypeError, match="reshape_transform"):
        methods.LayerCAM(model, "0.2", reshape_transform=1)
    with pytest.raises(ValueError, match="target_layer"):
        methods.LayerCAM(model, reshape_transform=reshape)
