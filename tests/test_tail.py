"""Tail runs: a replay of what followed the layer equals a full run, or is not used."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.overrides import handle_torch_function, has_torch_function_unary
from torch.utils.checkpoint import checkpoint

import camkit_core as camkit
from camkit_core import Adapter, Recording
from camkit_core.contexts import untouched
from camkit_core.replay import folded, mapped
from camkit_core.tail import full_run, proven_replay, tail_outputs
from camkit_core.trees import map_tensors, tensors_in

pytestmark = [
    pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning"),
    pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning"),
    pytest.mark.filterwarnings("ignore:Converting a tensor with requires_grad"),
]

NOTE = (
    "tail runs at 'layer' took full forward passes: replaying what follows the layer could not be "
    "proved exact for this model"
)
Tail = Callable[[Any, Tensor, Tensor], Any]


class Tailed(nn.Module):
    """Stem, layer, and then whatever `tail` makes of itself, the stem's and the layer's output."""

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
    """As where the layer is the shortcut's convolution, and the main branch came first."""
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
    seen = model.encoder(flash + weights.mean(2, keepdim=True))
    return model.head(seen[:, 0])


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
    """Not a call that a tape can note from outside."""

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


def agree(found: Any, expected: list[Any]) -> bool:
    rows = [map_tensors(lambda tensor, row=row: tensor[row], found) for row in range(len(expected))]
    pairs = zip(tensors_in(rows), tensors_in(expected), strict=True)
    return all(torch.allclose(one, other, rtol=1e-9, atol=1e-11) for one, other in pairs)


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


def said(explanation: Any) -> list[str]:
    """Its notes, but for those that these untrained networks have whatever the tail."""
    doubts = ("the model looks untrained", "score almost alike")
    return [one for one in explanation.notes if not any(doubt in one for doubt in doubts)]


def images_of(count: int = 2) -> Tensor:
    return torch.randn(count, 3, 8, 8, dtype=torch.float64)


@pytest.mark.parametrize("recurrent", [nn.LSTM, nn.GRU, nn.RNN])
def test_a_recurrent_layer_never_gets_states_of_another_number_of_rows(recurrent: Any) -> None:
    """Which torch would read past their end, and bring the process down with it."""
    layer = recurrent(6, 3, bidirectional=True)

    def over_the_images(model: Any, early: Tensor, features: Tensor) -> Tensor:
        return model.head(layer(features.flatten(2).transpose(1, 2))[0].mean(1))

    model, images = Tailed(over_the_images).float(), images_of().float()
    with recorded(model, images) as recording:
        with pytest.raises(ValueError, match="states of another number of rows"):
            folded(recording.tape, edits_of(recording.raw))
        assert not proven_replay(recording)


@pytest.mark.parametrize("name", REPLAYED)
@pytest.mark.parametrize("count", [1, 2])
def test_a_replay_equals_full_runs_with_a_hook(name: str, count: int) -> None:
    model, images = Tailed(REPLAYED[name]), images_of(count)
    with recorded(model, images) as recording:
        edits = edits_of(recording.raw)
        kept = edits.clone()
        expected = plain_runs(model, images, edits)
        assert agree(mapped(recording.tape, edits), expected)
        assert agree(full_run(recording, edits), expected)
        assert agree(tail_outputs(recording, edits), expected)
        assert proven_replay(recording)
        assert torch.equal(edits, kept)


def test_rows_are_folded_into_one_batch_where_calls_treat_them_alike() -> None:
    torch.manual_seed(0)
    block = nn.TransformerEncoderLayer(8, 2, 16, batch_first=True, dtype=torch.float64)

    def tail(model: Any, early: Tensor, features: Tensor) -> Tensor:
        tokens = features.reshape(len(features), 6, 64).transpose(1, 2)
        tokens = tokens.reshape(len(features), -1, 8)
        return block.eval()(tokens).mean(1)

    model, images = Tailed(tail), images_of()
    with recorded(model, images) as recording:
        edits = edits_of(recording.raw)
        assert proven_replay(recording) is folded
        assert agree(folded(recording.tape, edits), plain_runs(model, images, edits))


