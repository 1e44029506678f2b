"""The class form: code written for the most used library, with its imports changed."""

from __future__ import annotations

import copy
from functools import cache
from typing import Any

import numpy as np
import pytest
import timm
import torch
from torch import Tensor, nn
from torchvision.models import ResNet
from torchvision.models.resnet import BasicBlock

import camkit_core as camkit
import camkit_methods
from camkit_core import CamkitError, LayerError, TargetError, UnknownName
from camkit_core.image import deprocess_image, preprocess_image, show_cam_on_image
from camkit_methods import AblationCAM, GradCAM, GradCAMPlusPlus, ScoreCAM, XGradCAM
from helpers.small_nets import enliven

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")

CLASSES = {
    "gradcam": GradCAM,
    "gradcam++": GradCAMPlusPlus,
    "xgradcam": XGradCAM,
    "ablationcam": AblationCAM,
    "scorecam": ScoreCAM,
}
all_classes = pytest.mark.parametrize(("name", "form"), CLASSES.items(), ids=CLASSES.keys())


@cache
def shared_resnet() -> ResNet:
    model = ResNet(BasicBlock, [1, 1, 1, 1], num_classes=5)
    model.inplanes = 64
    for index, planes in enumerate([8, 12, 16, 20], 1):
        setattr(model, f"layer{index}", model._make_layer(BasicBlock, planes, 1, 2 - index % 2))
    model.fc = nn.Linear(20, 5)
    return enliven(model, size=32)


@pytest.fixture
def model() -> ResNet:
    return copy.deepcopy(shared_resnet())


@pytest.fixture
def x() -> Tensor:
    return torch.randn(2, 3, 48, 32)


def heatmap(model: nn.Module, x: Tensor, method: str = "gradcam", **settings: Any) -> np.ndarray:
    return camkit.explain(model, x, method, **settings).to_numpy()


def test_the_example_runs_as_written(model: ResNet, x: Tensor) -> None:
    rgb_img = np.random.default_rng(0).random((48, 32, 3), dtype=np.float32)
    cam = GradCAM(model=model, target_layer=model.layer4[-1], use_cuda=False)
    grayscale_cam = cam(input_tensor=x, target_category=1)
    cam.batch_size = 32
    visualization = show_cam_on_image(rgb_img, grayscale_cam[0], use_rgb=True)
    assert grayscale_cam.shape == (2, 48, 32)
    assert (visualization.shape, visualization.dtype) == ((48, 32, 3), np.uint8)


def test_the_example_of_a_picture_runs_from_pixels_to_overlay(model: ResNet) -> None:
    rgb_img = np.random.default_rng(0).random((48, 32, 3)).astype(np.float32)
    x = preprocess_image(rgb_img, mean=[0.485, 0.456, 0.406], std=[0.229, 0.224, 0.225])
    with GradCAM(model=model, target_layers=[model.layer4[-1]]) as cam:
        grayscale_cam = cam(input_tensor=x, targets=None)[0, :]
        overlay = show_cam_on_image(rgb_img, grayscale_cam, use_rgb=True)
    guided = camkit.explain(model, x, "gradcam", guided=True).guided
    picture = deprocess_image(guided[0].permute(1, 2, 0).numpy())
    assert overlay.shape == picture.shape == (48, 32, 3)


def vit(name: str, size: int = 224) -> nn.Module:
    small: dict[str, Any] = {"depth": 2, "embed_dim": 24, "num_heads": 2}
    return enliven(timm.create_model(name, num_classes=5, img_size=size, **small), size)


def reshape_transform(tensor: Tensor, height: int = 14, width: int = 14) -> Tensor:
    result = tensor[:, 1:, :].reshape(tensor.size(0), height, width, tensor.size(2))
    # Bring the channels to the first dimension, like in CNNs.
    return result.transpose(2, 3).transpose(1, 2)


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "deit_tiny_patch16_224"])
def test_a_vit_is_explained_with_the_usual_reshape_transform(name: str) -> None:
    model, x = vit(name), torch.randn(2, 3, 224, 224)
    for form in CLASSES.values():
        cam = form(
            model=model,
            target_layer=model.blocks[-1].norm1,
            use_cuda=False,
            reshape_transform=reshape_transform,
        )
        cam.batch_size = 32
        grayscale_cam = cam(input_tensor=x, target_category=[1, 3])
        assert (grayscale_cam.shape, grayscale_cam.dtype) == ((2, 224, 224), np.float32)
        expected = heatmap(model, x, form.method, target=[1, 3], batch_size=32)
        assert (expected == grayscale_cam).all()
        assert grayscale_cam.max() == 1


