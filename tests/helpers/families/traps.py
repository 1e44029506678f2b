"""Networks in which a tensor has the shape of a map over the image and is none."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from helpers.families.family import drawn


class Net(nn.Module):
    """Maps of 8x8, then what a trap makes of them, then a head on the mean of positions."""

    def __init__(self, width: int = 8) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv = nn.Conv2d(3, width, 4, 4)
        self.act, self.trap, self.head = nn.ReLU(), nn.Identity(), nn.Linear(width, 5)

    def make(self, maps: Tensor) -> Tensor:
        return maps

    def forward(self, images: Tensor) -> Tensor:
        x = self.trap(self.make(self.act(self.conv(images))))
        return self.head(x.flatten(2).mean(2))


class Shuffled(Net):
    """Tokens in an order that is none of the image."""

    def make(self, maps: Tensor) -> Tensor:
        order = torch.randperm(64, generator=torch.Generator().manual_seed(3))
        return maps.flatten(2)[:, :, order]


class Turned(Net):
    """A map on its side, of 8 channels at 8x8 positions: channels stand where rows stood."""

    def make(self, maps: Tensor) -> Tensor:
        return maps.permute(0, 2, 1, 3)


class Gram(Net):
    """How alike channels are, in the shape of maps."""

    def __init__(self) -> None:
        super().__init__(64)
        self.head = nn.Linear(64, 5)

    def make(self, maps: Tensor) -> Tensor:
        tokens = maps.flatten(2)
        return (tokens @ tokens.transpose(1, 2)).view(len(maps), 64, 8, 8)


class Hidden(Net):
    """Hidden units of a linear layer, in the shape of a map."""

    def __init__(self) -> None:
        super().__init__()
        self.fc = nn.Linear(8 * 64, 4 * 64)
        self.head = nn.Linear(4, 5)

    def make(self, maps: Tensor) -> Tensor:
        return self.fc(maps.flatten(1)).view(-1, 4, 8, 8)


class Attending(nn.Module):
    """Other tokens ask the image, and the head reads the answers.

    Args:
        others: how many tokens ask.
    """

    def __init__(self, others: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.conv, self.act = nn.Conv2d(3, 16, 4, 4), nn.GELU()
        self.queries = nn.Embedding(others, 16)
        self.norm, self.head = nn.LayerNorm(16), nn.Linear(16, 5)

    def asked(self, images: Tensor) -> Tensor:
        return self.queries.weight[None].expand(len(images), -1, -1)

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.act(self.conv(images)).flatten(2).transpose(1, 2)
        answers = F.scaled_dot_product_attention(self.asked(images), tokens, tokens)
        return self.head(self.norm(answers).mean(1))


class Words(Attending):
    """A text of as many words as the image has places asks the image."""

    def __init__(self) -> None:
        super().__init__(30)
        self.words = nn.Linear(16, 16)

    def forward(self, images: Tensor, ids: Tensor) -> Tensor:  # type: ignore[override]
        tokens = self.act(self.conv(images)).flatten(2).transpose(1, 2)
        words = self.words(self.queries(ids))
        return self.head(self.norm(F.scaled_dot_product_attention(words, tokens, tokens)).mean(1))


class Positions(Net):
    """A table of positions, in the shape of a map, goes through a layer after the image's."""

    def __init__(self) -> None:
        super().__init__()
        self.table = nn.Parameter(torch.randn(1, 8, 8, 8))

    def forward(self, images: Tensor) -> Tensor:
        x = self.act(self.conv(images))
        return self.head((x * self.trap(self.table).sigmoid()).mean((2, 3)))