MIXING: dict[str, Tail] = {
    "another order": lambda m, early, x: m.head(x.permute(1, 0, 2, 3).reshape(6, -1, 64).mean(2).T),
    "all rows": lambda m, early, x: m.read(x - x.mean()),
    "one row": lambda m, early, x: m.read(x - x[0]),
    "number of a row": by_batch_size,
    "as many weights as rows": lambda m, early, x: m.read(x)
    + F.linear(x.mean((2, 3)), m.head.weight.detach()[: len(x)]).sum(1, True),
}  # fmt: skip


@pytest.mark.parametrize("name", MIXING)
@pytest.mark.parametrize("count", [2, 3])
def test_rows_are_not_folded_where_a_call_would_mix_them(name: str, count: int) -> None:
    model, images = Tailed(MIXING[name]), images_of(count)
    with recorded(model, images) as recording:
        edits = edits_of(recording.raw)
        assert proven_replay(recording) is not folded
        assert agree(tail_outputs(recording, edits), plain_runs(model, images, edits))


def rows_and_columns(model: Any, early: Tensor, features: Tensor) -> Tensor:
    """As in Sequencer: to a recurrent layer, each row of the grid is a sequence."""
    rows = (features + early).permute(0, 2, 3, 1).flatten(0, 1)
    sideways = model.lstm(rows)[0].reshape(len(features), 8, 8, 6)
    downwards, last = model.gru(sideways.mean(2).transpose(0, 1))
    return model.head(downwards.mean(0) + last[0])


BESIDE: dict[str, Tail] = {
    "states": rows_and_columns,
    "added": REPLAYED["residual"],
    "concatenated": REPLAYED["dense"],
    "written into": REPLAYED["into the main branch"],
    "a factor": lambda m, early, x: m.read(x * early.mean((1, 2, 3)).reshape(-1, 1, 1, 1)),
    "a mask": lambda m, early, x: m.read(x.where(early > 0, early * 2)),
}


@pytest.mark.parametrize("name", BESIDE)
@pytest.mark.parametrize("count", [1, 2, 3])
def test_what_comes_from_before_the_layer_is_each_rows_own(name: str, count: int) -> None:
    model, images = Tailed(BESIDE[name]), images_of(count)
    with recorded(model, images) as recording:
        edits = edits_of(recording.raw)
        assert proven_replay(recording) is folded
        for _ in range(2):
            assert agree(folded(recording.tape, edits), plain_runs(model, images, edits))


@pytest.mark.parametrize("name", REPLAYED)
def test_a_replay_may_be_repeated(name: str) -> None:
    """It keeps nothing of the edits, in spite of what ran in place."""
    model, images = Tailed(REPLAYED[name]), images_of()
    with recorded(model, images) as recording:
        first = edits_of(recording.raw)
        again = list(tensors_in(mapped(recording.tape, first)))
        mapped(recording.tape, first * 2)
        assert all(map(torch.equal, again, tensors_in(mapped(recording.tape, first))))


@pytest.mark.parametrize("name", NOT_REPLAYED)
def test_what_cannot_be_replayed_takes_full_runs_and_says_so(name: str) -> None:
    model, images = Tailed(NOT_REPLAYED[name]), images_of()
    with recorded(model, images) as recording:
        edits = edits_of(recording.raw)
        assert agree(tail_outputs(recording, edits), plain_runs(model, images, edits))
        assert not proven_replay(recording)
    found = ablated(model, images)
    assert torch.allclose(found.cam, drops(model, images, lambda output: output[:, 1]))
    assert NOTE in found.notes


@pytest.mark.parametrize("name", CONTROL_FLOW)
@pytest.mark.parametrize("batch_size", [1, None])
def test_control_flow_by_values_is_followed_for_each_edit(
    name: str, batch_size: int | None
) -> None:
    """Ablating channel 0 takes another way than the image did."""
    model, image = Tailed(CONTROL_FLOW[name]), images_of(1)
    found = ablated(model, image, 0, batch_size=batch_size)
    expected = drops(model, image, lambda output: output[:, 0])
    assert torch.allclose(found.cam, expected)


@pytest.mark.parametrize("name", [*REPLAYED, *NOT_REPLAYED])
@pytest.mark.parametrize("method", ["gradcam", "ablationcam"])
def test_a_batch_gives_the_maps_of_its_images(name: str, method: str) -> None:
    model, images = Tailed((REPLAYED | NOT_REPLAYED)[name]), images_of(3)

    def target(output: Any) -> Tensor:
        return sum(one.double().sum() for one in tensors_in(output))

    together = camkit.explain(model, images, method, target, "layer").cam
    one_by_one = [camkit.explain(model, one, method, target, "layer").cam for one in images]
    assert torch.allclose(together, torch.cat(one_by_one), rtol=1e-7, atol=1e-9)
    assert together.abs().max() > 0


