"""RefineCAM and Finer-CAM, over other extractors."""

from __future__ import annotations

from functools import partial
from operator import itemgetter
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from helpers.torchcam_situations import Library, hook_count, valid

BASES = pytest.mark.parametrize("base", ["GradCAM", "GradCAMpp", "LayerCAM"])


def test_refined_maps_are_multiplied(methods: ModuleType) -> None:
    fuse = methods.RefineCAM.fuse_cams
    cams = [torch.tensor([[[0.0, 1.0], [2.0, 3.0]]]), torch.tensor([[[3.0, 2.0], [1.0, 0.0]]])]
    before = [cam.clone() for cam in cams]
    raw, shown = fuse(cams, normalized=False), fuse(cams)
    assert torch.allclose(raw, torch.tensor([[[0, 2 / 9], [2 / 9, 0]]]))
    assert torch.allclose(shown, torch.tensor([[[0.0, 1.0], [1.0, 0.0]]]))
    assert all(map(torch.equal, cams, before))


def test_refined_maps_have_the_finest_grid_or_the_one_that_is_asked_for(
    methods: ModuleType,
) -> None:
    fuse, small, large = methods.RefineCAM.fuse_cams, torch.rand(1, 2, 2), torch.rand(1, 4, 4)
    assert fuse([small, large]).shape == (1, 4, 4)
    assert fuse([small, large], (2, 2)).shape == (1, 2, 2)
    assert fuse([small]).shape == (1, 2, 2)
    assert fuse([torch.rand(1, 2, 2, 2)] * 2).shape == (1, 2, 2, 2)
    with pytest.raises(TypeError):
        fuse(small)
    with pytest.raises(ValueError, match="empty"):
        fuse([])


@pytest.mark.parametrize("base", ["GradCAMpp", "LayerCAM", "ScoreCAM"])
def test_refinecam_over_a_base(
    base: str, methods: ModuleType, net: nn.Module, images: Tensor
) -> None:
    form = getattr(methods, base)
    with methods.RefineCAM(net, ["0.0", "0.3"], base_method=form) as extractor:
        (cam,) = extractor([0, 1], net(images))
        assert valid(cam, (2, 8, 8))
        assert extractor.model is net
        assert extractor.target_names == ["0.0", "0.3"]
        assert repr(extractor) == f"RefineCAM(base_method={base}, target_layer=['0.0', '0.3'])"
    assert extractor.base_cam.hook_handles == []


def test_refinecam_takes_targets(methods: ModuleType, net: nn.Module, images: Tensor) -> None:
    with methods.RefineCAM(net, ["0.0", "0.3"], base_method=methods.LayerCAM) as extractor:
        assert valid(extractor(scores=net(images), targets=itemgetter(1))[0], (2, 8, 8))


def test_refinecam_hands_its_hooks_on(methods: ModuleType, net: nn.Module, images: Tensor) -> None:
    extractor = methods.RefineCAM(net, ["0.0", "0.3"])
    with extractor as entered:
        assert entered is extractor
        extractor.disable_hooks()
        assert not extractor.base_cam._hooks_enabled
        extractor.enable_hooks()
        scores = net(images)
        assert valid(extractor.compute_cams(0, scores)[0], (2, 8, 8))
        extractor.reset_hooks()
        with pytest.raises(AssertionError):
            extractor(0, scores)
    assert repr(extractor) == "RefineCAM(base_method=GradCAMpp, target_layer=['0.0', '0.3'])"
    assert hook_count(net) == 0


def test_refinecam_needs_two_layers_and_an_extractor(methods: ModuleType, net: nn.Module) -> None:
    with pytest.raises(ValueError, match="at least two target layers"):
        methods.RefineCAM(net, ["0.0"])
    with pytest.raises(TypeError, match="CAM extractor class"):
        methods.RefineCAM(net, ["0.0", "0.3"], base_method=nn.Module)


@pytest.mark.parametrize("form", ["RefineCAM", "FinerCAM"])
def test_metrics_take_them(form: str, library: Library, net: nn.Module, images: Tensor) -> None:
    with getattr(library("methods"), form)(net, ["0.0", "0.3"]) as extractor:
        softmax = partial(torch.softmax, dim=-1)
        metric = library("metrics").ClassificationMetric(extractor, softmax)
        metric.update(images)
        assert set(metric.summary()) == {"avg_drop", "conf_increase"}


