"""Where camkit's maps are not those of its peers: why, whose value is the paper's, and a way back.

Each test shows the peer's value, and that camkit's own default is the paper's.
"""

from __future__ import annotations

import pytest
import torch
from captum.attr import LayerGradCam
from torch import Tensor, nn

import camkit_core as camkit
from helpers.peers import pytorch_grad_cam, shown
from helpers.small_nets import small_net
from helpers.toys import InPlace, conv, gap_linear, linear, tensor, weights_of

pytestmark = pytest.mark.filterwarnings("ignore:blank map")
A = tensor([[[[1, 3], [0, 4]], [[2, 0], [0, 2]], [[4, 4], [0, 0]]]])
W = [[2, -1, 0.5], [0, 1, 0]]


def first(row: Tensor) -> Tensor:
    return row[0]


def near(given: Tensor, wanted: object, tolerance: float = 1e-6) -> bool:
    wanted = torch.as_tensor(wanted, dtype=torch.float64)
    return bool((given.double().squeeze(0) - wanted).abs().max() <= tolerance * wanted.abs().max())


def test_gradcam_plusplus_has_no_epsilon() -> None:
    """pytorch-grad-cam adds 1e-6 to 2 g^2 + S g^3, which has gradients of 1e-4 lose to it.

    The paper's equation 19 has no such term; cancelled by g^2 it needs none. Here the epsilon
    moves the maximum to another pixel.
    """
    model = gap_linear((tensor(W) * 1e-3).tolist(), [1, 0])
    theirs, _ = pytorch_grad_cam("gradcam++", model, model[0], A, first)
    paper = camkit.explain(model, A, "gradcam++", 0, "0")
    assert near(shown(paper.cam), [[0.5, 1], [0, 0.9996]], 5e-4)
    assert near(shown(theirs), [[0.273, 0.773], [0, 1]], 1e-3)
    named = camkit.explain(model, A, "gradcam++", 0, "0", variant="pytorch-grad-cam")
    assert near(named.cam, theirs[0])


@pytest.mark.parametrize(("bias", "sign"), [(1, 1), (-20, -1)])
def test_ablationcam_is_the_drop_whatever_the_sign_of_the_score(bias: float, sign: int) -> None:
    """pytorch-grad-cam divides the drop by the score, as the paper writes it.

    The quotient is meant as a scale; where the score is negative, it turns the map over.
    """
    model = gap_linear(W, [bias, 0])
    drops, e = weights_of(model, A, "ablationcam")
    assert near(drops, [4, -1, 1])
    assert near(shown(e.cam), [[0.375, 1], [0, 0.875]])
    theirs, weights = pytorch_grad_cam("ablationcam", model, model[0], A, first)
    assert near(weights, tensor([4, -1, 1]) / (4 + bias))
    assert near(shown(theirs), shown(sign * e.cam)[0])
    assert bool(theirs.relu().any()) == (sign > 0)
    named, _ = weights_of(model, A, "ablationcam", variant="pytorch-grad-cam")
    assert near(named, weights[0])


def test_ablationcam_ablates_to_zero() -> None:
    """pytorch-grad-cam ablates signed activations to about -1e7, times the place in its batch.

    The paper sets them to zero. One channel of T1 shifted by -1 makes the layer signed; its
    weights become millions, and depend on the batch size.
    """
    signed = A.clone()
    signed[:, 1] -= 1
    model = gap_linear(W, [1, 0])
    drops, _ = weights_of(model, signed, "ablationcam", variant="paper")
    assert near(drops, [2 / 3, 0, 1 / 6])
    for size, wanted in ((32, [3.33e6, -3.33e6, 2.5e6]), (1, [3.33e6, -1.67e6, 8.33e5])):
        _, weights = pytorch_grad_cam(
            "ablationcam", model, model[0], signed, first, batch_size=size
        )
        assert near(weights, wanted, 1e-2)
    with pytest.raises(camkit.LayerError, match="defined for activations >= 0 only"):
        weights_of(model, signed, "ablationcam", variant="pytorch-grad-cam")


def test_scorecam_resizes_masks_as_heatmaps_are_resized() -> None:
    """pytorch-grad-cam resizes masks with aligned corners, and heatmaps without.

    The authors' code has no aligned corners, and a mask should lie where its heatmap lies.
    """
    layers = [conv([[[[0.5, 0.5]]], [[[1, -1]]]], stride=(1, 2)), nn.ReLU()]
    head = [nn.AdaptiveAvgPool2d(1), nn.Flatten(), linear([[1, 0.5], [0, 0]], [0, 0])]
    model, images = nn.Sequential(*layers, *head), tensor([[[[4, 0, 2, 6]]]])
    paper = camkit.explain(model, images, "scorecam", 0, "1")
    theirs, _ = pytorch_grad_cam("scorecam", model, model[1], images, first)
    assert near(paper.cam, [[3.185333, 1.629334]])
    assert near(theirs, [[3.244919, 1.510163]])
    named = camkit.explain(model, images, "scorecam", 0, "1", variant="pytorch-grad-cam")
    assert near(named.cam, theirs[0])


def test_an_inplace_relu_after_the_layer_does_not_mix_values_with_gradients() -> None:
    """pytorch-grad-cam keeps the layer's output without a copy, and the ReLU writes into it.

    So its map is of activations from after the ReLU and gradients from before. camkit takes
    both from one tensor: the layer's own output if the layer is named, as captum does, and what
    the classifier reads by the adapter of DenseNet.
    """
    model, images = InPlace(), tensor([[[[2, -1], [-4, 1]]]])
    theirs, _ = pytorch_grad_cam("gradcam", model, model.features, images, first)
    assert near(theirs, [[0.25, 0.125], [0.5, 0.125]])
    adapter = camkit.Adapter(model.features, after=("relu",))
    default = camkit.explain(model, images, "gradcam", 0, adapter=adapter)
    assert near(default.cam, [[0.5, 0.25], [1, 0.25]])
    named = camkit.explain(model, images, "gradcam", 0, model.features)
    captum = LayerGradCam(model, model.features).attribute(images, target=0)
    assert not named.cam.any()
    assert not captum.any()


def test_torchvisions_densenet_is_where_that_matters() -> None:
    net = small_net("densenet")
    layer = net.model.features.norm5
    theirs, _ = pytorch_grad_cam("gradcam", net.model, layer, net.images, lambda row: row[2])
    maps = net.model.features(net.images).detach()
    slope = net.model.classifier.weight[2].detach()[:, None, None] / 16
    before = (maps > 0) * slope
    mixed = (before.mean((2, 3), keepdim=True) * maps.relu()).sum(1)
    assert near(theirs.flatten(), mixed.flatten())
    default = camkit.explain(net.model, net.images, "gradcam", 2)
    assert near(default.cam.flatten(), (slope * maps.relu()).sum(1).flatten(), 1e-9)
    named = camkit.explain(net.model, net.images, "gradcam", 2, layer)
    captum = LayerGradCam(net.model, layer).attribute(net.images, target=2)
    assert near(named.cam.flatten(), captum.flatten(), 1e-9)
    assert float((shown(theirs) - shown(default.cam)).abs().max()) > 0.05