# The verdict


def count_forwards(model: nn.Module) -> list[int]:
    """Sizes of the batches the stem sees from now on, by wrapping its forward."""
    sizes: list[int] = []
    forward = model.stem.forward

    def counted(images: Tensor) -> Tensor:
        sizes.append(len(images))
        return forward(images)

    model.stem.forward = counted
    return sizes


def forwards_of_a_call(sizes: list[int], call: Callable[[], Any]) -> list[int]:
    sizes.clear()
    call()
    return list(sizes)


def test_one_proof_run_is_made_for_a_model_and_shape_and_remembered() -> None:
    model = Tailed(REPLAYED["residual"])
    sizes, two, other = count_forwards(model), images_of(), images_of(3)
    assert forwards_of_a_call(sizes, lambda: ablated(model, two)) == [2, 2]
    assert forwards_of_a_call(sizes, lambda: ablated(model, two * 0.5)) == [2]
    assert forwards_of_a_call(sizes, lambda: ablated(model, other)) == [3, 3]
    assert forwards_of_a_call(sizes, lambda: ablated(model, two)) == [2]


def test_a_refusal_is_remembered_too() -> None:
    model = Tailed(NOT_REPLAYED["scripted"])
    sizes, images = count_forwards(model), images_of()
    first = forwards_of_a_call(sizes, lambda: ablated(model, images, batch_size=12))
    second = forwards_of_a_call(sizes, lambda: ablated(model, images, batch_size=12))
    assert second == [2, 12]
    assert len(first) <= 3
    assert said(ablated(model, images)) == [NOTE]


def test_another_control_flow_is_another_proof() -> None:
    tails = {"way": REPLAYED["residual"]}
    model, images = Tailed(lambda *given: tails["way"](*given)), images_of()
    sizes = count_forwards(model)
    ablated(model, images)
    tails["way"] = NOT_REPLAYED["scripted"]
    assert len(forwards_of_a_call(sizes, lambda: ablated(model, images))) > 1
    found = ablated(model, images)
    assert torch.allclose(found.cam, drops(model, images, lambda output: output[:, 1]))


def test_the_same_calls_with_another_output_are_not_proven_by_them() -> None:
    def copied(model: Any, early: Tensor, features: Tensor) -> Tensor:
        return torch.tensor(model.read(features).tolist(), dtype=features.dtype)

    tails = {"way": lambda m, early, x: m.read(x)}
    model, images = Tailed(lambda *given: tails["way"](*given)), images_of()
    expected = ablated(model, images)
    tails["way"] = copied
    assert torch.allclose(ablated(model, images).cam, expected.cam)


