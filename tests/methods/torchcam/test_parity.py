"""camkit's form against torch-cam: the same maps of the same seeds, and the same signatures."""

from __future__ import annotations

import copy
import inspect
import random
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_methods.compat.torchcam import methods as ours
from camkit_methods.compat.torchcam import metrics as our_metrics
from helpers.small_nets import small_net

theirs = pytest.importorskip("torchcam.methods")
their_metrics = pytest.importorskip("torchcam.metrics")

NAMES = [
    *("CAM", "GradCAM", "GradCAMpp", "XGradCAM", "LayerCAM", "SmoothGradCAMpp"),
    *("ScoreCAM", "SSCAM", "ISCAM", "FinerCAM", "RefineCAM"),
]


def network(rng: random.Random) -> tuple[nn.Sequential, Tensor]:
    """A small network, with what may change a layer's output in place, and a batch for it."""
    width, count, classes = rng.choice([4, 6]), rng.choice([1, 2, 3]), rng.choice([3, 5])
    norm: nn.Module = rng.choice([nn.BatchNorm2d(width), nn.Identity()])
    model = nn.Sequential(
        nn.Conv2d(3, width, 3, padding=1),
        norm,
        nn.ReLU(inplace=rng.random() < 0.5),
        nn.Conv2d(width, 8, 3, stride=rng.choice([1, 2]), padding=1),
        rng.choice([nn.ReLU(), nn.GELU(), nn.ReLU(inplace=True)]),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(8, classes),
    )
    images = torch.randn(count, 3, rng.choice([8, 11]), rng.choice([8, 13]))
    return model.eval(), images


def maps(library: Any, name: str, model: Any, images: Tensor, case: dict[str, Any]) -> list[Tensor]:
    kwargs = {"num_samples": 2} if name in ("SSCAM", "ISCAM", "SmoothGradCAMpp") else {}
    with getattr(library, name)(model, case["layer"], **kwargs) as extractor:
        scores = model(images)
        torch.manual_seed(case["seed"])
        cams: list[Tensor] = extractor(case["classes"], scores, normalized=case["normalized"])
        return [*cams, extractor.fuse_cams([cam.clone() for cam in cams])]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(3))
def test_maps_of_random_networks_are_the_same(name: str, seed: int) -> None:
    rng = random.Random(f"{seed} {name}")
    torch.manual_seed(rng.randrange(10**6))
    model, images = network(rng)
    classes = model[-1].out_features
    layers = {"CAM": ["4"], "RefineCAM": [["0", "4"], ["2", "3"]]}.get(name, ["0", "3", ["2", "4"]])
    case = {
        "layer": rng.choice(layers),
        "classes": rng.choice([1, [rng.randrange(classes) for _ in images]]),
        "normalized": rng.random() < 0.7,
        "seed": seed,
    }
    expected = maps(theirs, name, copy.deepcopy(model), images, case)
    given = maps(ours, name, model, images, case)
    assert len(given) == len(expected)
    for cam, peer in zip(given, expected, strict=True):
        scale = float(peer.abs().max().clamp(min=1e-12))
        assert float((cam - peer).abs().max()) <= 1e-4 * scale


def test_legrad_is_the_same() -> None:
    net = small_net("vit")
    blocks = [name for name, part in net.model.named_modules() if hasattr(part, "self_attention")]
    results = []
    for library in (theirs, ours):
        with library.LeGrad(copy.deepcopy(net.model), blocks) as extractor:
            scores = extractor.model(net.images)
            results.append((extractor(1, scores)[0], scores.detach()))
    assert torch.allclose(results[0][0], results[1][0], atol=1e-4)
    assert torch.allclose(results[0][1], results[1][1], atol=1e-5)


@pytest.mark.parametrize("name", ["ClassificationMetric", "DeletionInsertionMetric"])
def test_metrics_are_the_same(name: str) -> None:
    rng = random.Random(1)
    torch.manual_seed(1)
    model, images = network(rng)
    results = []
    for library, metrics in ((theirs, their_metrics), (ours, our_metrics)):
        with library.LayerCAM(model, ["0", "3"]) as extractor:
            metric = getattr(metrics, name)(extractor, partial(torch.softmax, dim=-1))
            metric.update(images)
            metric.update(images, 1)
            results.append(metric.summary())
    assert results[0] == pytest.approx(results[1], rel=1e-4)


@pytest.mark.parametrize("name", [*NAMES, "LeGrad"])
def test_signatures_are_the_same(name: str) -> None:
    def shape(function: Any) -> list[tuple[str, Any, Any]]:
        parameters = inspect.signature(function).parameters.values()
        return [(p.name, p.kind, getattr(p.default, "__name__", p.default)) for p in parameters]

    mine, peer = getattr(ours, name), getattr(theirs, name)
    for method in ("__init__", "__call__", "compute_cams", "fuse_cams", "enable_hooks"):
        assert shape(getattr(mine, method)) == shape(getattr(peer, method))


@pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")
@pytest.mark.parametrize(("name", "method"), [("GradCAM", "gradcam"), ("LayerCAM", "layercam")])
def test_maps_are_the_engines_but_for_their_scale(name: str, method: str) -> None:
    net = small_net("resnet")
    with getattr(ours, name)(net.model, "layer3") as extractor:
        (cam,) = extractor(1, net.model(net.images), normalized=False)
    expected = camkit.explain(net.model, net.images, method, 1, layer="layer3").cam
    assert torch.allclose(cam, expected.relu(), rtol=1e-4, atol=1e-6)