class Vit(nn.Module):
    """Two blocks of a transformer on 8x8 tokens, with others before and behind them.

    Args:
        before: how many tokens come first.
        behind: how many come last.
        width: of a token.
        pooled: the head reads the mean of all tokens, not the first or the last one.
    """

    def __init__(self, before: int, behind: int, width: int = 16, pooled: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed, self.pooled = nn.Conv2d(3, width, 4, 4), pooled
        self.before = nn.Parameter(torch.randn(1, before, width))
        self.behind = nn.Parameter(torch.randn(1, behind, width))
        layer = lambda: nn.TransformerEncoderLayer(  # noqa: E731
            width, 4, 32, 0.0, batch_first=True, norm_first=True
        )
        self.blocks = nn.ModuleList([layer(), layer()])
        self.norm, self.head = nn.LayerNorm(width), nn.Linear(width, 5)

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.embed(images).flatten(2).transpose(1, 2)
        others = [each.expand(len(images), -1, -1) for each in (self.before, self.behind)]
        x = torch.cat([others[0], tokens, others[1]], 1)
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        return self.head(x.mean(1) if self.pooled else x[:, 0 if self.before.shape[1] else -1])


class Frozen(Net):
    """The trunk runs without gradients, the activation after it is a function."""

    def forward(self, images: Tensor) -> Tensor:
        with torch.no_grad():
            x = self.conv(images)
        return self.head(F.silu(x).mean((2, 3)))


class InPlace(Net):
    """The activation writes into what the layer returned."""

    def forward(self, images: Tensor) -> Tensor:
        return self.head(F.relu_(self.conv(images)).mean((2, 3)))


class Alone(Net):
    """Takes one image at a time."""

    def forward(self, images: Tensor) -> Tensor:
        if len(images) != 1:
            raise ValueError("one image at a time")
        return super().forward(images)


class Video(nn.Module):
    """Two stages over time, height and width."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stages = nn.Sequential(
            nn.Conv3d(3, 8, 3, (1, 2, 2), 1), nn.ReLU(), nn.Conv3d(8, 12, 3, 2, 1), nn.ReLU()
        )
        self.head = nn.Linear(12, 5)

    def forward(self, clips: Tensor) -> Tensor:
        return self.head(self.stages(clips).mean((2, 3, 4)))


class Signal(nn.Module):
    """Two windows that slide over a signal."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stages = nn.Sequential(
            nn.Conv1d(2, 8, 5, 2, 2), nn.ReLU(), nn.Conv1d(8, 12, 5, 2, 2), nn.ReLU()
        )
        self.head = nn.Linear(12, 5)

    def forward(self, signals: Tensor) -> Tensor:
        return self.head(self.stages(signals).mean(2))


Trap = tuple[Callable[[], nn.Module], Any, Any, str]
SQUARE = (1, 3, 32, 32)
FLAT = (1, 3, 32, 96)


def _traps(cases: Sequence[tuple[str, Callable[[], nn.Module], Any, str]]) -> dict[str, Trap]:
    return {
        name: (lambda build=build: build().eval(), inputs, 2, layer)  # type: ignore[misc]
        for name, build, inputs, layer in cases
    }


def unseen(build: Callable[[], Net]) -> nn.Module:
    """The same with the maps made outside of any layer, so that nothing but the trap is left."""
    model = build().eval()
    weight, bias = model.conv.weight, model.conv.bias
    del model.conv, model.act
    model.weight, model.bias = weight, bias
    model.conv = lambda images: F.conv2d(images, weight, bias, 4)  # type: ignore[assignment]
    model.act = torch.relu  # type: ignore[assignment]
    return model


IDS = torch.arange(24)[None] % 30
TRAPS = _traps(
    [
        ("shuffled tokens", Shuffled, drawn(*SQUARE), "act"),
        ("a map on its side", Turned, drawn(*SQUARE), "act"),
        ("a Gram matrix", Gram, drawn(*SQUARE), "act"),
        ("hidden units", Hidden, drawn(*SQUARE), "act"),
        ("as many queries as places", lambda: Attending(64), drawn(*SQUARE), "act"),
        ("nine queries", lambda: Attending(9), drawn(*SQUARE), "act"),
        ("a table of positions", Positions, drawn(*SQUARE), "act > mul"),
        ("a text that asks", Words, {"images": drawn(1, 3, 16, 24), "ids": IDS}, "act"),
        ("3 + 64 + 2 tokens", lambda: Vit(3, 2), drawn(*SQUARE), "blocks.1.norm1"),
        ("64 + 17 tokens", lambda: Vit(0, 17), drawn(*SQUARE), "blocks.1.norm1"),
        ("64 tokens of width 64", lambda: Vit(0, 0, 64, True), drawn(*SQUARE), "norm"),
        ("as wide as it has places", lambda: Vit(1, 0, 64), drawn(*SQUARE), "blocks.1.norm1"),
        ("three times as wide as high", lambda: Vit(1, 0), drawn(*FLAT), "blocks.1.norm1"),
        ("maps three times as wide", Net, drawn(*FLAT), "trap"),
        ("an image of one value", lambda: Vit(1, 0), torch.ones(SQUARE), "blocks.1.norm1"),
        ("an image of zeros", Shuffled, torch.zeros(SQUARE), "act"),
        ("a trunk without gradients", Frozen, drawn(*SQUARE), "conv > silu"),
        ("an activation in place", InPlace, drawn(*SQUARE), "conv > relu_"),
        ("one image at a time", Alone, drawn(*SQUARE), "trap"),
        ("a clip", Video, drawn(1, 3, 6, 16, 16), "stages"),
        ("a signal", Signal, drawn(1, 2, 40), "stages"),
    ]
)
