"""Networks in which one module runs several times: twins, and one activation for all layers."""

from __future__ import annotations

from copy import deepcopy

import torch
from torch import Tensor, nn

from helpers.families.family import Family, drawn


class Twins(nn.Module):
    """How alike two images are: one encoder, or a copy of it for the second image."""

    def __init__(self, copied: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        convs = nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), nn.Conv2d(8, 16, 3, 2, 1), nn.ReLU()
        self.encoder = nn.Sequential(*convs)
        self.other = deepcopy(self.encoder) if copied else None

    def forward(self, a: Tensor, b: Tensor) -> Tensor:
        left = self.encoder(a).mean((2, 3))
        right = (self.other or self.encoder)(b).mean((2, 3))
        return torch.cosine_similarity(left, right)[:, None]


class Lite(nn.Module):
    """Inverted bottlenecks, in which one module is the activation of all, or each has its own."""

    def __init__(self, own: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Conv2d(3, 8, 3, 2, 1, bias=False)
        self.blocks = nn.ModuleList([Bottleneck(8), Bottleneck(8)])
        self.head_conv = nn.Conv2d(8, 24, 1, bias=False)
        self.swish, self.last = nn.ReLU6(), nn.ReLU6() if own else None
        self.fc = nn.Linear(24, 5)

    def forward(self, images: Tensor) -> Tensor:
        x = self.swish(self.stem(images))
        for block in self.blocks:
            x = block(x)
        return self.fc((self.last or self.swish)(self.head_conv(x)).mean((2, 3)))


class Bottleneck(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.expand, self.swish = nn.Conv2d(width, 2 * width, 1), nn.ReLU6()
        self.depthwise = nn.Conv2d(2 * width, 2 * width, 3, padding=1, groups=2 * width)
        self.project = nn.Conv2d(2 * width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.project(self.swish(self.depthwise(self.swish(self.expand(x)))))


def _twins(image: str, call: int) -> Family:
    return Family(
        lambda: Twins().eval(),
        lambda count: {"a": drawn(count, 3, 32, 32), "b": drawn(count, 3, 32, 32, seed=1)},
        1,
        lambda output: output[0, 0],
        f"encoder#{call}",
        "encoder",
        (8, 8),
        call=call,
        settings={"image_input": image},
        images=("a", "b"),
    )


FAMILIES = {
    "twins, the first image": _twins("a", 0),
    "twins, the second image": _twins("b", 1),
    "one activation for all layers": Family(
        lambda: Lite().eval(),
        lambda count: drawn(count, 3, 16, 24),
        2,
        lambda output: output[0, 2],
        "swish#1",
        "swish",
        (8, 12),
        call=1,
    ),
}
