"""A network that takes any tail, tails of all kinds, and what their runs must give."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

import camkit_core as camkit
from camkit_core import Adapter, Recording
from camkit_core.forward.untouched import untouched
from camkit_core.pytree import map_tensors, tensors_in

NOTE = (
    "tail runs at 'layer' took full forward passes: replaying what follows the layer could not be "
    "proved exact for this model"
)
# Notes on untrained networks, and on what some of these tails consist of.
QUIET = [
    pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning"),
    pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning"),
    pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad"),
]
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


@contextmanager
def recorded(model: nn.Module, images: Tensor) -> Iterator[Recording]:
    with untouched(model):
        yield camkit.record(model, images, Adapter(model.layer), "layer")


def plain_runs(model: nn.Module, images: Tensor, edits: Tensor) -> list[Any]:
    """The model's output for each edit, by a run of its own with a hook."""
    outputs = []
    for edit in edits:
        handle = model.layer.register_forward_hook(lambda *_, edit=edit: edit.clone())
        with torch.no_grad():
            outputs.append(model(images))
        handle.remove()
    return outputs


def edits_of(raw: Tensor) -> Tensor:
    """The layer's output with each of the first channels ablated, scaled, and replaced."""
    edits = raw.detach().repeat(5, *[1] * raw.ndim)
    for channel in range(3):
        edits[channel, :, channel] = 0
    edits[3] *= -1.5
    edits[4].normal_()
    return edits


def agree(outputs: Any, expected: list[Any]) -> bool:
    rows = [
        map_tensors(lambda tensor, row=row: tensor[row], outputs) for row in range(len(expected))
    ]
    pairs = zip(tensors_in(rows), tensors_in(expected), strict=True)
    return all(torch.allclose(output, other, rtol=1e-9, atol=1e-11) for output, other in pairs)


def drops(model: nn.Module, images: Tensor, target: Any) -> Tensor:
    """The AblationCAM map by one plain run for each channel."""
    with torch.no_grad():
        raw = model.layer(model.stem(images))
        edits = raw.repeat(6, 1, 1, 1, 1)
        for channel in range(6):
            edits[channel, :, channel] = 0
        plain = target(model(images))
        rows = [plain - target(output) for output in plain_runs(model, images, edits)]
    return torch.einsum("cn,nchw->nhw", torch.stack(rows), raw)


def ablated(model: nn.Module, images: Tensor, target: Any = 1, **settings: Any) -> Any:
    return camkit.explain(model, images, "ablationcam", target, "layer", **settings)


def firm_notes(explanation: Any) -> list[str]:
    """The explanation's notes, without those that every untrained network gets."""
    doubts = ("the model looks untrained", "score almost alike")
    return [note for note in explanation.notes if not any(doubt in note for doubt in doubts)]


def images_of(count: int = 2) -> Tensor:
    return torch.randn(count, 3, 8, 8, dtype=torch.float64)