def test_a_reshape_for_another_grid_fails_where_it_is_wrong() -> None:
    model, x = vit("vit_tiny_patch16_224", size=64), torch.randn(1, 3, 64, 64)
    cam = GradCAM(model, [model.blocks[-1].norm1], reshape_transform=reshape_transform)
    with pytest.raises(RuntimeError, match="shape '\\[1, 14, 14, 24\\]' is invalid"):
        cam(x)


@all_classes
def test_each_class_gives_what_explain_gives(
    name: str, form: type, model: ResNet, x: Tensor
) -> None:
    maps = form(model=model, target_layers=[model.layer4[-1]])(input_tensor=x)
    assert isinstance(maps, np.ndarray)
    assert (maps.shape, maps.dtype) == ((2, 48, 32), np.float32)
    assert maps.min() >= 0
    assert maps.max() <= 1
    assert (maps == heatmap(model, x, name)).all()


def test_all_classes_are_public() -> None:
    assert {form.__name__ for form in CLASSES.values()} == set(camkit_methods.__all__)


@pytest.mark.parametrize("category", [None, 3, [1, 4], (1, 4), torch.tensor([1, 4])], ids=repr)
def test_target_category_is_a_class_or_one_for_each_image(
    category: Any, model: ResNet, x: Tensor
) -> None:
    maps = GradCAM(model, [model.layer4])(x, target_category=category)
    assert (maps == heatmap(model, x, target=category, layer="layer4")).all()


class Picked:
    """A target as users write them."""

    def __init__(self, category: int) -> None:
        self.category = category

    def __call__(self, model_output: Tensor) -> Tensor:
        return model_output[self.category]


def test_targets_are_callables_one_for_each_image(model: ResNet, x: Tensor) -> None:
    cam, expected = GradCAM(model, [model.layer4]), heatmap(model, x, target=[1, 4])
    lambdas = [lambda output: output[1], lambda output: output[4]]
    for targets in (
        [Picked(1), Picked(4)],
        lambdas,
        [camkit.ClassifierOutputTarget(k) for k in (1, 4)],
    ):
        assert np.allclose(cam(input_tensor=x, targets=targets), expected, atol=1e-5)
        assert np.allclose(cam(x, targets), expected, atol=1e-5)


def test_the_second_place_takes_a_class_too_as_in_older_code(model: ResNet, x: Tensor) -> None:
    cam = GradCAM(model, [model.layer4])
    assert (cam(x, 1) == cam(x, target_category=1)).all()


@all_classes
@pytest.mark.parametrize("smooth", ["aug_smooth", "eigen_smooth"])
def test_smoothing_is_that_of_explain(
    name: str, form: type, smooth: str, model: ResNet, x: Tensor
) -> None:
    maps = form(model, [model.layer3])(x, target_category=1, **{smooth: True})
    assert (maps == heatmap(model, x, name, target=1, layer="layer3", **{smooth: True})).all()
    assert (maps != heatmap(model, x, name, target=1, layer="layer3")).any()


def test_several_layers_are_averaged(model: ResNet, x: Tensor) -> None:
    layers = [model.layer3, model.layer4[-1]]
    maps = GradCAM(model, layers)(x, target_category=1)
    assert (maps == heatmap(model, x, target=1, layer=layers)).all()


def test_a_single_layer_may_be_named_or_stand_without_its_list(model: ResNet, x: Tensor) -> None:
    expected = GradCAM(model, [model.layer3])(x)
    for form in (
        GradCAM(model, target_layer=model.layer3),
        GradCAM(model, target_layer="layer3"),
        GradCAM(model, target_layers=model.layer3),
        GradCAM(model, "layer3"),
    ):
        assert (form(x) == expected).all()


def test_without_a_layer_the_adapter_chooses(model: ResNet, x: Tensor) -> None:
    assert (GradCAM(model)(x) == GradCAM(model, [model.layer4[-1]])(x)).all()


