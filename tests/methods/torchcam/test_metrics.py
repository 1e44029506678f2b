"""torch-cam's metrics: drop and increase, deletion and insertion."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from operator import itemgetter
from types import ModuleType
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from helpers.torchcam_situations import Library

BOTH = pytest.mark.parametrize("name", ["ClassificationMetric", "DeletionInsertionMetric"])
IMAGE = torch.tensor([[[[0.4, 0.3], [0.2, 0.1]]]])


class Summed(nn.Module):
    """The sum of the input, and 1 less it."""

    def __init__(self) -> None:
        super().__init__()
        self.same, self.seen, self.fails = nn.Identity(), [], False

    def forward(self, images: Tensor) -> Tensor:
        if self.fails and self.seen:
            raise RuntimeError("mine")
        self.seen.append(images.detach())
        score = self.same(images).flatten(1).sum(1)
        return torch.stack((score, 1 - score), 1)


class Fixed:
    """An extractor that gives a map it was given."""

    def __init__(self, cam: Tensor) -> None:
        self.model, self.cam, self.on, self.classes = Summed(), cam, True, None

    def __call__(self, class_idx: Any = None, scores: Any = None, **kwargs: Any) -> list[Tensor]:
        self.classes = class_idx
        return [self.cam.to(scores).expand(len(scores), *self.cam.shape[1:]).clone()]

    def fuse_cams(self, cams: list[Tensor]) -> Tensor:
        return cams[0]

    @contextmanager
    def _hooks_off(self) -> Iterator[None]:
        self.on = False
        yield
        self.on = True


@pytest.fixture
def metrics(library: Library) -> ModuleType:
    return library("metrics")


def made(metrics: ModuleType, name: str, cam: Tensor | None = None, **options: Any) -> Any:
    steps = {"steps": 2} | options if name == "DeletionInsertionMetric" else options
    return getattr(metrics, name)(Fixed(IMAGE[0] if cam is None else cam), **steps)


@BOTH
def test_a_network_is_measured_and_stays_as_it_was(
    name: str, methods: ModuleType, metrics: ModuleType, net: Any, images: Tensor
) -> None:
    net.train()
    net[0].eval()
    modes = [module.training for module in net.modules()]
    with methods.LayerCAM(net, "0.3") as extractor:
        metric = getattr(metrics, name)(extractor, partial(torch.softmax, dim=-1))
        for classes in (0, [0, 1], None):
            metric.update(images.clone().requires_grad_(), classes)
        assert extractor._hooks_enabled
    assert all(0 <= value <= 1 for value in metric.summary().values())
    assert (metric.total, metric.nan_count) == (6, 0)
    assert [module.training for module in net.modules()] == modes


def test_drop_and_increase_are_exact(metrics: ModuleType) -> None:
    metric = made(metrics, "ClassificationMetric", torch.tensor([[[1.0, 0.0], [0.0, 0.0]]]))
    metric.update(IMAGE, 0)
    assert metric.summary() == pytest.approx({"avg_drop": 0.6, "conf_increase": 0}, abs=1e-6)
    metric.update(IMAGE, 1)
    assert metric.summary() == pytest.approx({"avg_drop": 0.3, "conf_increase": 0.5}, abs=1e-6)


@pytest.mark.parametrize(
    ("image", "steps", "deletion", "insertion"),
    [
        (IMAGE, 2, 0.4, 0.6),
        (torch.tensor([[[[0.3, 0.25, 0.2, 0.15, 0.1]]]]), 3, 0.41, 0.59),
    ],
)
@pytest.mark.parametrize("batch_size", [1, 100])
def test_areas_are_exact(
    batch_size: int, image: Tensor, steps: int, deletion: float, insertion: float, metrics: Any
) -> None:
    metric = metrics.DeletionInsertionMetric(Fixed(image[0]), steps=steps, batch_size=batch_size)
    metric.update(image.expand(2, -1, -1, -1), [0, 0])
    expected = {"deletion_auc": deletion, "insertion_auc": insertion}
    assert metric.summary() == pytest.approx(expected, abs=1e-6)


def test_a_baseline_is_a_tensor_or_a_function_of_the_inputs(metrics: ModuleType) -> None:
    image, calls = IMAGE.clone(), []

    def baseline(images: Tensor) -> Tensor:
        calls.append(images)
        return torch.tensor(0.05)

    results = []
    for given in (torch.tensor(0.05), baseline):
        metric = made(metrics, "DeletionInsertionMetric", baseline=given)
        metric.update(image, 0)
        results.append(metric.summary())
    assert results[0] == pytest.approx(results[1])
    assert len(calls) == 1
    assert torch.equal(image, IMAGE)


@BOTH
@pytest.mark.parametrize(("given", "asked"), [(0, 0), ([0, 1], [0, 1]), (None, [0, 1])])
def test_the_extractor_is_asked_for_the_classes(
    given: Any, asked: Any, name: str, metrics: ModuleType
) -> None:
    metric = made(metrics, name)
    metric.update(torch.cat((IMAGE, IMAGE / 5)), given)
    assert metric.cam_extractor.classes == asked


@BOTH
@pytest.mark.parametrize(
    ("given", "error"),
    [
        (2, ValueError),
        ("0", TypeError),
        ([0], ValueError),
        ([0, 2], ValueError),
        ([False, 0], TypeError),
    ],
)
def test_classes_that_cannot_be(given: Any, error: type, name: str, metrics: ModuleType) -> None:
    with pytest.raises(error, match=r"class_idx|classes"):
        made(metrics, name).update(IMAGE.expand(2, -1, -1, -1), given)


@BOTH
def test_inputs_without_a_grid_are_an_error(name: str, metrics: ModuleType) -> None:
    with pytest.raises(ValueError, match="1D"):
        made(metrics, name).update(torch.ones(1, 1), 0)


@BOTH
def test_maps_that_are_no_numbers_are_counted_and_left_out(name: str, metrics: Any) -> None:
    metric = made(metrics, name, torch.stack((IMAGE[0, 0], torch.full((2, 2), torch.nan))))
    metric.update(IMAGE.expand(2, -1, -1, -1), [0, 0])
    assert (metric.total, metric.nan_count) == (1, 1)


@BOTH
def test_a_summary_needs_a_valid_map(name: str, metrics: ModuleType) -> None:
    metric = made(metrics, name, torch.full((1, 2, 2), torch.nan))
    metric.update(IMAGE)
    assert metric.nan_count == 1
    with pytest.raises(AssertionError, match="update"):
        metric.summary()


@BOTH
def test_videos_are_measured(
    name: str, methods: ModuleType, metrics: ModuleType, video_net: nn.Module, video: Tensor
) -> None:
    with methods.LayerCAM(video_net, "0.3") as extractor:
        metric = getattr(metrics, name)(extractor)
        metric.update(video, 0)
    assert all(torch.tensor(list(metric.summary().values())).isfinite())


@BOTH
@pytest.mark.parametrize("form", ["LayerCAM", "RefineCAM", "FinerCAM"])
def test_every_form_of_an_extractor_is_measured(
    form: str, name: str, methods: ModuleType, metrics: ModuleType, net: Any, images: Tensor
) -> None:
    with getattr(methods, form)(net, ["0.0", "0.3"]) as extractor:
        metric = getattr(metrics, name)(extractor, partial(torch.softmax, dim=-1))
        metric.update(images)
        assert getattr(extractor, "base_cam", extractor)._hooks_enabled
    assert metric.total == 2


@BOTH
def test_targets_in_place_of_classes(
    name: str, methods: ModuleType, metrics: ModuleType, structured: nn.Module, images: Tensor
) -> None:
    with methods.GradCAM(structured, "features") as extractor:
        metric = getattr(metrics, name)(extractor)
        metric.update(images, targets=[itemgetter("first"), itemgetter("second")])
        metric.update(images, targets=itemgetter("first"))
        with pytest.raises(ValueError, match="not both"):
            metric.update(images, 0, targets=itemgetter("first"))
    assert metric.total == 4


@BOTH
def test_the_dtype_is_the_inputs(name: str, metrics: ModuleType) -> None:
    metric = made(metrics, name)
    metric.update(IMAGE.double(), 0)
    assert all(images.dtype == torch.float64 for images in metric.cam_extractor.model.seen)


@BOTH
def test_after_a_failure_nothing_is_counted(name: str, metrics: ModuleType) -> None:
    metric = made(metrics, name)
    model = metric.cam_extractor.model
    model.train()
    model.same.eval()
    model.fails = True
    with pytest.raises(RuntimeError, match="mine"):
        metric.update(IMAGE, 0)
    assert (model.training, model.same.training, metric.total) == (True, False, 0)


@BOTH
def test_reset_forgets_all(name: str, metrics: ModuleType) -> None:
    metric = made(metrics, name)
    metric.update(IMAGE, 0)
    metric.reset()
    assert (metric.total, metric.nan_count) == (0, 0)
    with pytest.raises(AssertionError, match="update"):
        metric.summary()


@pytest.mark.parametrize(
    ("options", "error"),
    [
        ({"steps": 0}, ValueError),
        ({"steps": 1.5}, TypeError),
        ({"steps": True}, TypeError),
        ({"batch_size": 0}, ValueError),
        ({"batch_size": 1.5}, TypeError),
        ({"baseline": 0}, TypeError),
    ],
)
def test_settings_that_cannot_be(options: Any, error: type, metrics: ModuleType) -> None:
    with pytest.raises(error, match=next(iter(options))):
        made(metrics, "DeletionInsertionMetric", **options)


@pytest.mark.parametrize(
    ("baseline", "error"), [(lambda images: 0, TypeError), (torch.zeros(3, 3), ValueError)]
)
def test_baselines_that_cannot_be(baseline: Any, error: type, metrics: ModuleType) -> None:
    with pytest.raises(error, match="baseline"):
        made(metrics, "DeletionInsertionMetric", baseline=baseline).update(IMAGE, 0)
