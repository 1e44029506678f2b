"""HiResCAM, LayerCAM and their relations: closed forms by hand, then a peer on real classes."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import camkit_core as camkit
from camkit_core import principal_map
from helpers.small_nets import small_net
from helpers.toys import tensor
from helpers.two_channels import A1, MODEL, cam

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        ("hirescam", [[0.5, 0.0], [0.5, -1.0]]),  # (2 A1 - 4 A2) / 4
        ("layercam", [[0.5, 1.0], [1.5, 0.0]]),  # 2 A1 / 4: the other slope is negative
        ("gradcam_elementwise", [[0.5, 1.0], [1.5, 0.0]]),  # both channels are positive
    ],
)
def test_a_methods_closed_form(method: str, expected: list[list[float]]) -> None:
    assert torch.allclose(cam(method), tensor(expected))


def test_hirescam_adds_up_to_the_score_behind_one_linear_layer() -> None:
    assert float(cam("hirescam").sum()) == pytest.approx(2 * 1.5 - 4 * 0.75)


def test_fem_weights_channels_by_the_share_of_unusual_positions() -> None:
    # A1 has mean 1.5 and deviation sqrt(1.25): only its 3 is more than one deviation above.
    # A2 has mean 0.75 and deviation sqrt(3) / 4: nothing is. So the weights are 1/4 and 0.
    assert torch.allclose(cam("fem", k=1.0), tensor(A1) / 4)


def test_eigencam_is_the_component_of_the_greatest_variance() -> None:
    # One channel is a multiple of the other, so that the component lies along (1, 2) / sqrt(5).
    line = tensor([[-1.0, 0.0], [1.0, 4.0]])
    images = torch.stack([line, 2 * line])[None]
    component = camkit.explain(MODEL, images, "eigencam", 0, "0").cam[0]
    assert torch.allclose(component, (line - line.mean()) * 5**0.5)


def test_eigengradcam_is_that_of_the_evidence() -> None:
    line = tensor([[-1.0, 0.0], [1.0, 4.0]])
    images = torch.stack([line, 2 * line])[None]
    component = camkit.explain(MODEL, images, "eigengradcam", 0, "0").cam[0]
    # Gradients 1/2 and -1: evidence line / 2 and -2 line, along (1, -4) / sqrt(17), the sum of
    # which is -1.5 line.
    assert torch.allclose(component, -(line - line.mean()) * 17**0.5 / 2)


def test_the_sign_of_a_component_whose_channels_cancel_is_that_of_the_strongest_response() -> None:
    line = tensor([[-1.0, 0.0], [1.0, 4.0]])
    evidence = torch.stack([line, -line])[None]
    assert torch.allclose(principal_map(evidence)[0], (line - line.mean()) * 2**0.5)
    assert torch.allclose(principal_map(-evidence)[0], (line - line.mean()) * 2**0.5)


def test_random_weights_repeat_by_their_seed() -> None:
    assert torch.equal(cam("randomcam"), cam("randomcam"))
    assert not torch.equal(cam("randomcam"), cam("randomcam", seed=1))


PEERS = {
    "hirescam": "HiResCAM",
    "layercam": "LayerCAM",
    "gradcam_elementwise": "GradCAMElementWise",
    "eigencam": "EigenCAM",
    "eigengradcam": "EigenGradCAM",
    "fem": "FEM",
}


@pytest.mark.parametrize("family", ["resnet", "vgg", "timm_densenet"])
@pytest.mark.parametrize("method", PEERS)
def test_a_peer_gives_the_same(method: str, family: str) -> None:
    import pytorch_grad_cam
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    net = small_net(family, torch.float32)
    e = camkit.explain(net.model, net.images, method, 1)
    layer = net.model.get_submodule(e.layer)
    maps: list[Any] = []

    class Watched(getattr(pytorch_grad_cam, PEERS[method])):  # type: ignore[misc]
        def get_cam_image(self, *args: Any) -> Any:
            maps.append(super().get_cam_image(*args))
            return maps[-1]

    with Watched(net.model, [layer]) as peer:
        peer(net.images.clone(), [ClassifierOutputTarget(1)] * len(net.images))
    theirs, ours = torch.as_tensor(maps[0]).float(), e.cam
    if method.startswith("eigen"):  # the peer leaves the component's sign to chance
        products = (ours * theirs).flatten(1).sum(1)
        theirs = theirs * products.sign().view(-1, 1, 1)
    assert torch.allclose(ours, theirs, rtol=1e-3, atol=1e-4 * float(ours.abs().max()))
