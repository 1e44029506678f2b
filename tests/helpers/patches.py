"""A small transformer, and the layer that is chosen in a model."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from camkit_core.inputs.prepare import Inputs
from camkit_core.target_layer.search.search import search


class Patches(nn.Module):
    """A transformer for 16x24 images in patches of 4, with prefix tokens read by the head."""

    def __init__(self, prefix: int = 1, channels_last: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed = nn.Conv2d(3, 8, 4, 4)
        self.tokens = nn.Parameter(torch.randn(1, prefix, 8))
        self.blocks = nn.ModuleList([Block(), Block()])
        self.norm, self.head = nn.LayerNorm(8), nn.Linear(8, 5)

    def forward(self, images: Tensor) -> Tensor:
        x = self.embed(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.tokens.expand(len(x), -1, -1), x], 1)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x[:, 0]))


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.attn, self.norm2 = nn.LayerNorm(8), Attention(), nn.LayerNorm(8)
        self.mlp = nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 8))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.proj = nn.Linear(8, 24), nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).chunk(3, -1)
        return self.proj((q @ k.transpose(1, 2)).softmax(-1) @ v)


def chosen_layer(model: nn.Module, *size: int) -> tuple[str, str]:
    """The layer that is chosen, and the layout of its output."""
    chosen = search(Inputs(model.eval(), torch.randn(2, 3, *size))).choice
    assert chosen is not None
    return str(chosen), str(chosen.layout)