def contrast(scores: Tensor, rows: list[tuple[int, list[int]]], gamma: float) -> Tensor:
    each = [
        row[category] - gamma * row[near].mean()
        for row, (category, near) in zip(scores, rows, strict=True)
    ]
    return torch.stack(each)[:, None]


@BASES
@pytest.mark.parametrize(
    ("classes", "references", "rows"),
    [
        (0, 2, [(0, [2]), (0, [2])]),
        ([0, 1], [2], [(0, [2]), (1, [2])]),
        ([0, 1], [[1, 2], [0, 2]], [(0, [1, 2]), (1, [0, 2])]),
    ],
)
@pytest.mark.parametrize("normalized", [False, True])
def test_finercam_is_its_base_of_the_contrast(
    normalized: bool,
    classes: Any,
    references: Any,
    rows: Any,
    base: str,
    methods: ModuleType,
    net: nn.Module,
    images: Tensor,
) -> None:
    form = getattr(methods, base)
    with methods.FinerCAM(net, "0.3", base_method=form, gamma=0.6) as extractor:
        scores = net(images)
        before = scores.detach().clone()
        (cam,) = extractor(classes, scores, references, normalized)
        assert torch.equal(scores.detach(), before)
    with form(net, "0.3") as plain:
        (expected,) = plain([0, 0], contrast(net(images), rows, 0.6), normalized)
    torch.testing.assert_close(cam, expected)


def test_finercam_takes_the_nearest_scores(
    methods: ModuleType, net: nn.Module, images: Tensor
) -> None:
    with methods.FinerCAM(net, "0.3", num_references=10) as extractor:
        scores, calls = net(images), []
        plain = extractor.base_cam._backprop

        def watched(contrast: Tensor, classes: Any, **kwargs: Any) -> Any:
            calls.append((contrast, classes))
            return plain(contrast, classes, **kwargs)

        extractor.base_cam._backprop = watched
        extractor([1, 2], scores)
    expected = contrast(scores, [(1, [0, 2]), (2, [0, 1])], 0.6)
    torch.testing.assert_close(calls[0][0], expected)
    assert [each for _, each in calls] == [[0, 0]]


def test_finercam_without_references_weight_is_its_base(
    methods: ModuleType, net: nn.Module, images: Tensor
) -> None:
    with methods.FinerCAM(net, "0.3", gamma=0) as extractor:
        (cam,) = extractor([0, 1], net(images), normalized=False)
    with methods.GradCAM(net, "0.3") as plain:
        torch.testing.assert_close(cam, plain([0, 1], net(images), normalized=False)[0])


def test_finercam_of_two_classes_has_one_reference(
    methods: ModuleType, net: Any, images: Tensor
) -> None:
    net[2] = nn.Linear(8, 2)
    with methods.FinerCAM(net, "0.3") as extractor:
        assert valid(extractor(0, net(images), normalized=False)[0], (2, 8, 8))


def test_finercam_sums_before_the_relu(methods: ModuleType) -> None:
    model = nn.Sequential(
        nn.Conv2d(1, 1, 1, bias=False),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(1, 3, bias=False),
    ).eval()
    model[0].weight.data.fill_(1)
    model[3].weight.data = torch.tensor([[1.0], [3.0], [-1.0]])
    with methods.FinerCAM(model, "0", gamma=1) as extractor:
        scores = model(torch.ones(1, 1, 2, 2))
        assert extractor(0, scores, [1, 2], normalized=False, retain_graph=True)[0].max() == 0
        assert extractor(0, scores, [2], normalized=False)[0].max() > 0


def test_finercam_of_several_layers_and_of_videos(
    methods: ModuleType, net: nn.Module, images: Tensor, video_net: nn.Module, video: Tensor
) -> None:
    with methods.FinerCAM(net, ["0.0", "0.3"]) as extractor:
        cams = extractor.compute_cams(0, net(images), [1, 2], normalized=False)
        assert [cam.shape for cam in cams] == [(2, 8, 8)] * 2
        assert extractor.fuse_cams(cams).shape == (2, 8, 8)
    with methods.FinerCAM(video_net, "0.3", base_method=methods.LayerCAM) as extractor:
        cams = extractor(0, video_net(video), comparison_idx=[1, 2])
        assert valid(cams[0], (1, 4, 8, 8))


