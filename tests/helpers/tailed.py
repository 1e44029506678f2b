"""A network that takes any tail, and tails of all kinds."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

Tail = Callable[[Any, Tensor, Tensor], Any]


class Tailed(nn.Module):
    """A stem, a layer, and a tail; `tail` gets the model, the stem's output and the layer's."""

    def __init__(self, tail: Tail) -> None:
        super().__init__()
        self.stem, self.layer = nn.Conv2d(3, 6, 3, padding=1), nn.Conv2d(6, 6, 3, padding=1)
        self.norm, self.again = nn.BatchNorm2d(6), nn.Conv2d(6, 6, 3, padding=1)
        self.relu, self.wide = nn.ReLU(True), nn.Conv2d(12, 6, 1)
        self.attention = nn.MultiheadAttention(6, 2, batch_first=True)
        self.encoder = nn.TransformerEncoderLayer(6, 2, 8, batch_first=True)
        self.lstm = nn.LSTM(6, 3, bidirectional=True, batch_first=True)
        self.gru = nn.GRU(6, 6)
        self.head = nn.Linear(6, 4)
        self.tail = tail
        self.double().eval()

    def forward(self, images: Tensor) -> Any:
        early = self.stem(images)
        return self.tail(self, early, self.layer(early))

    def read(self, features: Tensor) -> Tensor:
        """The class scores of features."""
        return self.head(features.tanh().mean((2, 3)))


def into_the_main_branch(model: Any, early: Tensor, features: Tensor) -> Tensor:
    """The layer is the shortcut's convolution, and the main branch ran before it."""
    out = early * 2
    out += features
    return model.read(model.relu(out))


def into_a_canvas(model: Any, early: Tensor, features: Tensor) -> Tensor:
    canvas = torch.zeros_like(early)
    canvas[:, 0] = features[:, 1]
    canvas[:, 1:3] = features[:, 3:5] + canvas[:, :1]
    canvas[:, 4].copy_(features[:, 5])
    return model.read(canvas)


def in_place_all_along(model: Any, early: Tensor, features: Tensor) -> Tensor:
    same = features.add_(early)
    same[:, 0] *= 3
    same[:, 1:3].add_(early[:, :2])
    features.mul_(0.5).sub_(0.25)
    return model.read(features + same)


def gated(model: Any, early: Tensor, features: Tensor) -> Tensor:
    values, gate = features.chunk(2, 1)
    return model.read(torch.cat([values * gate.sigmoid(), gate], 1))


def largest(model: Any, early: Tensor, features: Tensor) -> Tensor:
    parts = [part.amax((2, 3)) for part in features.split([2, 4], 1)]
    values, _ = features.flatten(2).max(2)
    return model.head(torch.cat(parts, 1)) + model.head(values).sin()


def masked(model: Any, early: Tensor, features: Tensor) -> Tensor:
    return model.head(torch.stack([x[x > 0].sum() * x.mean((1, 2)) for x in features]))


def by_batch_size(model: Any, early: Tensor, features: Tensor) -> Tensor:
    count, *_ = features.shape
    rows = torch.arange(len(features))
    best = features.flatten(2).argmax(2)
    first = features.view(features.size(0), 6, -1)[rows[:, None], torch.arange(6), best]
    weight = torch.ones(features.shape[0], 1).double()
    return model.head(first) + model.read(features.reshape(count, 6, 8, -1)) * weight


def attended(model: Any, early: Tensor, features: Tensor) -> Tensor:
    tokens = features.flatten(2).transpose(1, 2)
    mixed, weights = model.attention(tokens, tokens, tokens, need_weights=True)
    q, k, v = torch.stack([tokens, mixed, tokens * 2]).unflatten(3, (2, 3)).transpose(2, 3)
    flash = F.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
    encoded = model.encoder(flash + weights.mean(2, keepdim=True))
    return model.head(encoded[:, 0])


