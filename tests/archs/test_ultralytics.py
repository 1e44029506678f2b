"""Models of ultralytics: their pyramids, their heads' boxes, and the wrapper that holds them."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core import DetectionTarget
from camkit_core.testing import check_adapter
from camkit_core.testing.state import nothing_changes
from helpers.planted.yolo import planted_yolo

ultralytics = pytest.importorskip("ultralytics")
pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")
CLOSE = {"atol": 1e-3, "rtol": 1e-3}  # memory formats differ by rounding
P3 = "model.16, model.19, model.22"


def built(settings: str) -> nn.Module:
    """A narrow model of an architecture, with random weights whose signals do not fade."""
    from ultralytics.nn import tasks

    architecture = tasks.yaml_model_load(settings)
    if "scales" in architecture:
        architecture["scales"]["n"] = [0.33, 0.125, 1024]
    torch.manual_seed(0)
    task = tasks.guess_model_task(architecture)
    kinds = {
        "detect": tasks.DetectionModel,
        "segment": tasks.SegmentationModel,
        "pose": tasks.PoseModel,
        "obb": tasks.OBBModel,
        "classify": tasks.ClassificationModel,
    }
    return lively(kinds[task](architecture, nc=3, verbose=False))


def lively(model: nn.Module) -> nn.Module:
    """The model with norms of noise's statistics, and scores that are neither 0 nor 1."""
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = None
        norm.reset_running_stats()
    with torch.no_grad():
        model.train()(pictures(4))
        for name, parameter in model.named_parameters():
            if "cv3" in name and name.endswith("2.bias"):
                parameter.copy_(torch.linspace(-2, 0, len(parameter)))
            if "cv3" in name and name.endswith("2.weight"):
                parameter.mul_(0.1)
    return model.eval()


def pictures(count: int = 1, size: tuple[int, int] = (64, 96)) -> Tensor:
    return torch.rand(count, 3, *size, generator=torch.Generator().manual_seed(2))


def corners(boxes: Tensor) -> Tensor:
    """Of centres and sizes."""
    return torch.cat([boxes[:, :2] - boxes[:, 2:] / 2, boxes[:, :2] + boxes[:, 2:] / 2], 1)


def explained(model: nn.Module, images: Tensor, **settings: Any) -> camkit.Explanation:
    return camkit.explain(model, images, **{"target": DetectionTarget(index=0), **settings})


@pytest.mark.parametrize(
    ("settings", "layers"),
    [
        ("yolo11n.yaml", P3),
        ("yolov8n.yaml", "model.15, model.18, model.21"),
        ("yolo26n.yaml", P3),
        ("yolo11n-seg.yaml", P3),
        ("yolo11n-pose.yaml", P3),
    ],
)
def test_the_levels_are_what_the_head_reads_and_the_best_box_is_the_models(
    settings: str, layers: str
) -> None:
    model, images = built(settings), pictures(2)
    with torch.no_grad():
        output = model(images)[0]
        output = output[0] if isinstance(output, tuple) else output
    with nothing_changes(model):
        e = explained(model, images)
    assert e.layer == layers
    assert e.boxes is not None
    for image, boxes in enumerate(e.boxes):
        scores = output[image, 4:7].T
        best = int(scores.max(1).values.argmax())
        box = corners(output[image, :4].T[best][None])[0]
        torch.testing.assert_close(boxes["boxes"][0], box, **CLOSE)
        torch.testing.assert_close(boxes["scores"][0], scores.max(), **CLOSE)
        assert int(boxes["labels"][0]) == int(scores[best].argmax())
    assert bool(e.cam.flatten(1).any(1).all())


@pytest.mark.parametrize("fused", [False, True])
@pytest.mark.parametrize("settings", ["yolo26n.yaml", "yolov10n.yaml"])
def test_an_end_to_end_head_gives_the_boxes_that_it_returns(settings: str, fused: bool) -> None:
    model, images = built(settings), pictures()
    model.end2end = True
    if fused:
        model.fuse(verbose=False)
    with torch.no_grad():
        output = model(images)[0][0]  # x1, y1, x2, y2, score, class; best first
    e = explained(model, images)
    assert e.boxes is not None
    first = e.boxes[0]
    torch.testing.assert_close(first["boxes"][0], output[0, :4], **CLOSE)
    torch.testing.assert_close(first["scores"][0], output[0, 4], **CLOSE)
    assert int(first["labels"][0]) == int(output[0, 5])
    assert e.layer == P3
    assert bool(e.cam.any())


def test_rotated_boxes_are_enclosed_by_upright_ones() -> None:
    from ultralytics.utils.ops import xywhr2xyxyxyxy

    model, images = built("yolo11n-obb.yaml"), pictures()
    with torch.no_grad():
        output = model(images)[0][0].T
    e = explained(model, images)
    assert e.boxes is not None
    best = output[int(output[:, 4:7].max(1).values.argmax())]
    points = xywhr2xyxyxyxy(torch.cat([best[:4], best[-1:]])[None])[0]
    around = torch.cat([points.amin(0), points.amax(0)])
    torch.testing.assert_close(e.boxes[0]["boxes"][0], around, **CLOSE)