def test_batch_size_is_the_size_of_chunks_and_changes_nothing(model: ResNet, x: Tensor) -> None:
    cam = ScoreCAM(model, [model.layer4])
    sizes: list[int] = []
    handle = model.register_forward_hook(lambda module, args, output: sizes.append(len(output)))
    expected = cam(x, target_category=1)
    sizes.clear()
    cam.batch_size = 3
    given = cam(x, target_category=1)
    handle.remove()
    assert set(sizes[1:]) == {3, 2}
    assert np.allclose(given, expected, atol=1e-5)


def test_options_of_the_method_are_given_when_it_is_made(model: ResNet, x: Tensor) -> None:
    maps = XGradCAM(model, [model.layer3], variant="pytorch-grad-cam")(x)
    assert (maps == heatmap(model, x, "xgradcam", layer="layer3", variant="pytorch-grad-cam")).all()


def test_it_may_be_called_again_for_other_images(model: ResNet, x: Tensor) -> None:
    cam = GradCAM(model, [model.layer4])
    first, other = cam(x), cam(torch.randn(1, 3, 32, 32))
    assert other.shape == (1, 32, 32)
    assert (cam(x) == first).all()


@pytest.mark.parametrize("kind", [IndexError, ValueError, KeyboardInterrupt])
def test_the_context_manager_swallows_nothing(kind: type[BaseException], model: ResNet) -> None:
    raised = kind("mine")

    def work() -> None:
        with GradCAM(model, [model.layer4]) as cam:
            assert isinstance(cam, GradCAM)
            raise raised

    with pytest.raises(kind, match="mine") as caught:
        work()
    assert caught.value is raised


def test_a_batch_needs_as_many_targets_inside_the_context_manager_too(
    model: ResNet, x: Tensor
) -> None:
    with (
        pytest.raises(TargetError, match="got 1 targets for 2 images"),
        GradCAM(model, [model.layer4]) as cam,
    ):
        cam(x, targets=[Picked(1)])


def test_nothing_is_hooked_between_calls(model: ResNet, x: Tensor) -> None:
    model.train()
    with GradCAM(model, [model.layer4]) as cam:
        cam(x)
        assert sum(len(module._forward_hooks) for module in model.modules()) == 0
        assert all(module.training for module in model.modules())
    assert all(parameter.grad is None for parameter in model.parameters())


def test_it_leaves_quietly(model: ResNet, capfd: pytest.CaptureFixture[str]) -> None:
    """There is no `__del__`, so an error is raised once."""
    with pytest.raises(TypeError, match="missing 1 required positional argument: 'model'"):
        GradCAM(target_layers=[model.layer4])
    cam = GradCAM(model, [nn.ReLU()])
    with pytest.raises(LayerError, match="expected layer= as a module inside ResNet"):
        cam(torch.randn(1, 3, 32, 32))
    del cam
    assert not any(hasattr(form, "__del__") for form in CLASSES.values())
    assert capfd.readouterr().err == ""


def test_both_kinds_of_target_are_an_error(model: ResNet, x: Tensor) -> None:
    with pytest.raises(CamkitError, match="got targets= and target_category=; pass one of them"):
        GradCAM(model, [model.layer4])(x, targets=[Picked(1)] * 2, target_category=1)


def test_both_kinds_of_layer_are_an_error(model: ResNet, x: Tensor) -> None:
    with pytest.raises(CamkitError, match="target_layer= and target_layers=; pass one of them"):
        GradCAM(model, [model.layer4], target_layer=model.layer3)(x)


def test_no_layers_and_unknown_options_are_errors(model: ResNet, x: Tensor) -> None:
    with pytest.raises(LayerError, match="got an empty list of layers"):
        GradCAM(model, [])(x)
    with pytest.raises(
        UnknownName, match=r"no option of xgradcam named 'tole'. Did you mean 'tol'"
    ):
        XGradCAM(model, [model.layer4], tole=1)(x)


def test_use_cuda_moves_the_model_for_old_codes_sake(
    model: ResNet, x: Tensor, monkeypatch: pytest.MonkeyPatch
) -> None:
    moved = []
    monkeypatch.setattr(nn.Module, "cuda", lambda self: moved.append(self) or self)
    GradCAM(model, [model.layer4], use_cuda=False)(x)
    assert moved == []
    assert GradCAM(model, [model.layer4], use_cuda=True)(x).shape == (2, 48, 32)
    assert moved == [model]
