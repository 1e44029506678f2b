"""Tail runs: a replay of what followed the layer equals a full run, or is not used."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core.probe.tail.full_runs import full_run
from camkit_core.probe.tail.proof import proven_replay, tail_outputs
from camkit_core.probe.tail.replay import batched, vmapped
from camkit_core.pytree import tensors_in
from helpers.tail_runs import (
    NOTE,
    QUIET,
    ablated,
    agree,
    drops,
    edits_of,
    images_of,
    plain_runs,
    recorded,
)
from helpers.tailed import CONTROL_FLOW, NOT_REPLAYED, REPLAYED, Tail, Tailed, by_batch_size

pytestmark = QUIET


@pytest.mark.parametrize("recurrent", [nn.LSTM, nn.GRU, nn.RNN])
def test_a_recurrent_layer_never_gets_states_of_another_number_of_rows(recurrent: Any) -> None:
    """torch would read past the end of these tensors and end the process."""
    layer = recurrent(6, 3, bidirectional=True)

    def over_the_images(model: Any, early: Tensor, features: Tensor) -> Tensor:
        return model.head(layer(features.flatten(2).transpose(1, 2))[0].mean(1))

    model, images = Tailed(over_the_images).float(), images_of().float()
    with recorded(model, images) as recording:
        with pytest.raises(ValueError, match="states of another number of rows"):
            batched(recording.tape, edits_of(recording.raw))
        assert not proven_replay(recording)


@pytest.mark.parametrize("name", REPLAYED)
@pytest.mark.parametrize("count", [1, 2])
def test_a_replay_equals_full_runs_with_a_hook(name: str, count: int) -> None:
    model, images = Tailed(REPLAYED[name]), images_of(count)
    with recorded(model, images) as recording:
        edits = edits_of(recording.raw)
        kept = edits.clone()
        expected = plain_runs(model, images, edits)
        assert agree(vmapped(recording.tape, edits), expected)
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
        assert proven_replay(recording) is batched
        assert agree(batched(recording.tape, edits), plain_runs(model, images, edits))


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
        assert proven_replay(recording) is not batched
        assert agree(tail_outputs(recording, edits), plain_runs(model, images, edits))


def rows_and_columns(model: Any, early: Tensor, features: Tensor) -> Tensor:
    """As in Sequencer, each row of the grid is a sequence for a recurrent layer."""
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
        assert proven_replay(recording) is batched
        for _ in range(2):
            assert agree(batched(recording.tape, edits), plain_runs(model, images, edits))


@pytest.mark.parametrize("name", REPLAYED)
def test_a_replay_may_be_repeated(name: str) -> None:
    """The tape keeps nothing of the edits, although some calls ran in place."""
    model, images = Tailed(REPLAYED[name]), images_of()
    with recorded(model, images) as recording:
        first = edits_of(recording.raw)
        again = list(tensors_in(vmapped(recording.tape, first)))
        vmapped(recording.tape, first * 2)
        assert all(map(torch.equal, again, tensors_in(vmapped(recording.tape, first))))


@pytest.mark.parametrize("name", NOT_REPLAYED)
def test_what_cannot_be_replayed_takes_full_runs_and_says_so(name: str) -> None:
    model, images = Tailed(NOT_REPLAYED[name]), images_of()
    with recorded(model, images) as recording:
        edits = edits_of(recording.raw)
        assert agree(tail_outputs(recording, edits), plain_runs(model, images, edits))
        assert not proven_replay(recording)
    explanation = ablated(model, images)
    assert torch.allclose(explanation.cam, drops(model, images, lambda output: output[:, 1]))
    assert NOTE in explanation.notes


@pytest.mark.parametrize("name", CONTROL_FLOW)
@pytest.mark.parametrize("batch_size", [1, None])
def test_control_flow_by_values_is_followed_for_each_edit(
    name: str, batch_size: int | None
) -> None:
    """With channel 0 ablated, the model takes another branch than with the image."""
    model, image = Tailed(CONTROL_FLOW[name]), images_of(1)
    explanation = ablated(model, image, 0, batch_size=batch_size)
    expected = drops(model, image, lambda output: output[:, 0])
    assert torch.allclose(explanation.cam, expected)


@pytest.mark.parametrize("name", [*REPLAYED, *NOT_REPLAYED])
@pytest.mark.parametrize("method", ["gradcam", "ablationcam"])
def test_a_batch_gives_the_maps_of_its_images(name: str, method: str) -> None:
    model, images = Tailed((REPLAYED | NOT_REPLAYED)[name]), images_of(3)

    def target(output: Any) -> Tensor:
        return sum(tensor.double().sum() for tensor in tensors_in(output))

    together = camkit.explain(model, images, method, target, "layer").cam
    one_by_one = [camkit.explain(model, image, method, target, "layer").cam for image in images]
    assert torch.allclose(together, torch.cat(one_by_one), rtol=1e-7, atol=1e-9)
    assert together.abs().max() > 0
