"""The benchmark's networks, with random weights, and the layer that every library explains."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import timm
import torch
import torchvision.models as zoo
from torch import Tensor, nn

from camkit_core import tokens_to_grid


@dataclass(frozen=True)
class Network:
    """A network and its target layer.

    Attributes:
        name: its name in the tables.
        make: builds the network.
        layer: from the network to its target layer.
        reshape: of a transformer: from the layer's output to a grid.
        tail: of a transformer: what follows the layer, written by hand; from the network, the last
            block's input and edited activations to the logits.
    """

    name: str
    make: Callable[[], nn.Module]
    layer: Callable[[nn.Module], nn.Module]
    reshape: Callable[[Tensor], Tensor] | None = None
    tail: Callable[[nn.Module, Tensor, Tensor], Tensor] | None = None

    def build(self, device: str = "cpu") -> nn.Module:
        """The network in evaluation mode, with the same weights each time."""
        torch.manual_seed(0)
        model = self.make().eval()
        head = list(model.modules())[-1]
        if isinstance(head, nn.Linear) and not bool(head.weight.any()):
            nn.init.normal_(head.weight, std=0.02)  # torchvision's ViT starts with a head of zeros
        return model.to(device)

    def activations(self, model: nn.Module, x: Tensor) -> Tensor:
        """The layer's output (N, C, h, w)."""
        kept: list[Tensor] = []
        handle = self.layer(model).register_forward_hook(lambda _, args, out: kept.append(out))
        with torch.no_grad():
            model(x)
        handle.remove()
        return self.reshape(kept[0]) if self.reshape else kept[0]


def _deit_tail(model: nn.Module, skip: Tensor, edits: Tensor) -> Tensor:
    block: Any = model.blocks[-1]  # type: ignore[index]
    x = skip + block.attn(edits)
    return model.forward_head(model.norm(x + block.mlp(block.norm2(x))))  # type: ignore[operator]


def _vit_tail(model: nn.Module, skip: Tensor, edits: Tensor) -> Tensor:
    block: Any = model.encoder.layers[-1]  # type: ignore[union-attr,index]
    x = skip + block.self_attention(edits, edits, edits, need_weights=False)[0]
    return model.heads(model.encoder.ln(x + block.mlp(block.ln_2(x)))[:, 0])  # type: ignore[operator,union-attr]


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
            _deit_tail,
        ),
        Network("vit_b_16", zoo.vit_b_16, lambda m: m.encoder.layers[-1].ln_1, GRID, _vit_tail),
    )
}


def images(count: int = 1, size: int = 224, device: str = "cpu") -> Tensor:
    """The same smooth images each time; photos are smooth, too."""
    generator = torch.Generator().manual_seed(1)
    coarse = torch.randn(count, 3, 14, 14, generator=generator)
    large = nn.functional.interpolate(coarse, (size, size), mode="bilinear", align_corners=False)
    return large.to(device)
