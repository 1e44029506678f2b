"""Small networks that random calls explain."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn


class Convolutions(nn.Module):
    """Two convolutions and a head; `wrap` decides what holds the logits."""

    def __init__(self, wrap: Callable[[Tensor], Any] = lambda logits: logits, classes: int = 4):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.ReLU())
        self.body = nn.Sequential(
            nn.Conv2d(4, 6, 3, stride=2, padding=1), nn.BatchNorm2d(6), nn.ReLU()
        )
        self.head = nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(24, classes))
        self.wrap = wrap

    def forward(self, images: Tensor) -> Any:
        return self.wrap(self.head(self.body(self.stem(images))))


class Patches(nn.Module):
    """A transformer of two blocks and a class token."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Conv2d(3, 8, 4, 4)
        self.token = nn.Parameter(torch.randn(1, 1, 8))
        self.blocks = nn.Sequential(
            *(nn.TransformerEncoderLayer(8, 2, 16, batch_first=True) for _ in range(2))
        )
        self.head = nn.Linear(8, 5)

    def forward(self, images: Tensor) -> Tensor:
        patches = self.embed(images).flatten(2).transpose(1, 2)
        tokens = torch.cat([self.token.expand(len(images), -1, -1), patches], 1)
        return self.head(self.blocks(tokens)[:, 0])


def networks() -> dict[str, nn.Module]:
    """Networks by what is particular about them."""
    torch.manual_seed(0)
    return {
        "classes": Convolutions().eval(),
        "in training": Convolutions(),
        "one logit": Convolutions(classes=1).eval(),
        "a dict": Convolutions(lambda logits: {"logits": logits, "loss": None}).eval(),
        "a tuple": Convolutions(lambda logits: (logits, None)).eval(),
        "patches": Patches().eval(),
    }


def state(model: nn.Module) -> list[Any]:
    """All that a call must leave as it was."""
    modules = list(model.modules())
    return [
        [(name, value.detach().numpy().tobytes()) for name, value in model.state_dict().items()],
        [module.training for module in modules],
        [len(module._forward_hooks) + len(module._forward_pre_hooks) for module in modules],
        [parameter.grad is None for parameter in model.parameters()],
        [sorted(vars(module)) for module in modules],
    ]