def test_rt_detr_gives_its_queries_in_pixels() -> None:
    model = rt_detr()
    images = pictures(1, (64, 96))
    with torch.no_grad():
        output = model(images)[0][0]
    e = explained(model, images)
    assert e.boxes is not None
    scale = torch.tensor([96, 64, 96, 64])
    torch.testing.assert_close(e.boxes[0]["boxes"][0], corners(output[:1, :4])[0] * scale, **CLOSE)
    torch.testing.assert_close(e.boxes[0]["scores"][0], output[0, 4], **CLOSE)
    assert e.layer.count(", ") == 2
    assert bool(e.cam.any())


def test_a_classifier_is_explained_before_its_pooling() -> None:
    model, images = built("yolo11n-cls.yaml"), pictures()
    e = camkit.explain(model, images)
    assert e.layer.endswith(".conv")
    assert e.logits is not None
    with torch.no_grad():
        torch.testing.assert_close(e.logits, model(images)[1], **CLOSE)


def test_the_wrapper_is_opened_and_none_of_its_commands_is_called(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    yolo = ultralytics.YOLO("yolo11n.yaml")
    network = planted_yolo()
    yolo.model = network
    for command in ("train", "predict", "val", "export", "eval", "_load", "fuse"):
        monkeypatch.setattr(type(yolo), command, lambda *_, **__: pytest.fail("a command ran"))
    images = pictures()
    e = explained(yolo, images)
    assert torch.equal(e.cam, explained(network, images).cam)
    assert "explained the DetectionModel inside the YOLO, eagerly" in e.notes


def test_a_wrapper_of_an_exported_model_is_refused() -> None:
    yolo = ultralytics.YOLO("yolo11n.yaml")
    del yolo._modules["model"]
    vars(yolo)["model"] = "yolo11n.onnx"
    with pytest.raises(camkit.InputError, match=r"YOLO holds 'yolo11n.onnx'.* such as a \.pt file"):
        explained(yolo, pictures())


@pytest.mark.parametrize("change", ["train", "fuse", "predicted", "export", "double"])
def test_the_model_in_any_state(change: str) -> None:
    model, images = built("yolo11n.yaml"), pictures()
    expected = explained(model, images).cam
    model = copy.deepcopy(model)
    if change == "train":
        model.train().requires_grad_(False)
    elif change == "fuse":
        model.fuse(verbose=False)
    elif change == "predicted":
        with torch.inference_mode():  # the head keeps what it makes there
            model(pictures(2, (32, 64)))
            model(images)
        assert model.model[-1].anchors.is_inference()
    elif change == "export":
        model.model[-1].export = True
    else:
        model.double()
    with nothing_changes(model):
        cam = explained(model, images.double() if change == "double" else images).cam
    torch.testing.assert_close(cam.float(), expected, atol=2e-3, rtol=1e-3)


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16])
def test_half_precision(dtype: torch.dtype) -> None:
    model = planted_yolo().to(dtype)
    e = camkit.explain(model, pictures().to(dtype), target=DetectionTarget(index=0))
    assert e.cam.dtype == torch.float32
    assert bool(e.cam.isfinite().all())


def test_sides_that_do_not_fit_are_refused_with_the_padding_that_does() -> None:
    model = planted_yolo()
    with pytest.raises(camkit.InputError, match=r"multiples of 32; got 70x100") as error:
        explained(model, pictures(1, (70, 100)))
    call = str(error.value).split("does: ")[1]
    padded = eval(call, {"torch": torch, "images": pictures(1, (70, 100))})
    assert padded.shape[2:] == (96, 128)
    explained(model, padded)


def test_the_tail_is_run_alone_for_a_channel() -> None:
    model, images = planted_yolo(), pictures()
    settings = {"method": "ablationcam", "max_channels": 4}
    explained(model, images, **settings)  # proves it
    runs: list[int] = []
    handle = model.register_forward_hook(lambda *_: runs.append(1))
    e = explained(model, images, **settings)
    handle.remove()
    assert len(runs) == 1
    torch.testing.assert_close(e.cam, explained(model, images, method="ablationcam").cam)
    assert not any("full forward passes" in note for note in e.notes)


def rt_detr() -> nn.Module:
    from ultralytics.nn.tasks import RTDETRDetectionModel, yaml_model_load

    architecture = yaml_model_load("rtdetr-l.yaml")
    architecture["scales"] = {"l": [0.34, 0.25, 256]}
    torch.manual_seed(0)
    return RTDETRDetectionModel(architecture, nc=3, verbose=False).eval()


def test_the_adapter_keeps_what_adapters_promise() -> None:
    check_adapter("ultralytics.nn.tasks", planted_yolo(), [(64, 96), (64, 64)])
