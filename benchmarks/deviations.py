"""Print how far the maps of other libraries are from camkit's, for each known deviation.

    python benchmarks/deviations.py

Both run on the same networks with random weights. A number is the largest difference of two maps,
each stretched to [0, 1], so that it does not count that one of them subtracts its minimum; the
first row is without. `docs/migrate.md` says what each comes from, and who follows the paper.
Needs `pip install -e ".[test]"`.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from contextlib import redirect_stderr
from io import StringIO
from typing import Any

import numpy as np
import pytorch_grad_cam
import torch
import torchcam.methods
from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget
from torch import Tensor, nn
from torchvision.models import ResNet, efficientnet_b0, vgg11
from torchvision.models.resnet import BasicBlock

import camkit_core as camkit

warnings.simplefilter("ignore")
CLASS = 3


def network(inplace: bool = True) -> nn.Module:
    """A small residual network; `inplace` as its ReLUs are."""
    torch.manual_seed(0)
    model = ResNet(BasicBlock, [1, 1, 1, 1], num_classes=10).eval()
    for module in model.modules():
        if isinstance(module, nn.ReLU):
            module.inplace = inplace
    return model


def apart(ours: Any, theirs: Any, stretched: bool = True) -> float:
    """The largest difference of two maps, stretched to [0, 1] or divided by their maximum."""
    pair = [torch.as_tensor(np.asarray(each)).double() for each in (ours, theirs)]
    if stretched:
        pair = [each - each.min() for each in pair]
    pair = [each / each.max().clamp(min=1e-30) for each in pair]
    return float((pair[0] - pair[1]).abs().max())


def heat(model: nn.Module, images: Tensor, method: str, **options: Any) -> Tensor:
    """camkit's heatmap."""
    return camkit.explain(model, images, method, CLASS, **options).heatmap


def grad_cam(
    name: str,
    model: nn.Module,
    layers: list[nn.Module],
    images: Tensor,
    call: Any = None,
    **made: Any,
) -> np.ndarray[Any, Any]:
    """pytorch-grad-cam's map at the images' size."""
    targets = [ClassifierOutputTarget(CLASS)] * len(images)
    with redirect_stderr(StringIO()), getattr(pytorch_grad_cam, name)(model, layers, **made) as cam:
        return cam(images.clone(), targets, **(call or {}))


def torch_cam(name: str, model: nn.Module, layer: str, images: Tensor) -> Tensor:
    """torch-cam's map at the layer's grid, before it is stretched."""
    with getattr(torchcam.methods, name)(model, layer) as extractor:
        scores = model(images.clone())
        return extractor(CLASS, scores, normalized=False)[0]


def rows() -> dict[str, Callable[[], float]]:
    """What is measured, by its name."""
    torch.manual_seed(1)
    images, model, plain = torch.randn(1, 3, 96, 96), network(), network(inplace=False)
    last = [model.layer4[-1]]
    bright = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.Sigmoid()).append(Head(8)).eval()
    torch.manual_seed(2)
    vgg, efficient = vgg11(num_classes=10).eval(), efficientnet_b0(num_classes=10).eval()

    def smooth(**options: Any) -> float:
        theirs = grad_cam("GradCAM", model, last, images, options)
        return apart(heat(model, images, "gradcam", layer=last[0], **options), theirs)

    def of(name: str, method: str, **options: Any) -> float:
        made = options.pop("made", {})
        theirs = grad_cam(name, model, last, images, **made)
        return apart(heat(model, images, method, layer=last[0], **options), theirs)

    def finer(**options: Any) -> float:
        with redirect_stderr(StringIO()), pytorch_grad_cam.FinerCAM(model, last) as cam:
            theirs = cam(images.clone())  # of given targets it makes Grad-CAM's map
        ours = camkit.explain(model, images, "finercam", layer=last[0], **options)
        return apart(ours.heatmap, theirs)

    def ours_at(method: str, layer: str, net: nn.Module, **options: Any) -> Tensor:
        return camkit.explain(net, images, method, CLASS, layer=layer, **options).cam.relu()

    return {
        "Grad-CAM, a map that is positive everywhere": lambda: apart(
            heat(bright, images, "gradcam", layer=bright[1]),
            grad_cam("GradCAM", bright, [bright[1]], images),
            stretched=False,
        ),
        "Grad-CAM, last block": lambda: of("GradCAM", "gradcam"),
        "Grad-CAM, bn1, ReLU in place": lambda: apart(
            heat(model, images, "gradcam", layer=model.bn1),
            grad_cam("GradCAM", model, [model.bn1], images),
        ),
        "Grad-CAM, bn1, ReLU not in place": lambda: apart(
            heat(plain, images, "gradcam", layer=plain.bn1),
            grad_cam("GradCAM", plain, [plain.bn1], images),
        ),
        "torch-cam Grad-CAM, bn1, ReLU in place": lambda: apart(
            ours_at("gradcam", "bn1", model), torch_cam("GradCAM", model, "bn1", images)
        ),
        "torch-cam Grad-CAM, bn1, against the ReLU after it": lambda: apart(
            ours_at("gradcam", "relu", model), torch_cam("GradCAM", model, "bn1", images)
        ),
        "Grad-CAM, two layers": lambda: apart(
            heat(model, images, "gradcam", layer=[model.layer3, model.layer4]),
            grad_cam("GradCAM", model, [model.layer3, model.layer4], images),
        ),
        "aug_smooth": lambda: smooth(aug_smooth=True),
        "eigen_smooth": lambda: smooth(eigen_smooth=True),
        "Grad-CAM++": lambda: of("GradCAMPlusPlus", "gradcam++"),
        "Grad-CAM++, their variant": lambda: of(
            "GradCAMPlusPlus", "gradcam++", variant="pytorch-grad-cam"
        ),
        "torch-cam Grad-CAM++": lambda: apart(
            ours_at("gradcam++", "layer3", model), torch_cam("GradCAMpp", model, "layer3", images)
        ),
        "XGrad-CAM": lambda: of("XGradCAM", "xgradcam"),
        "Score-CAM": lambda: of("ScoreCAM", "scorecam"),
        "Score-CAM, their variant": lambda: of("ScoreCAM", "scorecam", variant="pytorch-grad-cam"),
        "torch-cam Score-CAM": lambda: apart(
            ours_at("scorecam", "layer4", model), torch_cam("ScoreCAM", model, "layer4", images)
        ),
        "Ablation-CAM": lambda: of("AblationCAM", "ablationcam"),
        "Finer-CAM of the top class": lambda: finer(),
        "Finer-CAM, variant weighted, alpha 1": lambda: finer(variant="weighted", alpha=1.0),
        "KPCA-CAM": lambda: of("KPCA_CAM", "kpcacam"),
        "KPCA-CAM, kernel sigmoid": lambda: of("KPCA_CAM", "kpcacam", kernel="sigmoid"),
        "FullGrad, VGG11": lambda: apart(
            heat(vgg, images, "fullgrad"), grad_cam("FullGrad", vgg, [], images)
        ),
        "FullGrad, EfficientNet-B0": lambda: apart(
            heat(efficient, images, "fullgrad"), grad_cam("FullGrad", efficient, [], images)
        ),
    }


class Head(nn.Module):
    """Pools, and scores 10 classes."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.fc = nn.Linear(width, 10)
        self.fc.weight.data.abs_()

    def forward(self, grid: Tensor) -> Tensor:
        return self.fc(grid.mean((2, 3)))


if __name__ == "__main__":
    for name, measure in rows().items():
        print(f"{name:55} {measure():.1e}")
