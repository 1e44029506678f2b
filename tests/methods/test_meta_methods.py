"""Methods that are made of other methods' maps: SESS, SmoothGrad, RefineCAM and Finer-CAM."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor

import camkit_core as camkit
from camkit_core import CamkitError, Probe, TargetError, UnknownName
from camkit_core.forward.counting import counting
from helpers.small_nets import small_net
from helpers.toys import gap_linear, tensor
from helpers.two_channels import A1, A2, IMAGES, MODEL, cam

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")


def first_channel(probe: Probe, *, plus: float = 0.0) -> Tensor:
    """The first channel of the activations, to know a base method's map."""
    return probe.activations[:, 0] + plus


# Seg-Eigen-CAM


def test_segeigencam_projects_activations_times_the_gradients_sizes() -> None:
    # A1 / 2 and A2, less their means, seen from their direction of greatest variance.
    rows = torch.stack([tensor(A1) / 2, tensor(A2)]).flatten(1).T
    rows = rows - rows.mean(0)
    axis = torch.linalg.eigh(rows.T @ rows).eigenvectors[:, 1]
    expected = (rows @ axis).view(2, 2)
    expected = expected * (1 if expected.max() >= -expected.min() else -1)
    assert torch.allclose(cam("segeigencam"), expected)


def test_segeigencam_makes_the_value_farthest_from_zero_positive() -> None:
    for images in (IMAGES, 3 - IMAGES):
        found = camkit.explain(MODEL, images, "segeigencam", 0, "0").cam
        assert float(found.max()) == float(found.abs().max())


@pytest.mark.parametrize("family", ["resnet", "vgg", "timm_densenet"])
def test_segeigencam_of_the_peer(family: str) -> None:
    from pytorch_grad_cam.seg_eigen_cam import SegEigenCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    net = small_net(family, torch.float32)
    ours = camkit.explain(net.model, net.images, "segeigencam", 1)
    layer = net.model.get_submodule(ours.layer)
    with SegEigenCAM(net.model, [layer]) as peer:
        theirs = peer(net.images.clone(), [ClassifierOutputTarget(1)] * 3)
    size = net.images.shape[2:]
    shown = camkit.unit_range(camkit.upsample(camkit.unit_range(ours.cam.relu()), size))
    assert torch.allclose(shown, torch.as_tensor(theirs), atol=2e-3)


# SESS


def test_sess_of_one_scale_is_the_base_method() -> None:
    found = cam("sess", base_method=first_channel, num_scales=1, smooth=False)
    assert torch.allclose(found, tensor(A1) / 3)


def test_sess_weighs_windows_by_their_scores_and_averages_what_is_above_zero() -> None:
    # At twice the size, four windows of the image's own; each shows a corner.
    large = torch.nn.functional.interpolate(IMAGES, (4, 4), mode="bilinear")
    expected, count = torch.zeros(2, 2, dtype=torch.float64), torch.zeros(2, 2)
    windows = [large[..., y : y + 2, x : x + 2] for y in (0, 2) for x in (0, 2)]
    probabilities = [MODEL(each).softmax(1)[0, 0].item() for each in windows]
    for index, (window, probability) in enumerate(zip(windows, probabilities, strict=True)):
        canvas, (y, x) = torch.zeros(1, 4, 4, dtype=torch.float64), divmod(index, 2)
        weight = probability / max(probabilities)
        shown = camkit.unit_range(window[:, 0])
        canvas[:, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2] = weight * shown
        placed = camkit.upsample(canvas, (2, 2))[0]
        expected += placed
        count += placed > 0
    found = cam("sess", base_method=first_channel, scales=[4], smooth=False)
    assert torch.allclose(found, expected / count.clamp(min=1))


def test_sess_leaves_the_windows_of_the_lowest_scores_out() -> None:
    options: dict[str, Any] = {"base_method": first_channel, "scales": [4], "smooth": False}
    most, all_of_them = cam("sess", pre_filter=0.75, **options), cam("sess", **options)
    assert int((most > 0).sum()) == 1  # one window is left, in one corner
    assert int((all_of_them > 0).sum()) == 4


