"""Every form of a target, and the class scores in what a model returns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch import Tensor

import camkit_core as camkit
from camkit_core import ClassifierOutputTarget, TargetError
from camkit_core.inputs.targets.classification import class_logits, found_logits
from camkit_core.inputs.targets.resolve import resolve, top
from helpers.class_scores import LOGITS, SIX, explain, net, second


@pytest.mark.parametrize(
    ("target", "classes"),
    [
        (None, [1, 0, 0]),
        (2, [2, 2, 2]),
        (0, [0, 0, 0]),
        (np.int64(2), [2, 2, 2]),
        (torch.tensor(2), [2, 2, 2]),
        (ClassifierOutputTarget(2), [2, 2, 2]),
        ([2, 0, 3], [2, 0, 3]),
        ((2, 0, 3), [2, 0, 3]),
        (range(3), [0, 1, 2]),
        (torch.tensor([2, 0, 3]), [2, 0, 3]),
        (torch.tensor([[2], [0], [3]]), [2, 0, 3]),
        (np.array([2, 0, 3]), [2, 0, 3]),
        (np.array([2, 0, 3], np.uint8), [2, 0, 3]),
        ([2, np.int32(0), torch.tensor(3)], [2, 0, 3]),
        ([2, ClassifierOutputTarget(0), 3], [2, 0, 3]),
    ],
    ids=repr,
)
def test_classes_come_in_many_forms(target: Any, classes: list[int]) -> None:
    resolved = resolve(target, LOGITS, 3)
    assert resolved.classes is not None
    assert resolved.classes.dtype == torch.int64
    assert resolved.classes.tolist() == classes
    assert resolved.scores(LOGITS).tolist() == [LOGITS[i, k].item() for i, k in enumerate(classes)]
    assert [f(row).item() for f, row in zip(resolved.functions, LOGITS, strict=True)] == (
        resolved.scores(LOGITS).tolist()
    )


@pytest.mark.parametrize(
    ("target", "scores"),
    [
        (second, [-1.0, 0.0, -3.0]),
        ([second, lambda row: row.sum(), lambda row: row[1:2]], [-1.0, 1.0, -4.0]),
        ((second, 1, ClassifierOutputTarget(3)), [-1.0, -2.0, -2.0]),
        (lambda row: row.max()[None, None], [3.0, 2.0, -1.0]),
    ],
    ids=["one", "three", "mixed with classes", "of one element"],
)
def test_callables_are_asked_of_one_sample_each(target: Any, scores: list[float]) -> None:
    resolved = resolve(target, LOGITS, 3)
    assert resolved.classes is None
    assert resolved.scores(LOGITS).tolist() == scores
    assert resolved.scores_of_rows(0, LOGITS, 3).shape == (3,)


def test_rows_are_scored_by_the_target_of_one_image() -> None:
    for target in ([2, 0, 3], [second, lambda row: row[0], lambda row: row[3]]):
        resolved = resolve(target, LOGITS, 3)
        assert resolved.scores_of_rows(1, LOGITS, 3).tolist() == LOGITS[:, 0].tolist()
        assert resolved.scores_of_rows(2, LOGITS[:2], 2).tolist() == LOGITS[:2, 3].tolist()


def test_an_explanation_keeps_callables_as_its_target() -> None:
    model = net()
    assert explain(model, second).target == [second] * 3
    assert explain(model, [1, second, 1]).target[1] is second
    assert explain(model, second).describe(0).startswith("second ")
    assert explain(model, lambda row: row[1]).logits.shape == (3, 4)


def test_probabilities_are_of_the_same_classes() -> None:
    probabilities = resolve([1, 0, 3], LOGITS, 3).of_probabilities()
    expected = LOGITS.softmax(1)[[0, 1, 2], [1, 0, 3]]
    assert torch.allclose(probabilities.scores(LOGITS), expected)
    of_one = resolve(1, LOGITS[:, :1], 3).of_probabilities()
    assert torch.allclose(of_one.scores(LOGITS[:, :1]), LOGITS[:, 0].sigmoid())


def test_the_best_classes_of_each_image_come_best_first() -> None:
    first, second_best, third = (resolve(rank, LOGITS, 3).classes.tolist() for rank in top(3))
    assert first == resolve(None, LOGITS, 3).classes.tolist() == [1, 0, 0]
    assert [second_best, third] == [[3, 3, 3], [0, 2, 2]]
    with pytest.raises(TargetError, match="asked for the 5 best classes of a model with 4"):
        resolve(top(5)[4], LOGITS, 3)


# One logit


def test_one_logit_has_two_classes() -> None:
    logit = torch.tensor([[2.0], [-3.0], [0.5]])
    assert resolve(None, logit, 3).classes.tolist() == [1, 0, 1]
    assert resolve(1, logit, 3).scores(logit).tolist() == [2.0, -3.0, 0.5]
    assert resolve(0, logit, 3).scores(logit).tolist() == [-2.0, 3.0, -0.5]
    assert resolve([0, 1, 0], logit, 3).scores_of_rows(0, logit, 3).tolist() == [-2.0, 3.0, -0.5]
    assert ClassifierOutputTarget(0)(logit[0]).item() == -2.0


def test_scores_without_an_axis_for_classes_are_one_logit_for_each_image() -> None:
    logit = torch.tensor([2.0, -3.0, 0.5])
    assert resolve(None, logit, 3).classes.tolist() == [1, 0, 1]
    assert resolve(0, logit, 3).scores(logit).tolist() == [-2.0, 3.0, -0.5]
    assert resolve([0, second, 1], logit, 3).functions[0](logit[0]).item() == -2.0


@pytest.mark.parametrize("method", SIX)
def test_a_model_without_that_axis_is_explained_as_one_that_has_it(method: str) -> None:
    plain, flat = net(classes=1), net(lambda logits: logits.squeeze(), classes=1)
    flat.load_state_dict(plain.state_dict())
    for count in (1, 3):
        images = torch.randn(count, 3, 6, 6)
        torch.manual_seed(0)
        expected = camkit.explain(plain, images, method, layer="0")
        torch.manual_seed(0)
        got = camkit.explain(flat, images, method, layer="0")
        torch.testing.assert_close(got.cam, expected.cam)
        assert torch.equal(got.logits, expected.logits)


# Outputs


class Named(NamedTuple):
    """A named tuple with logits in one of its fields."""

    features: Tensor
    logits: Tensor


@dataclass
class Holding:
    """An object with one tensor."""

    scores: Tensor
    loss: Tensor | None = None


@pytest.mark.parametrize(
    "output",
    [LOGITS, {"logits": LOGITS}, {"out": LOGITS}, {"any": LOGITS}, {"out": 0, "logits": LOGITS},
     Named(LOGITS[:, :1], LOGITS), (LOGITS, None), {"y": LOGITS, "loss": None}, [[LOGITS]],
     {"y": LOGITS, "loss": torch.tensor(2.0)}, (LOGITS.argmax(1), LOGITS), Holding(LOGITS),
     (LOGITS.softmax(1), LOGITS), [LOGITS, LOGITS.sigmoid()]],
    ids=["tensor", "logits", "out", "the only one", "logits before out", "named tuple",
         "beside None", "beside no loss", "nested", "beside a loss", "beside integers", "object",
         "beside its softmax", "beside its sigmoid"],
)  # fmt: skip
def test_class_scores_are_what_the_output_calls_logits(output: Any) -> None:
    assert class_logits(output) is LOGITS
    assert found_logits(output) is not None
    assert ClassifierOutputTarget(1)(
        LOGITS[0] if isinstance(output, Tensor) else {"logits": LOGITS[0]}
    ) == pytest.approx(3.0)


@pytest.mark.parametrize(
    ("output", "outline"),
    [
        (torch.zeros(3, 4, 5, 5), r"a tensor \(3, 4, 5, 5\)"),
        ({"pred": LOGITS, "box": LOGITS[:2]}, r"a dict with keys pred.*\(3, 4\).*box.*\(2, 4\)"),
        ({"logits": torch.zeros(3, 4, 5)}, r"a dict with keys logits.*\(3, 4, 5\)"),
        ((LOGITS, LOGITS[:, :2]), r"a tuple with tensors \(3, 4\), \(3, 2\)"),
        ([LOGITS, [LOGITS.clone()]], r"a list with tensors \(3, 4\)"),
        ((LOGITS, LOGITS.relu()), r"a tuple with tensors \(3, 4\), \(3, 4\)"),
        (None, "a NoneType with tensors none"),
        (7, "a int with tensors none"),
    ],
    ids=["dense", "dict", "dict with dense logits", "tuple", "list", "of one shape", "None", "int"],
)  # fmt: skip
@pytest.mark.parametrize("target", [None, 1, [1, 2, 3]], ids=["None", "class", "classes"])
def test_an_output_without_class_scores_is_never_guessed_at(
    output: Any, outline: str, target: Any
) -> None:
    advice = r".*; say what to explain with (output=|target=|a model that returns its scores)"
    with pytest.raises(
        TargetError,
        match=r"^expected class scores \(N, K\) from the model, got " + outline + advice,
    ):
        resolve(target, output, 3)
    assert found_logits(output) is None


@pytest.mark.parametrize("method", SIX)
def test_a_tuple_is_explained_by_a_callable_alone(method: str) -> None:
    model = net(lambda logits: (logits, logits.sum(1)))
    with pytest.raises(TargetError, match=r"got a tuple with tensors \(3, 4\), \(3,\); say what"):
        explain(model, 1, method)
    explanation = explain(model, lambda output: output[0][1], method)
    assert explanation.logits is None
    assert explanation.cam.isfinite().all()