def test_an_image_that_proves_nothing_is_no_proof() -> None:
    """Where the layer gives zero everywhere, every edit of it is zero, too."""
    model, images = Tailed(NOT_REPLAYED["scripted"]), images_of()
    for parameter in (model.stem.bias, model.layer.bias):
        nn.init.zeros_(parameter)
    ablated(model, torch.zeros_like(images))
    found = ablated(model, images)
    assert torch.allclose(found.cam, drops(model, images, lambda output: output[:, 1]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_low_precision_is_no_excuse_for_a_wrong_replay(dtype: torch.dtype) -> None:
    model, images = Tailed(NOT_REPLAYED["scripted"]), images_of()
    expected = drops(model, images, lambda output: output[:, 1])
    found = ablated(model.to(dtype), images)
    assert NOTE in found.notes
    allowed = 1e-4 if dtype == torch.float32 else 0.3
    assert (found.cam - expected).abs().max() <= allowed * expected.abs().max()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", ["residual", "attention", "in place all along"])
def test_low_precision_is_replayed_where_it_is_right(name: str, dtype: torch.dtype) -> None:
    model, images = Tailed(REPLAYED[name]).to(dtype), images_of()
    assert said(ablated(model, images)) == []


def coarsely(features: Tensor) -> Tensor:
    """As a GPU that multiplies in TF32: how it rounds depends on the number of rows."""
    if has_torch_function_unary(features):
        return handle_torch_function(coarsely, (features,), features)
    return features * (1 + 3e-4 * (len(features) > 2))


@pytest.mark.parametrize("name", ["attention", "shifted windows"])
def test_rounding_that_depends_on_the_number_of_rows_is_no_error_of_the_replay(name: str) -> None:
    for change in (lambda scores: scores, coarsely):
        model = Tailed(lambda *given, change=change: change(REPLAYED[name](*given)))
        with recorded(model, images_of()) as recording:
            assert proven_replay(recording) is folded


def test_and_it_is_no_excuse_for_a_wrong_one() -> None:
    def scaled(model: Any, early: Tensor, features: Tensor) -> Tensor:
        scores = model.read(features)
        factor = torch.from_numpy(features.detach().numpy()).mean()  # of which no tape knows
        return coarsely(scores * (1 + 0.02 * factor))

    assert NOTE in ablated(Tailed(scaled), images_of()).notes


# Ablation without runs


class Reversed(torch.autograd.Function):
    """As for domain adaptation: the identity, whose gradient is turned over."""

    @staticmethod
    def forward(ctx: Any, features: Tensor) -> Tensor:
        return features.clone()

    @staticmethod
    def backward(ctx: Any, grad: Tensor) -> Tensor:
        return -grad


def partly_without_gradient(model: Any, early: Tensor, features: Tensor) -> Tensor:
    pooled = features.mean((2, 3))
    with torch.no_grad():
        prior = model.head(pooled) * 2
    return prior + model.head(pooled)


def with_a_scaled_gradient(model: Any, early: Tensor, features: Tensor) -> Tensor:
    pooled = features.mean((2, 3))
    if pooled.requires_grad:
        pooled.register_hook(lambda grad: grad * 0.1)
    return model.head(pooled)


def builtin_norm(model: Any, early: Tensor, features: Tensor) -> Tensor:
    norm = model.norm
    mean, spread = norm.running_mean, norm.running_var
    return model.head(
        torch.batch_norm(features, norm.weight, norm.bias, mean, spread, False, 0.1, 1e-5, False)
        .mean((2, 3))
    )  # fmt: skip


HEADS: dict[str, Tail] = {
    "pooled": lambda m, early, x: m.head(x.mean((2, 3))),
    "normed": lambda m, early, x: m.head(m.norm(x).mean((2, 3))),
    "dropout": lambda m, early, x: m.head(F.dropout(x.mean((2, 3)), training=False)),
    "dropout, built in": lambda m, early, x: m.head(torch.dropout(x.mean((2, 3)), 0.5, False)),
    "norm, built in": builtin_norm,
    "floor": lambda m, e, x: m.head(torch.div(x.mean((2, 3)), 0.01, rounding_mode="floor")),
    "trunc": lambda m, e, x: m.head(x.mean((2, 3)).div(0.01, rounding_mode="trunc")),
    "whole numbers": lambda m, e, x: m.head((x.mean((2, 3)) * 9).long().to(x.dtype)),
    "gradient reversed": lambda m, early, x: m.head(Reversed.apply(x.mean((2, 3)))),
    "gradient scaled": with_a_scaled_gradient,
    "gradient in part": partly_without_gradient,
    "gradient elsewhere": lambda m, e, x: m.head(x.detach().mean((2, 3))) + m.read(e + 0 * x),
    "product": lambda m, early, x: m.head(x.mean((2, 3)) * x.amax((2, 3))),
    "quotient": lambda m, early, x: m.head(x.mean((2, 3)) / (1 + x.std((2, 3)))),
    "own statistics": lambda m, e, x: m.head(F.instance_norm(x).amax((2, 3))),
    "relu": lambda m, early, x: m.head(m.relu(x).mean((2, 3))),
    "relu of positive": lambda m, early, x: m.head(m.relu(x).relu().mean((2, 3))),
}  # fmt: skip


@pytest.mark.parametrize("name", HEADS)
@pytest.mark.parametrize("positive", [False, True])
def test_ablation_without_runs_is_ablation_by_runs(name: str, positive: bool) -> None:
    model, images = Tailed(HEADS[name]), images_of()
    if positive:
        nn.init.constant_(model.layer.bias, 5.0)
    found = ablated(model, images)
    expected = drops(model, images, lambda output: output[:, 1])
    assert expected.abs().max() > 0
    assert (found.cam - expected).abs().max() <= 1e-9 * expected.abs().max()
