"""Newer methods against the libraries that have them, on small networks of the real classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import camkit_core as camkit
from helpers.small_nets import Net, small_net
from helpers.toys import weights_of

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")


def same(ours: Tensor, theirs: Any, within: float = 1e-3) -> bool:
    """Whether two maps are equal up to rounding, which grows with the largest value."""
    theirs = torch.as_tensor(theirs).to(ours).reshape(ours.shape)
    return torch.allclose(ours, theirs, rtol=within, atol=within / 10 * float(ours.abs().max()))


def explained(net: Net, method: str, **options: Any) -> tuple[Tensor, str]:
    explanation = camkit.explain(net.model, net.images, method, 1, **options)
    return explanation.cam, explanation.layer


def grad_cam(
    net: Net, peer: str, layer: str, target: Callable[[], Any] | None = None, **options: Any
) -> Tensor:
    """The map of one of pytorch-grad-cam's classes, before scaling."""
    import pytorch_grad_cam
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    maps: list[Any] = []

    class Watched(getattr(pytorch_grad_cam, peer)):  # type: ignore[misc]
        def get_cam_image(self, *args: Any) -> Any:
            maps.append(super().get_cam_image(*args))
            return maps[-1]

    made = target or (lambda: ClassifierOutputTarget(1))
    with Watched(net.model, [net.model.get_submodule(layer)], **options) as watched:
        watched(net.images.clone(), [made() for _ in net.images])
    return torch.as_tensor(maps[0]).float()


@pytest.mark.parametrize("family", ["resnet", "vgg", "timm_densenet"])
def test_finercam(family: str) -> None:
    import pytorch_grad_cam

    net = small_net(family, torch.float32)
    options = {"alpha": 0.8, "references": 2, "variant": "weighted"}
    ours, layer = explained(net, "finercam", **options)
    peer = pytorch_grad_cam.FinerCAM(net.model, [net.model.get_submodule(layer)])
    theirs = peer(net.images.clone(), None, alpha=0.8, comparison_categories=[1, 2], target_idx=1)
    # It gives no more than what it drew: without negative evidence, and stretched to [0, 1].
    size = net.images.shape[2:]
    shown = camkit.unit_range(camkit.upsample(camkit.unit_range(ours.relu()), size))
    assert same(shown, theirs, 2e-3)


@pytest.mark.parametrize("family", ["resnet", "vgg"])
def test_finercam_of_torch_cam(family: str) -> None:
    from torchcam.methods import FinerCAM

    net = small_net(family, torch.float32)
    ours, layer = explained(net, "finercam", alpha=0.6, references=2)
    with FinerCAM(net.model, layer, gamma=0.6, num_references=2) as peer:
        theirs = peer([1] * len(net.images), net.model(net.images), normalized=False)[0]
    assert same(ours.relu(), theirs.detach())


@pytest.mark.parametrize("family", ["resnet", "vgg", "timm_densenet"])
@pytest.mark.parametrize("utility", ["rest", "score"])
def test_shapleycam(family: str, utility: str) -> None:
    from pytorch_grad_cam.utils.model_targets import (
        ClassifierOutputReST,
        ClassifierOutputTarget,
    )

    net = small_net(family, torch.float32)
    ours, layer = explained(net, "shapleycam", utility=utility)
    kind = ClassifierOutputReST if utility == "rest" else ClassifierOutputTarget
    assert same(ours, grad_cam(net, "ShapleyCAM", layer, lambda: kind(1)))


@pytest.mark.parametrize("kernel", ["rbf", "sigmoid"])
@pytest.mark.parametrize("family", ["resnet", "vgg", "timm_densenet"])
def test_kpcacam(family: str, kernel: str) -> None:
    net = small_net(family, torch.float32)
    ours, layer = explained(net, "kpcacam", kernel=kernel)
    theirs = grad_cam(net, "KPCA_CAM", layer, kernel=kernel)
    # The peer leaves the component's sign to chance.
    turned = theirs * (ours * theirs).flatten(1).sum(1).sign().view(-1, 1, 1)
    assert same(ours, turned, 2e-3)


