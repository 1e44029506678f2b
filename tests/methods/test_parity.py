"""Agreement with pytorch-grad-cam and captum.

Maps are compared at the layer's grid, before anybody resizes them: ReLU, then division by the
map's maximum. pytorch-grad-cam is asked for what it hands to its own scaling (`get_cam_image`).
"""

from __future__ import annotations

from functools import cache
from itertools import product

import pytest
import timm
import torch
import torchvision
from captum.attr import GuidedBackprop, LayerGradCam
from torch import Tensor, nn
from torchvision.models.vgg import VGG

import camkit_core as camkit
from camkit_core.plugins import get_registry
from camkit_core.target_layer.find import find_layer
from helpers.peers import pytorch_grad_cam, shown
from helpers.small_nets import FAMILIES, enliven, small_net

pytestmark = pytest.mark.filterwarnings("ignore:blank map", "ignore:Setting .*hooks on ReLU")
Drawn = tuple[nn.Module, Tensor]


@cache
def built(name: str) -> nn.Module:
    settings = {"init_weights": False} if name == "vgg11" else {}
    model = torchvision.models.get_model(name, num_classes=4, **settings)
    if name == "vgg11":  # whose own classifier has 120 million weights
        model.classifier = nn.Sequential(nn.Linear(512 * 7 * 7, 64), nn.ReLU(), nn.Linear(64, 4))
    return model


CNNS = [*product(["resnet18", "vgg11", "mnasnet0_5"], [0, 1, 2])]


@pytest.fixture(scope="module", params=CNNS, ids=lambda case: "-".join(map(str, case)))
def cnn(request: pytest.FixtureRequest) -> Drawn:
    """A model with the weights of a seed, and two images of 128x96 pixels."""
    name, seed = request.param
    torch.manual_seed(seed)
    return enliven(built(name), size=32), torch.randn(2, 3, 128, 96)


def second(row: Tensor) -> Tensor:
    return row[2]


def assert_shown_alike(cam: Tensor, theirs: Tensor, tolerance: float) -> None:
    assert cam.shape == theirs.shape
    assert float((shown(cam) - shown(theirs)).abs().max()) <= tolerance
    assert bool((shown(cam).amax((1, 2)) == 1).all())
    assert float((shown(cam)[0] - shown(cam)[1]).abs().max()) > 0.01


def test_gradcam_agrees_with_pytorch_grad_cam(cnn: Drawn) -> None:
    model, images = cnn
    e = camkit.explain(model, images, "gradcam")
    theirs, _ = pytorch_grad_cam("gradcam", model, model.get_submodule(e.layer), images)
    assert_shown_alike(e.cam, theirs, 1e-4)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_gradcam_of_a_transformer_agrees_with_pytorch_grad_cam(seed: int) -> None:
    torch.manual_seed(seed)
    model = timm.create_model("deit_tiny_patch16_224", num_classes=4, img_size=64)
    images = torch.randn(2, 3, 64, 64)
    e = camkit.explain(enliven(model, size=64), images, "gradcam")
    reshape = camkit.tokens_to_grid(4, 4, prefix=1)
    theirs, _ = pytorch_grad_cam("gradcam", model, model.blocks[-1].norm1, images, None, reshape)
    assert_shown_alike(e.cam, theirs, 1e-4)


def test_xgradcam_agrees_with_pytorch_grad_cam(cnn: Drawn) -> None:
    model, images = cnn
    e = camkit.explain(model, images, "xgradcam")
    theirs, _ = pytorch_grad_cam("xgradcam", model, model.get_submodule(e.layer), images)
    assert_shown_alike(e.cam, theirs, 1e-4)
    # In the other models pooling follows the layer, and XGrad-CAM is Grad-CAM.
    if isinstance(model, VGG):
        assert float((shown(e.cam) - shown(camkit.explain(model, images).cam)).abs().max()) > 0.01


def test_gradcam_agrees_with_captum_in_sign_and_size(cnn: Drawn) -> None:
    model, images = cnn
    e = camkit.explain(model, images, "gradcam", 2)
    captum = LayerGradCam(model, model.get_submodule(e.layer))
    theirs = captum.attribute(images, target=2)[:, 0].detach()
    assert e.cam.shape == theirs.shape
    assert float((e.cam - theirs).abs().max()) <= 1e-5 * float(theirs.abs().max())
    assert float((e.cam[0] - e.cam[1]).abs().max()) > 1e-2 * float(theirs.abs().max())


@pytest.mark.parametrize("name", ["resnet", "vgg", "mnasnet", "timm_densenet"])
def test_guided_backpropagation_agrees_with_captum(name: str) -> None:
    net = small_net(name)
    e = camkit.explain(net.model, net.images, "guided_backprop", 2)
    images = net.images.clone().requires_grad_()
    theirs = GuidedBackprop(net.model).attribute(images, target=2).sum(1).detach()
    assert float((e.cam - theirs).abs().max()) <= 1e-9 * float(theirs.abs().max())
    assert float((e.cam[0] - e.cam[1]).abs().max()) > 1e-2 * float(theirs.abs().max())


SIGNED = ["densenet", "vit", "timm_vit"]
VARIANTS = [
    (method, name)
    for method in ("gradcam++", "xgradcam", "ablationcam", "scorecam")
    for name in FAMILIES
    if name != "densenet" and (method != "ablationcam" or name not in SIGNED)
]


@pytest.mark.parametrize(("method", "name"), VARIANTS)
def test_the_variant_named_after_pytorch_grad_cam_is_its_map(method: str, name: str) -> None:
    """All families but torchvision's DenseNet, whose in-place ReLU confuses pytorch-grad-cam."""
    net = small_net(name)
    contribution = get_registry().adapter_for(type(net.model))
    assert contribution is not None
    adapter = contribution.load()(net.model, (32, 32))
    e = camkit.explain(net.model, net.images, method, 2, variant="pytorch-grad-cam")
    theirs, _ = pytorch_grad_cam(
        method, net.model, find_layer(net.model, adapter.layer)[1], net.images, second,
        adapter.reshape,
    )  # fmt: skip
    assert float((e.cam - theirs).abs().max()) <= 1e-5 * float(theirs.abs().max())
    assert float((e.cam[0] - e.cam[1]).abs().max()) > 1e-2 * float(theirs.abs().max())
