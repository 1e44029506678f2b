"""pytorch-grad-cam, asked for the map at the layer's grid before it stretches it to [0, 1]."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import redirect_stderr
from io import StringIO
from typing import Any

import torch
from pytorch_grad_cam import AblationCAM, GradCAM, GradCAMPlusPlus, ScoreCAM, XGradCAM
from pytorch_grad_cam.ablation_layer import AblationLayer, AblationLayerVit
from torch import Tensor, nn

CLASSES = {
    "gradcam": GradCAM,
    "gradcam++": GradCAMPlusPlus,
    "xgradcam": XGradCAM,
    "ablationcam": AblationCAM,
    "scorecam": ScoreCAM,
}


def pytorch_grad_cam(
    method: str,
    model: nn.Module,
    layer: nn.Module,
    images: Tensor,
    target: Callable[[Tensor], Tensor] | None = None,
    reshape: Callable[[Tensor], Tensor] | None = None,
    **settings: Any,
) -> tuple[Tensor, Tensor]:
    """pytorch-grad-cam's map (N, h, w) and weights (N, C); without a target, for each top class."""
    if method == "ablationcam":
        settings["ablation_layer"] = AblationLayerVit() if reshape else AblationLayer()
    cam = CLASSES[method](model, [layer], reshape, **settings)
    returned: list[Any] = []
    plain_weights, plain_map = cam.get_cam_weights, cam.get_cam_image

    def weights(*args: Any) -> Any:
        returned.append(plain_weights(*args))
        return returned[-1]

    def image(*args: Any) -> Any:
        returned.append(plain_map(*args))
        return returned[-1]

    cam.get_cam_weights, cam.get_cam_image = weights, image
    with cam, redirect_stderr(StringIO()):  # it prints progress bars
        cam(images.clone().requires_grad_(), target and [target] * len(images))
    given, shown = returned
    return torch.as_tensor(shown), torch.as_tensor(given)


def shown(cam: Tensor) -> Tensor:
    """A map (N, h, w) as people see it: its positive part, divided by the maximum."""
    positive = cam.relu().double()
    return positive / positive.amax((1, 2), keepdim=True).clamp(min=1e-300)
