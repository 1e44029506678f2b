"""Ablations of tokens' channels are those by hand, whatever way they take."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core.forward.needed.few_queries import FewQueries
from camkit_core.probe.tail.attended_tokens import Attended
from camkit_core.probe.tail.leading_linear import LeadingLinear
from camkit_core.probe.tail.proof import proven_tail
from camkit_core.probe.tail.token_ablation import token_ablation
from helpers.class_attention import CLASS_ATTENTION
from helpers.class_tokens import ATTENDED, AVERAGED, LINEAR, PLAIN, lively, pictures
from helpers.tail_runs import QUIET

pytestmark = QUIET
EVERY = ATTENDED | LINEAR | AVERAGED | PLAIN
WAYS = dict.fromkeys(ATTENDED, Attended) | dict.fromkeys(LINEAR | AVERAGED, LeadingLinear)


def asked(model: nn.Module, images: Tensor, fill: Any = 0.0, **settings: Any) -> dict[str, Any]:
    """The layer, the way taken, and how far the score of class 1 drops without each channel."""
    found: dict[str, Any] = {}

    def method(probe: camkit.Probe) -> Tensor:
        found["layer"] = probe.recording.layer
        found["made"] = token_ablation(probe.recording)
        found["way"] = type(found["made"])
        found["tape"] = getattr(proven_tail(probe.recording), "args", [None])[0]
        found["drops"] = probe.scores[:, None] - probe.ablated_scores(fill)
        return probe.activations.sum(1)

    camkit.explain(model, images, method, 1, **settings)
    return found


def by_hand(model: nn.Module, images: Tensor, layer: str, channels: int = 16) -> Tensor:
    """The same by one plain run for each channel, which is set to zero."""

    def scores(channel: int | None) -> Tensor:
        def hook(module: nn.Module, args: Any, output: Tensor) -> Tensor:
            edited = output.clone()
            if channel is not None:
                edited[..., channel] = 0
            return edited

        handle = model.get_submodule(layer).register_forward_hook(hook)
        with torch.no_grad():
            output = model(images)
        handle.remove()
        return getattr(output, "logits", output)[:, 1]

    return torch.stack([scores(None) - scores(channel) for channel in range(channels)], 1)


@pytest.mark.parametrize("name", EVERY)
def test_drops_are_those_by_hand(name: str) -> None:
    model, images = lively(EVERY[name]), pictures()
    found = asked(model, images)
    assert found["way"] is WAYS.get(name, type(None))
    expected = by_hand(model, images, found["layer"])
    assert (found["drops"] - expected).abs().max() <= 1e-12 * expected.abs().max()


@pytest.mark.parametrize("name", ["CaiT", "CrossViT", "VOLO"])
def test_behind_class_attention_drops_are_those_by_hand(name: str) -> None:
    model, images = lively(CLASS_ATTENTION[name]), pictures()
    images = images.repeat(1, 1, 2, 2) if name == "VOLO" else images
    found = asked(model, images)
    assert any(isinstance(call.function, FewQueries) for call in found["tape"].calls)
    expected = by_hand(model, images, found["layer"], found["drops"].shape[1])
    assert (found["drops"] - expected).abs().max() <= 1e-12 * expected.abs().max()


def test_attention_pooling_is_taken_apart_behind_linear_layers() -> None:
    model = lively(AVERAGED["attention pooling"])
    way = asked(model, pictures())["made"]
    assert any(isinstance(call.function, FewQueries) for call in way.tape.calls)


@pytest.mark.parametrize("name", ["timm", "torchvision", "rotary"])
def test_a_chunk_of_any_size_gives_the_same(name: str) -> None:
    model, images = lively(EVERY[name]), pictures(3)
    found = [asked(model, images, batch_size=size)["drops"] for size in (1, 15, None)]
    for drops in found[1:]:
        assert torch.allclose(drops, found[0], rtol=1e-11, atol=1e-13)


@pytest.mark.parametrize("name", ["distilled", "rotary", "averaged"])
def test_channels_are_replaced_by_any_values(name: str) -> None:
    model, images = lively(EVERY[name]), pictures()
    values = torch.randn(2, 16, dtype=torch.float64)
    drops = asked(model, images, values)["drops"]
    one = asked(model, images, values * (torch.arange(16) == 7))["drops"]
    zero = asked(model, images)["drops"]
    other = torch.arange(16) != 7
    assert torch.allclose(one[:, 7], drops[:, 7])
    assert torch.allclose(one[:, other], zero[:, other])


def test_attention_in_float32_is_read_as_the_fused_one() -> None:
    """In float64 its softmax would round to fewer bits, and the replay stays as it is."""
    model = lively(PLAIN["Hugging Face, softmax in float32"], torch.float32)
    images = pictures(dtype=torch.float32)
    found = asked(model, images)
    assert found["way"] is Attended
    expected = by_hand(model, images, found["layer"])
    assert (found["drops"] - expected).abs().max() <= 1e-4 * expected.abs().max()


def test_a_wrong_column_is_not_proved(monkeypatch: pytest.MonkeyPatch) -> None:
    from camkit_core.probe.tail import attended_tokens

    right = attended_tokens._columns
    monkeypatch.setattr(attended_tokens, "_columns", lambda *a: tuple(c * 1.05 for c in right(*a)))
    model, images = lively(ATTENDED["timm"]), pictures()
    found = asked(model, images)
    assert found["way"] is LeadingLinear
    expected = by_hand(model, images, found["layer"])
    assert (found["drops"] - expected).abs().max() <= 1e-12 * expected.abs().max()