def test_finercam_keeps_the_dtype(methods: ModuleType, net: nn.Module, images: Tensor) -> None:
    net.double()
    with methods.FinerCAM(net, "0.3") as extractor:
        assert extractor(0, net(images.double()), [1, 2])[0].dtype == torch.float64


def test_finercam_says_its_settings_and_takes_its_hooks_off(
    methods: ModuleType, net: nn.Module
) -> None:
    with methods.FinerCAM(net, "0.3") as extractor:
        assert hook_count(net) == 2
        assert extractor.model is net
        text = "FinerCAM(base_method=GradCAM, target_layer=['0.3'], gamma=0.6, num_references=3)"
        assert repr(extractor) == text
    assert hook_count(net) == 0
    assert extractor.base_cam.hook_handles == []


@pytest.mark.parametrize(
    ("option", "value", "error", "match"),
    [
        ("base_method", "ScoreCAM", TypeError, "GradCAM, GradCAMpp, or LayerCAM"),
        ("base_method", "SmoothGradCAMpp", TypeError, "GradCAM, GradCAMpp, or LayerCAM"),
        ("base_method", None, TypeError, "GradCAM, GradCAMpp, or LayerCAM"),
        ("gamma", True, TypeError, "real number"),
        ("gamma", "0.6", TypeError, "real number"),
        ("gamma", -0.1, ValueError, "finite and non-negative"),
        ("gamma", float("inf"), ValueError, "finite and non-negative"),
        ("gamma", float("nan"), ValueError, "finite and non-negative"),
        ("num_references", True, TypeError, "integer"),
        ("num_references", 1.5, TypeError, "integer"),
        ("num_references", 0, ValueError, "positive"),
    ],
)
def test_finercam_settings_that_cannot_be(
    option: str, value: Any, error: type, match: str, methods: ModuleType, net: nn.Module
) -> None:
    if option == "base_method" and value:
        value = getattr(methods, value)
    with pytest.raises(error, match=match):
        methods.FinerCAM(net, "0.3", **{option: value})


@pytest.mark.parametrize(
    ("classes", "references", "error", "match"),
    [
        (True, None, TypeError, "class_idx"),
        ([0, True], None, TypeError, "contain integers"),
        ([0], None, ValueError, "batch size"),
        ([0, 3], None, ValueError, "out-of-range"),
        ([0, 1], [], ValueError, "cannot be empty"),
        ([0, 1], (2,), TypeError, "integer, a list, or a nested list"),
        ([0, 1], [0, 2], ValueError, "target class"),
        ([0, 1], [2, 2], ValueError, "duplicates"),
        ([0, 1], [2, 3], ValueError, "out-of-range"),
        ([0, 1], [True], TypeError, "contain integers"),
        ([0, 1], [[1, 2]], ValueError, "batch size"),
        ([0, 1], [[], []], ValueError, "rows cannot be empty"),
        ([0, 1], [[1], [0, 2]], ValueError, "equal lengths"),
        ([0, 1], [[True], [0]], TypeError, "contain integers"),
        ([0, 1], [2, [0]], TypeError, "integers or lists"),
    ],
)
def test_finercam_classes_that_cannot_be(
    classes: Any,
    references: Any,
    error: type,
    match: str,
    methods: ModuleType,
    net: nn.Module,
    images: Tensor,
) -> None:
    with methods.FinerCAM(net, "0.3") as extractor:
        scores = net(images)
        with pytest.raises(error, match=match):
            extractor(classes, scores, references)


@pytest.mark.parametrize(
    ("scores", "error", "match"),
    [
        (None, ValueError, "required"),
        ([[1.0, 2.0]], TypeError, "scores must be a tensor"),
        (torch.rand(3), ValueError, "shape"),
        (torch.rand(2, 1), ValueError, "comparison class"),
    ],
)
def test_finercam_scores_that_cannot_be(
    scores: Any, error: type, match: str, methods: ModuleType, net: nn.Module
) -> None:
    with methods.FinerCAM(net, "0.3") as extractor, pytest.raises(error, match=match):
        extractor(0, scores)


def test_finercam_takes_no_targets(methods: ModuleType, net: nn.Module, images: Tensor) -> None:
    with methods.FinerCAM(net, "0.3") as extractor:
        scores = net(images)
        with pytest.raises(ValueError, match="does not support"):
            extractor(0, scores, targets=itemgetter(0))