def test_sess_takes_the_greatest_where_asked() -> None:
    options: dict[str, Any] = {"base_method": first_channel, "scales": [2, 4], "smooth": False}
    assert bool((cam("sess", pool="max", **options) >= cam("sess", **options)).all())


@pytest.mark.parametrize("pool", ["mean", "max"])
def test_sess_of_the_peer(pool: str) -> None:
    from pytorch_grad_cam.sess import SESS
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    net = small_net("resnet", torch.float32)
    options: dict[str, Any] = {"pool": pool, "num_scales": 3, "theta": 0.1}
    found = camkit.explain(
        net.model, net.images[:2], "sess", 1, "layer4", pre_filter=0.2, **options
    )
    targets = [ClassifierOutputTarget(1)] * 2
    peer = SESS(net.model, [net.model.layer4], pre_filter_ratio=0.2, **options)
    theirs = torch.as_tensor(peer(net.images[:2].clone(), targets))
    assert torch.allclose(camkit.unit_range(found.cam), theirs, atol=2e-3)


def test_a_scale_smaller_than_the_window_is_an_error() -> None:
    with pytest.raises(CamkitError, match="at least its window, 2; got 1"):
        cam("sess", scales=[1])


def test_sess_refuses_a_target_about_a_place() -> None:
    class AtAPlace:
        follows_places = True

        def __call__(self, scores: Tensor) -> Tensor:
            return scores[0]

    with pytest.raises(TargetError, match="no meaning"):
        camkit.explain(MODEL, IMAGES, "sess", AtAPlace(), "0")


# SmoothGrad


def test_smoothgrad_averages_the_maps_of_noisy_images() -> None:
    generator = torch.Generator().manual_seed(3)
    noise = [torch.randn(IMAGES.shape[1:], generator=generator)[0] for _ in range(4)]
    found = cam("smoothgrad", base_method=first_channel, samples=4, sigma=0.5, seed=3)
    assert torch.allclose(found, tensor(A1) + 0.5 * torch.stack(noise).mean(0).double())


def test_smoothgrad_without_noise_is_the_base_method() -> None:
    plain = cam("smoothgrad", base_method="layercam", sigma=0.0, samples=2)
    assert torch.allclose(plain, cam("layercam"))


# The base of RefineCAM and Finer-CAM


def test_refinecam_multiplies_the_maps_of_any_method() -> None:
    net = small_net("resnet", torch.float32)
    found = camkit.explain(net.model, net.images, "refinecam", 1, base_method=first_channel)
    maps = [
        camkit.unit_range(camkit.explain(net.model, net.images, first_channel, 1, name).cam.relu())
        for name in found.notes[0].removeprefix("RefineCAM multiplied ").split(", ")
    ]
    finest = maps[-1].shape[1:]
    expected = torch.stack([camkit.upsample(each, finest) for each in maps]).prod(0)
    assert torch.allclose(found.cam, expected, atol=1e-6)


def test_the_first_name_of_the_base_is_understood() -> None:
    assert torch.equal(cam("refinecam", base="gradcam"), cam("refinecam", base_method="gradcam"))


@pytest.mark.parametrize("base", ["gradcam++", "scorecam", "ablationcam"])
def test_finercam_explains_the_difference_by_any_method(base: str) -> None:
    contrast = camkit.explain(MODEL, IMAGES, base, lambda y: y[0] - 0.6 * y[1], "0").cam[0]
    assert torch.allclose(cam("finercam", base_method=base), contrast)


def test_finercam_compares_with_the_references_it_is_given() -> None:
    model = gap_linear([[2, -4], [1, 1], [0, 3]], [0, 0, 0])

    def found(**options: Any) -> Tensor:
        return camkit.explain(model, IMAGES, "finercam", 0, "0", alpha=1.0, **options).cam

    expected = camkit.explain(model, IMAGES, "gradcam", lambda y: y[0] - y[2], "0").cam
    assert torch.allclose(found(references=[2]), expected)
    assert torch.allclose(found(references=[lambda y: y[2]]), expected)
    both = camkit.explain(model, IMAGES, "gradcam", lambda y: y[0] - (y[1] + y[2]) / 2, "0").cam
    assert torch.allclose(found(references=[1, 2]), both)
    assert torch.allclose(found(references=[1, lambda y: y[2]]), both)


