"""Whether a replay is exact is found out once, on one image, and proved."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.overrides import handle_torch_function, has_torch_function_unary

from camkit_core.probe.tail.proof import proven_replay
from camkit_core.probe.tail.replay import batched
from helpers.tail_runs import NOTE, QUIET, ablated, drops, firm_notes, images_of, recorded
from helpers.tailed import NOT_REPLAYED, REPLAYED, Tailed, scripted

pytestmark = QUIET


def count_forwards(model: nn.Module) -> list[int]:
    """The sizes of the batches that the stem gets from now on; its forward is wrapped."""
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
    # One image finds how the layer lies; one alone shows that images do not touch each other.
    assert forwards_of_a_call(sizes, lambda: ablated(model, two)) == [1, 2, 1, 2]
    assert forwards_of_a_call(sizes, lambda: ablated(model, two * 0.5)) == [2]
    assert forwards_of_a_call(sizes, lambda: ablated(model, other)) == [3, 3]
    assert forwards_of_a_call(sizes, lambda: ablated(model, two)) == [2]


def test_a_refusal_is_remembered_too() -> None:
    model = Tailed(NOT_REPLAYED["scripted"])
    sizes, images = count_forwards(model), images_of()
    first = forwards_of_a_call(sizes, lambda: ablated(model, images, batch_size=12))
    second = forwards_of_a_call(sizes, lambda: ablated(model, images, batch_size=12))
    assert second == [2, 12]
    assert len(first) <= 5
    assert firm_notes(ablated(model, images)) == [NOTE]


def test_another_control_flow_is_another_proof() -> None:
    tails = {"way": REPLAYED["residual"]}
    model, images = Tailed(lambda *given: tails["way"](*given)), images_of()
    sizes = count_forwards(model)
    ablated(model, images)
    tails["way"] = NOT_REPLAYED["scripted"]
    assert len(forwards_of_a_call(sizes, lambda: ablated(model, images))) > 1
    explanation = ablated(model, images)
    assert torch.allclose(explanation.cam, drops(model, images, lambda output: output[:, 1]))


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
    explanation = ablated(model, images)
    assert torch.allclose(explanation.cam, drops(model, images, lambda output: output[:, 1]))


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
def test_low_precision_is_no_excuse_for_a_wrong_replay(dtype: torch.dtype) -> None:
    model, images = Tailed(NOT_REPLAYED["scripted"]), images_of()
    expected = drops(model, images, lambda output: output[:, 1])
    explanation = ablated(model.to(dtype), images)
    assert NOTE in explanation.notes
    allowed = 1e-4 if dtype == torch.float32 else 0.3
    assert (explanation.cam - expected).abs().max() <= allowed * expected.abs().max()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", ["residual", "attention", "in place all along"])
def test_low_precision_is_replayed_where_it_is_right(name: str, dtype: torch.dtype) -> None:
    model, images = Tailed(REPLAYED[name]).to(dtype), images_of()
    assert firm_notes(ablated(model, images)) == []


def coarsely(features: Tensor, by: float = 3e-4) -> Tensor:
    """Like a GPU that multiplies in TF32: its rounding depends on the number of rows."""
    if has_torch_function_unary(features):
        return handle_torch_function(coarsely, (features,), features, by)
    return features * (1 + by * (len(features) > 2))


@pytest.mark.parametrize("name", ["attention", "shifted windows"])
def test_rounding_that_depends_on_the_number_of_rows_is_no_error_of_the_replay(name: str) -> None:
    for change in (lambda scores: scores, coarsely):
        model = Tailed(lambda *given, change=change: change(REPLAYED[name](*given)))
        with recorded(model, images_of()) as recording:
            assert proven_replay(recording) is batched


def test_and_it_is_no_excuse_for_a_wrong_one() -> None:
    def partly_hidden(model: Any, early: Tensor, features: Tensor) -> Tensor:
        hidden = scripted(features)  # which no tape records
        return coarsely(model.read(features) + 0.05 * model.read(hidden))

    assert NOTE in ablated(Tailed(partly_hidden), images_of()).notes


def test_what_depends_on_the_number_of_rows_by_more_than_rounding_is_an_error() -> None:
    model = Tailed(lambda *given: coarsely(REPLAYED["attention"](*given), by=0.01))
    with recorded(model, images_of()) as recording:
        assert proven_replay(recording) is not batched
