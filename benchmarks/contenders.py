"""What is timed: camkit and its peers on one task, a bare forward pass, and the ideal."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import redirect_stderr
from typing import Any

import torch
from networks import Network
from timing import Run
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core.forward.chunks import tail_chunk_size

TARGET = 3
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


def contenders(network: Network, method: str, x: Tensor, only: str = "") -> dict[str, Run]:
    """What each contender runs, on the same weights, by its name; or only that of one of them."""
    model = network.build(x.device.type)
    makers: dict[str, Callable[[], Run]] = {
        "forward": lambda: forward(model, x),
        "ideal": lambda: ideal(model, network, x),
        "camkit": lambda: lambda: camkit.explain(model, x, method, TARGET).heatmap,
        "prepared": lambda: prepared(model, x, method),
        "pytorch-grad-cam": lambda: quietly(pytorch_grad_cam(network, method, x)),
    }
    if method == "ablationcam" and network.tail:
        makers["by hand"] = lambda: tail_by_hand(model, network, x)
    if method in PEER_CLASSES["torch-cam"] and network.reshape is None:
        makers["torch-cam"] = lambda: torch_cam(network, method, x)
    if method == "gradcam" and network.reshape is None:
        makers["captum"] = lambda: captum(network, x)
    return {name: make() for name, make in makers.items() if only in ("", name)}


def prepared(model: nn.Module, x: Tensor, method: str) -> Run:
    """camkit's explainer, made ready beforehand."""
    explainer = camkit.prepare(model, x, method, TARGET)
    return lambda: explainer(x).heatmap


def scorecam_ways(network: Network, x: Tensor) -> dict[str, Run]:
    """Runs of camkit's Score-CAM that return the heatmap: exact, and with each opt-in."""
    model = network.build(x.device.type)
    channels = network.activations(model, x).shape[1]
    half, most = channels // 2, channels - channels // 32
    ways: dict[str, dict[str, Any]] = {
        "exact": {},
        "bfloat16": {"fast": "bfloat16"},
        "compile": {"fast": "compile"},
        "bfloat16, compile": {"fast": "bfloat16,compile"},
        f"bfloat16, compile, {half} channels": {"fast": "bfloat16,compile", "max_channels": half},
        f"bfloat16, compile, {most} channels": {"fast": "bfloat16,compile", "max_channels": most},
    }
    return {
        name: lambda options=options: (
            camkit.explain(model, x, "scorecam", TARGET, **options).heatmap
        )
        for name, options in ways.items()
    }


def quietly(run: Run) -> Run:
    """The same run without its progress bars."""

    def quiet() -> Any:
        with redirect_stderr(io.StringIO()):
            return run()

    return quiet


def forward(model: nn.Module, x: Tensor) -> Run:
    """One bare forward pass."""

    def run() -> Tensor:
        with torch.no_grad():
            return model(x)

    return run


def ideal(model: nn.Module, network: Network, x: Tensor) -> Run:
    """One forward pass and the backward pass down to the layer: no gradient method can do less."""
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


def tail_by_hand(model: nn.Module, network: Network, x: Tensor) -> Run:
    """One forward pass, then what follows the layer for each channel set to zero, by hand."""
    assert network.tail is not None
    tail, layer = network.tail, network.layer(model)

    def run() -> Tensor:
        kept: list[Tensor] = []
        handle = layer.register_forward_hook(lambda _, args, out: kept.extend([args[0], out]))
        with torch.no_grad():
            model(x)
            handle.remove()
            skip, raw = kept
            scores = []
            size = tail_chunk_size(raw)
            for channels in torch.arange(raw.shape[-1], device=raw.device).split(size):
                edits = raw.repeat(len(channels), 1, 1)
                edits[torch.arange(len(channels)), :, channels] = 0
                scores.append(tail(model, skip, edits)[:, TARGET])
        return torch.cat(scores)

    return run


def pytorch_grad_cam(network: Network, method: str, x: Tensor) -> Run:
    """pytorch-grad-cam as its README says, on a model of its own."""
    import pytorch_grad_cam as library
    from pytorch_grad_cam.ablation_layer import AblationLayerVit
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    model = network.build(x.device.type)
    options: dict[str, Any] = {"reshape_transform": network.reshape}
    if method == "ablationcam" and network.reshape is not None:
        options["ablation_layer"] = AblationLayerVit()
    kind = getattr(library, PEER_CLASSES["pytorch-grad-cam"][method])
    cam = kind(model, [network.layer(model)], **options)
    targets = [ClassifierOutputTarget(TARGET)] * len(x)
    return lambda: cam(x, targets)


def torch_cam(network: Network, method: str, x: Tensor) -> Run:
    """torch-cam as its README says, with its map resized, on a model of its own."""
    from torchcam import methods

    model = network.build(x.device.type)
    extractor = getattr(methods, PEER_CLASSES["torch-cam"][method])(model, network.layer(model))

    def run() -> Any:
        scores = model(x)
        maps = extractor([TARGET] * len(x), scores)[0]
        # These maps have the layer's size; those of the other libraries have the image's.
        return nn.functional.interpolate(maps[:, None], x.shape[-2:], mode="bilinear")

    return run


def captum(network: Network, x: Tensor) -> Run:
    """captum's LayerGradCam and its interpolation, on a model of its own."""
    from captum.attr import LayerAttribution, LayerGradCam

    model = network.build(x.device.type)
    attribution = LayerGradCam(model, network.layer(model))

    def run() -> Tensor:
        maps = attribution.attribute(x, TARGET, relu_attributions=True)
        return LayerAttribution.interpolate(maps, tuple(x.shape[-2:]), "bilinear")

    return run