def test_finercam_of_a_callable_takes_references_of_ones_choice() -> None:
    found = camkit.explain(MODEL, IMAGES, "finercam", lambda y: y[0], "0", references=[1]).cam
    assert torch.allclose(found[0], cam("finercam", references=[1]))


def test_only_classes_are_weighted_by_their_probability() -> None:
    with pytest.raises(CamkitError, match="take variant='mean'"):
        cam("finercam", references=[lambda y: y[1]], variant="weighted")
    assert torch.allclose(
        cam("finercam", references=[1], variant="weighted"), cam("finercam", references=[1])
    )


def test_a_class_that_the_model_lacks_is_no_reference() -> None:
    for references in ([7], [lambda y: y[1], 7]):
        with pytest.raises(CamkitError, match="target 7 is out of range: the model has 2 classes"):
            cam("finercam", references=references)


def test_a_base_that_is_not_installed_is_named_before_the_model_runs() -> None:
    with (
        counting() as rows,
        pytest.raises(UnknownName, match="Did you mean 'gradcam'"),
    ):
        cam("sess", base_method="gradcan")
    assert not rows


def test_a_base_that_needs_a_tape_gets_one_in_the_same_pass() -> None:
    net = small_net("resnet", torch.float32)
    options = {"base_method": "ablationcam", "references": [lambda scores: scores[2] ** 2]}
    camkit.explain(net.model, net.images, "finercam", 1, **options)  # the tail is proved once
    with counting() as rows:
        camkit.explain(net.model, net.images, "finercam", 1, **options)
    assert rows["forward"] == len(net.images)


def test_a_base_may_be_a_function_with_its_options_bound() -> None:
    moved = partial(first_channel, plus=2.0)
    found = cam("refinecam", base_method=moved)
    assert torch.allclose(found, camkit.unit_range(tensor(A1)[None])[0])
    with pytest.raises(UnknownName):
        cam("sess", base_method="gradcam", plus=1.0)


@pytest.mark.parametrize("method", ["finercam", "sess", "smoothgrad"])
def test_eigen_smoothing_reaches_the_base(method: str) -> None:
    net = small_net("resnet", torch.float32)
    options: dict[str, Any] = {"num_scales": 1} if method == "sess" else {}
    plain = camkit.explain(net.model, net.images, method, 1, **options)
    smooth = camkit.explain(net.model, net.images, method, 1, eigen_smooth=True, **options)
    assert not torch.allclose(plain.cam, smooth.cam)
    assert not any("eigen smoothing did nothing" in note for note in smooth.notes)


def test_versions_of_an_image_have_its_own_arguments() -> None:
    class Shifted(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.model = gap_linear([[2, -4], [1, 1]], [0, 0])

        def forward(self, images: Tensor, shift: Tensor) -> Tensor:
            return self.model(images + shift[:, None, None, None])

    images, shift = torch.cat([IMAGES, 2 * IMAGES]), tensor([1.0, 5.0])
    found = camkit.explain(
        Shifted(), (images, shift), "smoothgrad", 0, "model.0", image_input=0,
        base_method=first_channel, samples=3, sigma=0.0,
    )  # fmt: skip
    expected = images[:, 0] + shift[:, None, None]
    assert torch.allclose(found.cam, expected)


class Category:
    """A target as other libraries have it: a callable that names its class."""

    category = 0

    def __call__(self, scores: Tensor) -> Tensor:
        return scores[0]


def test_a_target_that_names_its_category_is_a_class_where_one_is_needed() -> None:
    found = camkit.explain(MODEL, IMAGES, "finercam", Category(), "0")
    assert torch.allclose(found.cam[0], cam("finercam"))
    judged = [
        camkit.compare(MODEL, IMAGES, ["gradcam"], [target], layer="0", metrics=["average_drop"])
        for target in (Category(), 0)
    ]
    given, plain = (each.judgement.measures[0] for each in judged if each.judgement)
    assert torch.equal(given.values, plain.values)