def shifted_windows(model: Any, early: Tensor, features: Tensor) -> Tensor:
    """As in Swin: roll, cut into windows, and back."""
    rows = torch.roll(features.permute(0, 2, 3, 1), (-1, -1), (1, 2))
    count, height, width, channels = rows.shape
    windows = rows.view(count, height // 4, 4, width // 4, 4, channels).transpose(2, 3)
    tokens = windows.reshape(-1, 16, channels)
    tokens = tokens + model.attention(tokens, tokens, tokens)[0]
    back = tokens.view(count, height // 4, width // 4, 4, 4, channels).transpose(2, 3)
    return model.read(back.reshape(rows.shape).permute(0, 3, 1, 2))


def squeezed_and_excited(model: Any, early: Tensor, features: Tensor) -> Tensor:
    gate = torch.sigmoid(model.again(F.adaptive_avg_pool2d(features, 1)))
    return model.read(F.interpolate(F.max_pool2d(features * gate, 2), scale_factor=2) - early)


def with_a_dictionary(model: Any, early: Tensor, features: Tensor) -> dict[str, Any]:
    both = {"early": early, "late": features}
    return {"logits": model.read(both["late"] + both["early"]), "maps": [features.sin(), None]}


REPLAYED: dict[str, Tail] = {
    "plain": lambda m, early, x: m.read(m.norm(x)),
    "nothing after": lambda m, early, x: x,
    "residual": lambda m, early, x: m.read(m.relu(m.norm(x) + early)),
    "dense": lambda m, e, x: m.read(m.wide(torch.cat([x, m.wide(torch.cat([e, x], 1))], 1))),
    "module called twice": lambda m, early, x: m.read(m.again(m.relu(m.again(x)))),
    "same module as before": lambda m, early, x: m.read(m.stem(m.again(x)[:, :3])),
    "into the main branch": into_the_main_branch,
    "into a canvas": into_a_canvas,
    "in place all along": in_place_all_along,
    "chunks": gated,
    "split and max": largest,
    "unbind and stack": lambda m, e, x: m.read(torch.stack(x.unbind(1)[::-1], 1)),
    "batch size": by_batch_size,
    "attention": attended,
    "shifted windows": shifted_windows,
    "squeeze and excite": squeezed_and_excited,
    "dictionary": with_a_dictionary,
    "tuple": lambda m, early, x: (m.read(x), m.read(x * early)),
    "where": lambda m, early, x: m.read(torch.where(x > 0, x, early)),
    "einsum": lambda m, early, x: m.head(torch.einsum("nchw,nchw->nc", x, early) / 9),
    "detached": lambda m, early, x: m.read(x * x.detach().sigmoid()),
    "no gradient": lambda m, early, x: torch.no_grad()(m.read)(x * 2) + m.read(x),
    "checkpoint": lambda m, early, x: checkpoint(m.read, m.again(x), use_reentrant=False),
    "by keyword": lambda m, early, x: m.head(torch.mean(input=x, dim=(2, 3)).tanh()),
}  # fmt: skip


class Doubled(torch.autograd.Function):
    """A tape cannot record this call from outside."""

    @staticmethod
    def forward(ctx: Any, features: Tensor) -> Tensor:
        return torch.from_numpy(features.detach().numpy() * 2)

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return grad * 2


def _doubled_tanh(features: Tensor) -> Tensor:
    return torch.tanh(features) * 2


@cache
def _script() -> Any:
    return torch.jit.script(_doubled_tanh)


def scripted(features: Tensor) -> Tensor:
    return _script()(features)


def into_another(model: Any, early: Tensor, features: Tensor) -> Tensor:
    doubled = torch.empty_like(features)
    torch.mul(features.detach(), 2, out=doubled)
    return model.read(doubled + features)


def changing_a_constant(model: Any, early: Tensor, features: Tensor) -> Tensor:
    both = early + features
    early.mul_(-1)
    return model.read(both + features)


def writing_into_a_view(model: Any, early: Tensor, features: Tensor) -> Tensor:
    canvas = torch.zeros_like(early)
    canvas.view(-1, 3, 8, 8).copy_((features * 2).view(-1, 3, 8, 8))
    return model.read(canvas + features)


NOT_REPLAYED: dict[str, Tail] = {
    "autograd function": lambda m, early, x: m.read(Doubled.apply(x) + x),
    "scripted": lambda m, early, x: m.read(scripted(x) + x),
    "scripted alone": lambda m, early, x: m.read(scripted(x)),
    "numpy": lambda m, early, x: m.read(torch.from_numpy(x.detach().numpy().copy()) + x),
    "list": lambda m, early, x: m.read(torch.tensor(x.tolist(), dtype=x.dtype) + x),
    "mask": masked,
    "out=": into_another,
    "changing a constant": changing_a_constant,
    "writing into a view": writing_into_a_view,
}  # fmt: skip


def by_item(model: Any, early: Tensor, features: Tensor) -> Tensor:
    scores = model.read(features)
    return scores * 3 if features[:, 0].abs().max().item() > 0 else scores - 1


def by_bool(model: Any, early: Tensor, features: Tensor) -> Tensor:
    scores = model.read(features)
    return scores * 3 if features[:, 0].any() else scores - 1


def by_float(model: Any, early: Tensor, features: Tensor) -> Tensor:
    return model.read(features / max(float(features[:, 0].abs().max()), 0.25))


def by_index(model: Any, early: Tensor, features: Tensor) -> Tensor:
    return model.read(features)[:, [int(features[0, 0, 0, 0] != 0), 1, 2, 3]]


CONTROL_FLOW: dict[str, Tail] = {
    "item": by_item, "bool": by_bool, "float": by_float, "int": by_index
}  # fmt: skip
