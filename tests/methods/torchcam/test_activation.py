"""The extractors without gradients: CAM, Score-CAM, SS-CAM and IS-CAM."""

from __future__ import annotations

from operator import itemgetter
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision.models import mobilenet_v2

from helpers.torchcam_situations import valid

SCORED = pytest.mark.parametrize("name", ["ScoreCAM", "SSCAM", "ISCAM"])


def quick(name: str, batch_size: int = 3) -> dict[str, Any]:
    return {"batch_size": batch_size} | ({} if name == "ScoreCAM" else {"num_samples": 2})


def test_cam_takes_one_layer_and_a_classifier(methods: ModuleType, net: nn.Module) -> None:
    with pytest.raises(ValueError, match="target layer"):
        methods.CAM(net, ["0.1", "0.3"])
    with pytest.raises(TypeError):
        methods.CAM(net, "0.3", fc_layer=3)


def test_cam_needs_one_fully_connected_layer_to_choose(methods: ModuleType, net: Any) -> None:
    with pytest.raises(ValueError, match="fc_layer"):
        methods.CAM(net[0], "3")
    with pytest.raises(ValueError, match="fully connected layers"):
        methods.CAM(nn.Sequential(*net, nn.Linear(3, 3)), "0.3")


@pytest.mark.parametrize("count", [1, 2])
@pytest.mark.parametrize("given", [None, "name", "module"])
def test_cam_weights_the_grid_by_the_classifier(
    given: str | None, count: int, methods: ModuleType, net: Any, images: Tensor
) -> None:
    images, fc = images[:count], {None: None, "name": "2", "module": net[2]}[given]
    with methods.CAM(net, fc_layer=fc, input_shape=(3, 8, 8)) as extractor, torch.no_grad():
        scores = net(images)
        (cam,) = extractor(1, scores, normalized=False)
        classes = list(range(count))
        (each,) = extractor(classes, scores, normalized=False)
        (shown,) = extractor(classes, scores)
    grid = extractor_input(net, images)
    assert torch.allclose(cam, torch.einsum("c,nchw->nhw", net[2].weight[1], grid), atol=1e-6)
    rows = net[2].weight[classes]
    assert torch.allclose(each, torch.einsum("nc,nchw->nhw", rows, grid), atol=1e-6)
    assert valid(shown, (count, 8, 8))


def extractor_input(net: Any, images: Tensor) -> Tensor:
    """What the pooling of `net` gets."""
    return net[0][:4](images).detach()


def test_cam_of_a_real_network(methods: ModuleType) -> None:
    model, images = mobilenet_v2(width_mult=0.2).eval(), torch.rand(1, 3, 64, 64)
    with methods.CAM(model, fc_layer="classifier.1") as extractor, torch.no_grad():
        scores = model(images)
        assert valid(extractor(scores[0].argmax().item(), scores)[0], (1, 2, 2))


def test_cam_reads_a_convolution_as_the_classifier(methods: ModuleType, images: Tensor) -> None:
    model = nn.Sequential(
        nn.Sequential(nn.Conv2d(3, 6, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(1)),
        nn.Conv2d(6, 2, 1),
        nn.Flatten(1),
    ).eval()
    with methods.CAM(model, fc_layer="1", input_shape=(3, 8, 8)) as extractor, torch.no_grad():
        assert valid(extractor(1, model(images))[0], (2, 8, 8))


@SCORED
@pytest.mark.parametrize("as_module", [False, True])
def test_masked_images_weight_the_channels(
    as_module: bool, name: str, methods: ModuleType, net: Any, images: Tensor
) -> None:
    net.requires_grad_(False)
    layer = net[0][1] if as_module else "0.1"
    with getattr(methods, name)(net, layer, **quick(name)) as extractor, torch.no_grad():
        scores = net(images)
        for classes in (1, [2, 0]):
            assert valid(extractor(classes, scores)[0], (2, 8, 8))


@SCORED
@pytest.mark.parametrize("classes", [1, [1, 2]])
def test_the_size_of_chunks_changes_nothing(
    classes: Any, name: str, methods: ModuleType, net: Any, images: Tensor
) -> None:
    net.double().requires_grad_(False)
    results = []
    for batch_size in (3, 64):
        form = getattr(methods, name)
        with form(net, ["0.1", "0.3"], **quick(name, batch_size)) as extractor:
            scores = net(images.double())
            torch.manual_seed(1)
            results.append(extractor(classes, scores))
    assert [(cam.shape, cam.dtype) for cam in results[0]] == [((2, 8, 8), torch.float64)] * 2
    for few, many in zip(*results, strict=True):
        torch.testing.assert_close(few, many)


@SCORED
def test_hooks_that_were_off_stay_off(
    name: str, methods: ModuleType, net: nn.Module, images: Tensor
) -> None:
    with getattr(methods, name)(net, "0.3", **quick(name)) as extractor:
        scores = net(images)
        extractor.disable_hooks()
        extractor(1, scores)
        assert not extractor._hooks_enabled


@SCORED
def test_after_a_failure_hooks_and_mode_are_as_before(
    name: str, methods: ModuleType, net: nn.Module, images: Tensor, monkeypatch: Any
) -> None:
    def fails(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("mine")

    net.train()
    with getattr(methods, name)(net, "0.3", **quick(name)) as extractor:
        scores = net(images)
        monkeypatch.setattr(extractor, "_masked_input_chunk", fails)
        with pytest.raises(RuntimeError, match="mine"):
            extractor(1, scores)
        assert extractor._hooks_enabled
        assert net.training


@SCORED
def test_each_sample_may_have_a_target_of_its_own(
    name: str, methods: ModuleType, structured: nn.Module, images: Tensor
) -> None:
    with getattr(methods, name)(structured, "features", **quick(name)) as extractor:
        output = structured(images)
        own = [itemgetter("first"), itemgetter("second")]
        assert valid(extractor(scores=output, targets=own)[0], (2, 8, 8))


@pytest.mark.parametrize("name", ["CAM", "ScoreCAM", "SSCAM", "ISCAM"])
def test_videos_have_maps_in_time(
    name: str, methods: ModuleType, video_net: nn.Module, video: Tensor
) -> None:
    kwargs = {} if name == "CAM" else quick(name)
    with getattr(methods, name)(video_net, "0.3", **kwargs) as extractor, torch.no_grad():
        assert valid(extractor(1, video_net(video))[0], (1, 4, 8, 8))


def test_names_say_the_settings(methods: ModuleType, net: nn.Module) -> None:
    expected = {
        "CAM": "CAM(target_layer=['0.3'])",
        "ScoreCAM": "ScoreCAM(batch_size=32)",
        "SSCAM": "SSCAM(batch_size=32, num_samples=35, std=2.0)",
        "ISCAM": "ISCAM(batch_size=32)",
    }
    for name, text in expected.items():
        with getattr(methods, name)(net, "0.3") as extractor:
            assert repr(extractor) == text
