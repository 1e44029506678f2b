"""A tape of fewer rows gives the same output, and is made only where rows do not reach it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core import Adapter
from camkit_core.forward.needed.short_tape import short_tape
from camkit_core.forward.untouched import untouched
from camkit_core.probe.tail.replay import batched

Tail = Callable[[Any, Tensor, Tensor], Tensor]


class Tokens(nn.Module):
    """Tokens (N, 9, 8), a norm, and any tail, which gets the tokens before and behind the norm."""

    def __init__(self, tail: Tail) -> None:
        super().__init__()
        self.stem, self.layer = nn.Conv2d(3, 8, 4, 4), nn.LayerNorm(8)
        self.norm, self.head = nn.LayerNorm(8), nn.Linear(8, 4)
        self.wide, self.back = nn.Linear(8, 24), nn.Linear(24, 8)
        self.attention = nn.MultiheadAttention(8, 2, batch_first=True)
        self.conv = nn.Conv1d(8, 8, 3, padding=1)
        self.tail = tail
        self.double().eval()

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.stem(images).flatten(2).mT
        return self.head(self.tail(self, tokens, self.layer(tokens)))

    def mixed(self, x: Tensor) -> Tensor:
        """Every row reads every other."""
        return self.attention(x, x, x, need_weights=False)[0]


def by_hand(m: Any, z: Tensor, x: Tensor) -> Tensor:
    q, k, v = m.wide(x).reshape(len(x), -1, 3, 2, 4).permute(2, 0, 3, 1, 4)
    shares = ((q * 0.5) @ k.transpose(-2, -1)).softmax(-1)
    return (shares @ v).transpose(1, 2).reshape(len(x), -1, 8)


def fused(m: Any, z: Tensor, x: Tensor) -> Tensor:
    q, k, v = m.wide(x).unflatten(-1, (3, 2, 4)).movedim(-3, 0).swapaxes(2, 3)
    mask = torch.arange(81, dtype=x.dtype).view(9, 9) / 81
    return F.scaled_dot_product_attention(q, k, v, attn_mask=mask).transpose(1, 2).flatten(2)


def gated(m: Any, z: Tensor, x: Tensor) -> Tensor:
    one, two, three = m.wide(m.mixed(x)).chunk(3, dim=-1)
    parts = torch.cat([one * two.sigmoid(), three, z], -1)
    return m.back(torch.stack([parts, parts], 1).unbind(1)[0])


def moved(m: Any, z: Tensor, x: Tensor) -> Tensor:
    y = m.mixed(x).unsqueeze(1).expand(-1, 3, -1, -1).contiguous()
    return y.select(1, 2).view(len(x), 9, 2, 4).permute(1, 0, 3, 2).flatten(2).transpose(0, 1)


def rotated(m: Any, z: Tensor, x: Tensor) -> Tensor:
    y = m.mixed(x)
    return torch.cat([y[:, :1], y[:, 1:] * torch.linspace(0, 1, 8)[:, None]], 1) - y


SHORT: dict[str, Tail] = {
    "attention": lambda m, z, x: m.norm(z + m.mixed(x))[:, 0],
    "by hand": lambda m, z, x: m.norm(z + by_hand(m, z, x))[:, 0],
    "fused": lambda m, z, x: m.norm(z + fused(m, z, x))[:, 3],
    "two rows": lambda m, z, x: m.mixed(x)[:, 0] + m.mixed(x)[:, 1],
    "the last row": lambda m, z, x: m.norm(m.mixed(x))[:, -1],
    "select": lambda m, z, x: torch.tanh(m.mixed(x)).select(1, 4),
    "narrow": lambda m, z, x: (2 - m.mixed(x)).narrow(1, 2, 3).mean(1),
    "a slice": lambda m, z, x: F.gelu(m.mixed(x))[:, 1:4][:, 1],
    "ellipsis": lambda m, z, x: m.norm(m.mixed(x))[..., 5, :],
    "gated": lambda m, z, x: gated(m, z, x)[:, 0],
    "moved": lambda m, z, x: moved(m, z, x)[:, 2],
    "rotated": lambda m, z, x: rotated(m, z, x)[:, 4],
    "unused rest": lambda m, z, x: (lambda y: (y[:, 0], y[:, 1:].mean(1)))(m.mixed(x))[0],
    "tokens first": lambda m, z, x: m.norm(m.mixed(x).transpose(0, 1))[0],
    "stopped before": lambda m, z, x: m.norm(m.mixed(x).cumsum(1) + z)[:, 0],
}
WHOLE: dict[str, Tail] = {
    "mean": lambda m, z, x: m.norm(m.mixed(x)).mean(1),
    "mean and one": lambda m, z, x: (lambda y: y.mean(1) + y[:, 0])(m.mixed(x)),
    "most rows": lambda m, z, x: m.mixed(x)[:, 1:].mean(1),
    "convolution": lambda m, z, x: m.conv(m.mixed(x).mT).mT[:, 0],
    "rolled at the end": lambda m, z, x: m.mixed(x).roll(1, 1)[:, 0],
    "sorted": lambda m, z, x: m.mixed(x).sort(1).values[:, 0],
    "in place": lambda m, z, x: m.mixed(x).mul_(2).add_(z)[:, 0],
    "an index tensor": lambda m, z, x: m.mixed(x)[:, torch.tensor([0])][:, 0],
}


def both(tail: Tail) -> tuple[Any, Any, Tensor]:
    model, images = Tokens(tail), torch.randn(2, 3, 12, 12, dtype=torch.float64)
    with untouched(model):
        recording = camkit.record(model, images, Adapter(model.layer), "layer")
    raw = recording.raw.detach()
    return recording.tape, short_tape(recording.tape), raw * torch.rand(3, *raw.shape).to(raw)


@pytest.mark.parametrize("name", SHORT)
def test_fewer_rows_give_the_same(name: str) -> None:
    tape, short, edits = both(SHORT[name])
    assert short is not None
    assert min(short.sizes[call.results[0]].numel() for call in short.calls) < 9 * 8
    expected = batched(tape, edits)
    assert expected.std() > 0
    assert torch.allclose(batched(short, edits), expected, rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", WHOLE)
def test_no_row_is_left_out_that_reaches_the_output(name: str) -> None:
    _, short, _ = both(WHOLE[name])
    assert short is None


def test_what_is_joined_is_computed_where_rows_of_it_are_read() -> None:
    tape, short, _ = both(lambda m, z, x: rotated(m, z, x)[:, 0])
    assert short is not None
    functions = [[call.function for call in each.calls] for each in (tape, short)]
    assert [Tensor.mul in each for each in functions] == [True, False]
    assert all(short.sizes[call.results[0]].numel() for call in short.calls)
