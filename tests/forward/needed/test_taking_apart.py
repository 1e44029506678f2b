"""Linear layers taken apart: keys and values of few queries are not computed."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

import camkit_core as camkit
from camkit_core import Adapter
from camkit_core.forward.needed.few_queries import FewQueries
from camkit_core.forward.needed.pieces import Pieces
from camkit_core.forward.needed.short_tape import short_tape
from camkit_core.forward.untouched import untouched
from camkit_core.probe.tail.replay import batched, vmapped
from helpers.class_attention import CLASS_ATTENTION
from helpers.class_tokens import ATTENDED, LINEAR, SIZE, gradient, lively
from helpers.tail_runs import QUIET

pytestmark = QUIET
# Of these, the class token alone reads the tokens, so that no linear layer reads all of them.
BY_ONE = {name: ATTENDED[name] for name in ("timm", "timm, step by step", "Hugging Face")}
BY_ONE |= {name: CLASS_ATTENTION[name] for name in ("CaiT", "PiT", "XCiT")}
EVERY = CLASS_ATTENTION | BY_ONE | LINEAR


def network(name: str) -> tuple[nn.Module, Tensor]:
    size = 2 * SIZE if name == "VOLO" else SIZE
    return lively(EVERY[name]), torch.randn(2, 3, size, size, dtype=torch.float64)


class Linear(TorchFunctionMode):
    """Counts the linear layers that read more than four tokens an image."""

    def __init__(self) -> None:
        super().__init__()
        self.of_all = 0

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        if func is F.linear:
            given = args[0] if args else kwargs["input"]
            self.of_all += given.shape[:-1].numel() > 8
        return func(*args, **(kwargs or {}))


def gradients(model: nn.Module, images: Tensor) -> tuple[Tensor, str]:
    found: dict[str, Any] = {}

    def method(probe: camkit.Probe) -> Tensor:
        found.update(gradient=probe.raw_gradients, layer=probe.recording.layer)
        return probe.activations.sum(1)

    camkit.explain(model, images, method, 1)
    return found["gradient"], found["layer"]


@pytest.mark.parametrize("name", EVERY)
def test_each_pass_gives_the_gradient_of_whole_layers(name: str) -> None:
    model, images = network(name)
    for given in (images, images.flip(3)):
        found, layer = gradients(model, given)
        expected = gradient(model, given, layer)
        assert (found - expected).abs().max() <= 1e-11 * expected.abs().max()


@pytest.mark.parametrize("name", BY_ONE)
def test_behind_the_layer_no_linear_layer_reads_all_tokens(name: str) -> None:
    model, images = network(name)
    _, layer = gradients(model, images)
    before: list[int] = []
    with Linear() as watch:
        handle = model.get_submodule(layer).register_forward_hook(
            lambda *_: before.append(watch.of_all)
        )
        with torch.no_grad():
            model(images)
    handle.remove()
    with Linear() as short:
        gradients(model, images)
    assert watch.of_all > before[0]
    assert short.of_all == before[0]


class Tokens(nn.Module):
    """Tokens (N, 24, 8) of a layer, and any tail."""

    def __init__(self, tail: Any) -> None:
        super().__init__()
        self.stem, self.layer = nn.Conv2d(3, 8, 4, 4), nn.LayerNorm(8)
        self.packed, self.head = nn.Linear(8, 24), nn.Linear(8, 4)
        self.narrow = nn.Linear(8, 24, bias=False)
        self.tail = tail
        self.double().eval()

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.tail(self, self.layer(self.stem(images).flatten(2).mT)))


def packed(linear: Any, x: Tensor) -> Any:
    return linear(x).reshape(len(x), -1, 3, 1, 8).permute(2, 0, 3, 1, 4).unbind(0)


def joined(attended: Tensor) -> Tensor:
    return attended.transpose(1, 2).flatten(2)[:, 0]


def fused(m: Any, x: Tensor, **more: Any) -> Tensor:
    return joined(F.scaled_dot_product_attention(*packed(m.packed, x), **more))


def by_hand(m: Any, x: Tensor) -> Tensor:
    q, k, v = packed(m.packed, x)
    shares = (q @ k.transpose(-2, -1)).sigmoid()  # of which the sum is not one
    return joined(shares @ v)


def keys_of_two(m: Any, x: Tensor) -> Tensor:
    """Keys that a second call reads, too, and values that are normed one by one."""
    q, k, v = packed(m.packed, x)
    shares = (q @ k.transpose(-2, -1)).softmax(-1)
    return joined(shares @ F.layer_norm(v, (8,))) + k.mean((1, 2))


def in_chunks(m: Any, x: Tensor) -> Tensor:
    q, k, v = (each.unsqueeze(1) for each in m.narrow(x).chunk(3, -1))
    return joined(F.scaled_dot_product_attention(q, k, v))


FLOATS = torch.linspace(-1, 1, 24, dtype=torch.float64).expand(24, 24)
APART: dict[str, tuple[Any, int]] = {
    "fused": (fused, 1),
    "a scale": (lambda m, x: fused(m, x, scale=0.7), 1),
    "a mask": (lambda m, x: fused(m, x, attn_mask=FLOATS), 1),
    "a mask of booleans": (lambda m, x: fused(m, x, attn_mask=FLOATS > -0.5), 1),
    "by hand": (by_hand, 2),
    "keys that others read": (keys_of_two, 1),
    "without a bias, in chunks": (in_chunks, 1),
}


def tapes(tail: Any) -> tuple[Any, Any, Tensor]:
    model, images = Tokens(tail), torch.randn(2, 3, 16, 24, dtype=torch.float64)
    with untouched(model):
        recording = camkit.record(model, images, Adapter(model.layer), "layer")
    raw = recording.raw.detach()
    return recording.tape, short_tape(recording.tape, apart=True), raw * torch.rand(3, *raw.shape)


@pytest.mark.parametrize("name", APART)
def test_a_tape_of_parts_gives_the_same(name: str) -> None:
    tail, count = APART[name]
    tape, short, edits = tapes(tail)
    expected = batched(tape, edits)
    assert sum(isinstance(call.function, FewQueries) for call in short.calls) == count
    for replay in (batched, vmapped):
        assert torch.allclose(replay(short, edits), expected, rtol=1e-11, atol=1e-13)


def test_of_packed_layers_only_the_pieces_are_computed_that_are_read() -> None:
    _, short, _ = tapes(fused)
    (pieces,) = (call for call in short.calls if isinstance(call.function, Pieces))
    assert [short.sizes[slot] for slot in pieces.results] == [(2, 1, 1, 8)]
    assert not any(call.function is F.linear and call.results for call in short.calls[:-1])


LEFT_WHOLE: dict[str, Any] = {
    "dropout": lambda m, x: fused(m, x, dropout_p=0.5),
    "causal": lambda m, x: fused(m, x, is_causal=True),
    "many queries": lambda m, x: F.scaled_dot_product_attention(*packed(m.packed, x))[:, 0].mean(1),
    "normed keys and values": lambda m, x: joined(
        F.scaled_dot_product_attention(*(F.layer_norm(each, (8,)) for each in packed(m.packed, x)))
    ),
}


@pytest.mark.parametrize("name", LEFT_WHOLE)
def test_attention_of_another_kind_is_left_whole(name: str) -> None:
    _, short, _ = tapes(LEFT_WHOLE[name])
    assert not short or not any(isinstance(call.function, FewQueries) for call in short.calls)


def test_passes_in_few_bits_agree() -> None:
    """There, another order of products gives other numbers, and proofs may fail."""
    model = lively(ATTENDED["timm"], torch.bfloat16)
    images = torch.randn(2, 3, SIZE, SIZE, dtype=torch.bfloat16)
    assert torch.equal(gradients(model, images)[0], gradients(model, images)[0])


class Windows(nn.Module):
    """Moves what a linear layer gives into windows, of which the first one's corner is read."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.norm = nn.Conv2d(3, 8, 4, 4), nn.LayerNorm(8)
        self.mix, self.head = nn.Linear(8, 8), nn.Linear(8, 3)

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.mix(self.norm(self.stem(images).flatten(2).transpose(1, 2)))
        windows = tokens.view(-1, 2, 2, 2, 2, 8).permute(0, 1, 3, 2, 4, 5).contiguous()
        return self.head(windows.view(-1, 16, 8)[:, 0])


def test_a_view_of_a_copy_is_no_part_of_a_linear_layer() -> None:
    torch.manual_seed(0)
    model, images = Windows().double().eval(), torch.randn(2, 3, 16, 16, dtype=torch.float64)
    expected = gradient(model, images, "norm")
    for _ in range(2):
        found: list[Tensor] = []

        def method(probe: camkit.Probe, found: list[Tensor] = found) -> Tensor:
            found.append(probe.raw_gradients)
            return probe.activations.sum(1)

        grid = camkit.tokens_to_grid(4, 4)
        camkit.explain(model, images, method, 1, "norm", grid)
        torch.testing.assert_close(found[0], expected)
