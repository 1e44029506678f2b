"""Means over tokens are taken before the linear layers, and change nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from camkit_core import Adapter
from camkit_core.forward.recording import record
from camkit_core.forward.tape import Tape
from camkit_core.forward.untouched import untouched
from camkit_core.probe.tail.early_mean import with_early_means
from camkit_core.probe.tail.replay import batched

Tail = Callable[[Any, Tensor], Tensor]


class Averaged(nn.Module):
    """Tokens (N, 9, 8), and any tail that averages them."""

    def __init__(self, tail: Tail) -> None:
        super().__init__()
        self.layer, self.tail = nn.Conv2d(3, 8, 4, 4), tail
        self.wide, self.back, self.head = nn.Linear(8, 24), nn.Linear(24, 8), nn.Linear(8, 4)
        self.scale, self.places = nn.Parameter(torch.randn(8)), nn.Parameter(torch.randn(1, 9, 8))
        self.double().eval()

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.tail(self, self.layer(images).flatten(2).mT))

    def mlp(self, x: Tensor) -> Tensor:
        return F.dropout(self.back(self.wide(x).relu()), 0.5, training=False)


EARLY: dict[str, Tail] = {
    "residual": lambda m, x: (x + m.mlp(x)).mean(1),
    "some tokens": lambda m, x: (x + m.mlp(x))[:, 2:][:, 1:-1].mean(dim=1),
    "layer scale": lambda m, x: torch.mean(m.scale * m.mlp(x) * 3 - x, 1),
    "kept axis": lambda m, x: m.mlp(x).mean(1, keepdim=True).flatten(1),
    "places": lambda m, x: (m.mlp(x) + m.places)[:, 1:].mean((1,)),
    "twice": lambda m, x: m.mlp(x).mean(1) + (m.mlp(x) * m.scale)[:, :5].mean(1),
}
LATE: dict[str, Tail] = {
    "weights of tokens": lambda m, x: (m.mlp(x) * m.places).mean(1),
    "a norm": lambda m, x: F.layer_norm(m.mlp(x), (8,)).mean(1),
    "over channels": lambda m, x: m.mlp(x).mean(2)[:, :8],
    "in place": lambda m, x: m.mlp(x).add_(1.0).mean(1),
    "in training": lambda m, x: F.dropout(m.mlp(x), 0.0, training=True).mean(1),
    "a product of both": lambda m, x: (m.mlp(x) * x).mean(1),
}


def both(tail: Tail) -> tuple[Tape, Tape, Tensor]:
    """The tape as it was noted, the one with early means, and two edits of two images."""
    torch.manual_seed(0)
    model, images = Averaged(tail), torch.randn(2, 3, 12, 12, dtype=torch.float64)
    with untouched(model):
        recording = record(model, images, Adapter(model.layer))
    tape = recording.tape
    return tape, with_early_means(tape), torch.randn(2, *recording.raw.shape, dtype=torch.float64)


def rows_of_linear(tape: Tape, edits: Tensor) -> list[int]:
    """How many rows each linear layer gets, in order."""
    seen: list[int] = []

    class Watch(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None):
            if func is F.linear and args[0].ndim == 3:
                seen.append(args[0].shape[1])
            return func(*args, **(kwargs or {}))

    with Watch():
        batched(tape, edits)
    return seen


@pytest.mark.parametrize("name", EARLY)
def test_the_last_linear_layer_runs_for_one_row(name: str) -> None:
    tape, early, edits = both(EARLY[name])
    assert torch.allclose(batched(early, edits), batched(tape, edits), rtol=1e-13, atol=1e-13)
    assert rows_of_linear(tape, edits) == [9] * len(rows_of_linear(tape, edits))
    assert sorted(rows_of_linear(early, edits)) == sorted(
        [9, 1] * (len(rows_of_linear(tape, edits)) // 2)
    )


@pytest.mark.parametrize("name", LATE)
def test_what_tells_tokens_apart_stays_before_the_mean(name: str) -> None:
    tape, early, edits = both(LATE[name])
    assert torch.allclose(batched(early, edits), batched(tape, edits), rtol=1e-13, atol=1e-13)
    assert rows_of_linear(early, edits) == rows_of_linear(tape, edits) == [9, 9]
