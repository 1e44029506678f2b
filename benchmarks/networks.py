"""The benchmark's networks, with random weights, and where each library is told to look."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import timm
import torch
import torchvision.models as zoo
from torch import Tensor, nn

from camkit_core import tokens_to_grid


@dataclass(frozen=True)
class Network:
    """A network, how to make it, its target layer, and the reshape of a transformer."""

    name: str
    make: Callable[[], nn.Module]
    layer: Callable[[nn.Module], nn.Module]
    reshape: Callable[[Tensor], Tensor] | None = None

    def build(self) -> nn.Module:
        """The network in evaluation mode, the same weights each time."""
        torch.manual_seed(0)
        model = self.make().eval()
        head = list(model.modules())[-1]
        if isinstance(head, nn.Linear) and not bool(head.weight.any()):
            nn.init.normal_(head.weight, std=0.02)  # torchvision's ViT starts with a head of zeros
        return model


GRID = tokens_to_grid(14, 14, prefix=1)
NETWORKS = {
    network.name: network
    for network in (
        Network("resnet18", zoo.resnet18, lambda m: m.layer4[-1]),
        Network("resnet50", zoo.resnet50, lambda m: m.layer4[-1]),
        Network("vgg16", zoo.vgg16, lambda m: m.features[-1]),
        Network("densenet161", zoo.densenet161, lambda m: m.features[-1]),
        Network("mnasnet1_0", zoo.mnasnet1_0, lambda m: m.layers[-1]),
        Network(
            "deit_tiny",
            lambda: timm.create_model("deit_tiny_patch16_224"),
            lambda m: m.blocks[-1].norm1,
            GRID,
        ),
        Network("vit_b_16", zoo.vit_b_16, lambda m: m.encoder.layers[-1].ln_1, GRID),
    )
}


def images(count: int = 1, size: int = 224) -> Tensor:
    """The same images each time: smooth, as photos are."""
    generator = torch.Generator().manual_seed(1)
    coarse = torch.randn(count, 3, 14, 14, generator=generator)
    return nn.functional.interpolate(coarse, (size, size), mode="bilinear", align_corners=False)
