"""What is timed: camkit and its peers on one task, the bare forward pass, and the ideal."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from networks import Network
from torch import Tensor, nn

import camkit_core as camkit

TARGET = 3
Run = Callable[[], Any]
PEER_CLASSES = {
    "pytorch-grad-cam": {
        "gradcam": "GradCAM",
        "gradcam++": "GradCAMPlusPlus",
        "xgradcam": "XGradCAM",
        "ablationcam": "AblationCAM",
        "scorecam": "ScoreCAM",
    },
    "torch-cam": {
        "gradcam": "GradCAM",
        "gradcam++": "GradCAMpp",
        "xgradcam": "XGradCAM",
        "scorecam": "ScoreCAM",
    },
}


def contenders(network: Network, method: str, x: Tensor) -> dict[str, Run]:
    """Each contender's name and what it runs, all on one model."""
    model = network.build()
    runs = {
        "forward": forward(model, x),
        "ideal": ideal(model, network, x),
        "camkit": lambda: camkit.explain(model, x, method, TARGET).heatmap,
        "pytorch-grad-cam": pytorch_grad_cam(network, method, x),
    }
    if method in PEER_CLASSES["torch-cam"] and network.reshape is None:
        runs["torch-cam"] = torch_cam(network, method, x)
    if method == "gradcam" and network.reshape is None:
        runs["captum"] = captum(network, x)
    return runs


def forward(model: nn.Module, x: Tensor) -> Run:
    """One bare forward pass."""

    def run() -> Tensor:
        with torch.no_grad():
            return model(x)

    return run


def ideal(model: nn.Module, network: Network, x: Tensor) -> Run:
    """One forward pass and the backward pass of what follows the layer: no method can do less."""
    layer = network.layer(model)

    def run() -> Tensor:
        leaves: list[Tensor] = []

        def cut(module: nn.Module, args: Any, output: Tensor) -> Tensor:
            leaves.append(output.detach().clone().requires_grad_())
            torch.set_grad_enabled(True)
            return leaves[0].clone()

        handle = layer.register_forward_hook(cut)
        try:
            with torch.no_grad():
                output = model(x)
        finally:
            handle.remove()
        return torch.autograd.grad(output[:, TARGET].sum(), leaves)[0]

    return run


def pytorch_grad_cam(network: Network, method: str, x: Tensor) -> Run:
    """pytorch-grad-cam as its README says, on a model of its own."""
    import pytorch_grad_cam as library
    from pytorch_grad_cam.ablation_layer import AblationLayerVit
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    model = network.build()
    options: dict[str, Any] = {"reshape_transform": network.reshape}
    if method == "ablationcam" and network.reshape is not None:
        options["ablation_layer"] = AblationLayerVit()
    kind = getattr(library, PEER_CLASSES["pytorch-grad-cam"][method])
    cam = kind(model, [network.layer(model)], **options)
    targets = [ClassifierOutputTarget(TARGET)] * len(x)
    return lambda: cam(x, targets)


def torch_cam(network: Network, method: str, x: Tensor) -> Run:
    """torch-cam as its README says, on a model of its own."""
    from torchcam import methods

    model = network.build()
    extractor = getattr(methods, PEER_CLASSES["torch-cam"][method])(model, network.layer(model))

    def run() -> Any:
        scores = model(x)
        return extractor([TARGET] * len(x), scores)

    return run


def captum(network: Network, x: Tensor) -> Run:
    """captum's LayerGradCam and its interpolation, on a model of its own."""
    from captum.attr import LayerAttribution, LayerGradCam

    model = network.build()
    attribution = LayerGradCam(model, network.layer(model))

    def run() -> Tensor:
        found = attribution.attribute(x, TARGET, relu_attributions=True)
        return LayerAttribution.interpolate(found, tuple(x.shape[-2:]), "bilinear")

    return run