@pytest.mark.parametrize("family", ["resnet", "vgg"])
def test_iscam_of_torch_cam(family: str) -> None:
    from torchcam.methods import ISCAM

    net = small_net(family, torch.float32)
    ours, layer = explained(net, "iscam", steps=3, variant="torch-cam")
    with ISCAM(net.model, layer, num_samples=3) as peer, torch.no_grad():
        scores = net.model(net.images)
        theirs = peer([1] * len(net.images), scores, normalized=False)[0]
    assert same(ours.relu(), theirs)


def test_sscam_of_torch_cam_with_the_same_noise() -> None:
    from torchcam.methods import SSCAM

    net = small_net("resnet", torch.float32)
    ours, layer = explained(net, "sscam", samples=3, sigma=0.5, seed=7, variant="torch-cam")
    channels, size = 20, net.images.shape[2:]
    generator = torch.Generator().manual_seed(7)
    noise = [
        [torch.randn(1, *size, generator=generator) for _ in range(3)] for _ in range(channels)
    ]
    of_sample = [torch.cat([draws[sample] for draws in noise]) * 0.5 for sample in range(3)]

    class Given:
        def sample(self, size: Any) -> Tensor:
            return of_sample.pop(0).expand(size)

    with SSCAM(net.model, layer, num_samples=3) as peer, torch.no_grad():
        peer._distrib = Given()
        scores = net.model(net.images)
        theirs = peer([1] * len(net.images), scores, normalized=False)[0]
    assert not of_sample
    assert same(ours.relu(), theirs)


def test_smoothgradcam_plusplus_has_torch_cams_weights_behind_global_pooling() -> None:
    # There the slope is the same at all positions and for all noise, so that two slips of torch-cam
    # change nothing: it multiplies the third power by each position's own activation before it
    # sums, and takes the ReLU of the last noisy image's slope alone. The third one shows: it
    # weighs the activations of the last noisy image, where the paper weighs the image's own. Its
    # epsilon of 1e-8 shows beside squares of slopes.
    from torchcam.methods import SmoothGradCAMpp

    net = small_net("resnet", torch.float64)
    layer = net.model.get_submodule("layer4")
    last = net.images + 0.1 * torch.randn(net.images.shape, generator=torch.manual_seed(1))
    weights, _ = weights_of(net.model, net.images, "smoothgradcam++", 1, layer, samples=2)
    outputs: list[Tensor] = []
    layer.register_forward_hook(lambda module, args, output: outputs.append(output.detach()))

    class Given:
        def sample(self, size: Any) -> Tensor:
            return last - net.images

    with SmoothGradCAMpp(net.model, "layer4", num_samples=2) as peer:
        peer._distrib = Given()
        scores = net.model(net.images)
        theirs = peer([1] * len(net.images), scores, normalized=False)[0].detach()
    expected = camkit.weighted_sum(weights, outputs[-1])
    assert same(expected, theirs, 5e-3)
    assert not torch.allclose(theirs, camkit.weighted_sum(weights, outputs[0]), rtol=0.1)


@pytest.mark.parametrize("base", ["gradcam", "layercam"])
def test_refinecam_of_torch_cam(base: str) -> None:
    from torchcam.methods import GradCAM, LayerCAM, RefineCAM

    net = small_net("resnet", torch.float32)
    ours, layer = explained(net, "refinecam", base=base, layers=["layer2", "layer1"])
    method = {"gradcam": GradCAM, "layercam": LayerCAM}[base]
    with RefineCAM(net.model, [layer, "layer2", "layer1"], base_method=method) as peer:
        scores = net.model(net.images)
        theirs = peer([1] * len(net.images), scores, normalized=False)[0]
    assert same(ours, theirs.detach())


@pytest.mark.parametrize("family", ["resnet", "vgg"])
def test_fullgrad(family: str) -> None:
    import pytorch_grad_cam
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    net = small_net(family, torch.float32)
    ours, _ = explained(net, "fullgrad")
    peer = pytorch_grad_cam.FullGrad(net.model, [])
    theirs = peer(net.images.clone(), [ClassifierOutputTarget(1)] * len(net.images))
    assert same(camkit.unit_range(ours), theirs, 2e-3)
