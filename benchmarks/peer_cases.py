"""Random questions: a model, its layer, a method, a target, and some images."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
import torchvision
from torch import Tensor, nn

ONE_RUN = [
    "GradCAM",
    "GradCAMPlusPlus",
    "XGradCAM",
    "HiResCAM",
    "GradCAMElementWise",
    "LayerCAM",
    "EigenCAM",
    "EigenGradCAM",
    "SegEigenCAM",
    "KPCA_CAM",
    "FEM",
    "RandomCAM",
    "ShapleyCAM",
    "FullGrad",
    "FinerCAM",
    "RefineCAM",
]
MANY_RUNS = ["ScoreCAM", "AblationCAM", "SESS"]
TARGETS = [
    "None",
    "ClassifierOutputTarget",
    "ClassifierOutputSoftmaxTarget",
    "ClassifierOutputReST",
    "lambda",
]


class Tiny(nn.Module):
    """A few convolutions, in-place and plain ReLUs, a residual connection, and a head."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, width, 3, 2, 1), nn.BatchNorm2d(width), nn.ReLU())
        self.block = nn.Conv2d(width, width, 3, 1, 1)
        self.act = nn.ReLU(inplace=True)
        self.last = nn.Sequential(nn.Conv2d(width, 2 * width, 3, 2, 1), nn.GELU())
        self.head = nn.Linear(2 * width, 6)

    def forward(self, x: Tensor) -> Tensor:
        """Logits (N, 6)."""
        stem = self.stem(x)
        return self.head(self.last(stem + self.act(self.block(stem))).mean((2, 3)))


def _timm(name: str, **options: Any) -> nn.Module:
    import timm

    model: nn.Module = timm.create_model(name, num_classes=10, **options)
    return model


SMALL = {"Tiny": Tiny, "Tiny, wider": lambda: Tiny(12)}
MODELS: dict[str, Callable[[], nn.Module]] = {
    **SMALL,
    "resnet18": lambda: torchvision.models.resnet18(num_classes=10),
    "vgg11": lambda: torchvision.models.vgg11_bn(num_classes=10, init_weights=False).features,
    "mobilenet_v2": lambda: torchvision.models.mobilenet_v2(num_classes=10),
    "densenet121": lambda: torchvision.models.densenet121(num_classes=10),
    "efficientnet_b0": lambda: torchvision.models.efficientnet_b0(num_classes=10),
    "convnext_atto": lambda: _timm("convnext_atto"),
    "vit": lambda: _timm("vit_tiny_patch16_224", img_size=64, depth=3),
}


@dataclass(frozen=True)
class Case:
    """A random question.

    Attributes:
        seed: of everything.
        model: its name.
        layer: its target layer's name.
        method: a class of pytorch-grad-cam.
        target: the kind of target.
        images: how many.
        size: height and width.
    """

    seed: int
    model: str
    layer: str
    method: str
    target: str
    images: int
    size: tuple[int, int]


def build(name: str, seed: int) -> nn.Module:
    """A model whose norms are none that do nothing, with random weights."""
    torch.manual_seed(seed)
    model = MODELS[name]().eval()
    if name == "vgg11":  # its classifier has 120 million weights
        model = nn.Sequential(*model, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10))
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.running_mean.normal_(0, 0.1)
            module.running_var.uniform_(0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.1)
    return model.eval().requires_grad_()


def layers(model: nn.Module, x: Tensor, most: int) -> list[str]:
    """The layers that run once and give (N, C, h, w) with at most so many channels, or tokens."""
    found: Counter[str] = Counter()

    def note(name: str) -> Callable[..., None]:
        def hook(module: nn.Module, args: Any, output: Any) -> None:
            if isinstance(output, Tensor) and _is_grid(output) and output.shape[1] <= most:
                found[name] += 1

        return hook

    handles = [m.register_forward_hook(note(n)) for n, m in model.named_modules() if n]
    with torch.no_grad():
        model(x)
    for handle in handles:
        handle.remove()
    return [name for name, count in found.items() if count == 1]


def _is_grid(output: Tensor) -> bool:
    return (output.ndim == 4 and min(output.shape[2:]) > 1) or (output.ndim == 3)


def reshape(tokens: Tensor) -> Tensor:
    """Tokens of a ViT after its class token as a grid of 4 by 4."""
    return tokens[:, 1:].reshape(len(tokens), 4, 4, -1).permute(0, 3, 1, 2)


def case(seed: int, tiny: bool = False) -> Case:
    """A random case."""
    draw = random.Random(seed)
    name = draw.choice(list(SMALL if tiny else MODELS))
    method = draw.choice(ONE_RUN + MANY_RUNS)
    if name == "vit" and method in ("ShapleyCAM", "FullGrad", "SESS"):
        method = "GradCAM"  # the peer has no ShapleyCAM of tokens, nor the others at 64 pixels
    size = (64, 64) if name == "vit" else (draw.choice([48, 64]), draw.choice([40, 64]))
    model, images = build(name, seed), draw.choice([1, 2, 3])
    names = layers(model, torch.zeros(1, 3, *size), 64 if method in MANY_RUNS else 10_000)
    if name == "vit":
        names = [each for each in names if each.startswith("blocks") and each.count(".") == 1]
        names = names or ["blocks.2"]
    # The peer's FinerCAM makes its own targets, and its SESS asks targets of a whole batch.
    kinds = {"FinerCAM": TARGETS[:1], "SESS": TARGETS[:2]}.get(method, TARGETS)
    target = draw.choice(kinds)
    return Case(seed, name, draw.choice(names), method, target, images, size)
