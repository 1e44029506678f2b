"""Wrong targets, and what is said about them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

import camkit_core as camkit
from camkit_core import ClassifierOutputTarget, TargetError
from camkit_core.errors import shown
from camkit_core.inputs.targets.resolve import resolve
from helpers.class_scores import LOGITS, SIX, explain, net, second


@pytest.mark.parametrize("count", [0, 1, 2, 4])
@pytest.mark.parametrize("target", [1, second], ids=["classes", "callables"])
@pytest.mark.parametrize("kind", [list, tuple])
def test_a_wrong_number_of_targets_is_an_error_never_a_truncation(
    count: int, target: Any, kind: Any
) -> None:
    with pytest.raises(
        TargetError,
        match=f"^got {count} targets for 3 images; pass one for each image, or a single",
    ):
        resolve(kind([target] * count), LOGITS, 3)


@pytest.mark.parametrize("target", [torch.tensor([1, 2]), np.array([1, 2]), range(2)], ids=repr)
def test_a_wrong_number_is_an_error_in_arrays_too(target: Any) -> None:
    with pytest.raises(TargetError, match=r"^got 2 targets for 3 images"):
        resolve(target, LOGITS, 3)


@pytest.mark.parametrize("wrong", [4, -1, 1000])
@pytest.mark.parametrize(
    "form",
    [int, lambda k: [0, k, 0], lambda k: torch.tensor([0, 1, k]), ClassifierOutputTarget],
    ids=["one", "list", "tensor", "object"],
)
def test_a_class_the_model_does_not_have_is_an_error(wrong: int, form: Any) -> None:
    with pytest.raises(
        TargetError, match=f"^target {wrong} is out of range: the model has 4 classes, 0 to 3"
    ):
        resolve(form(wrong), LOGITS, 3)


def test_a_class_out_of_range_next_to_callables_is_an_error() -> None:
    resolved = resolve([second, 7, second], LOGITS, 3)
    with pytest.raises(TargetError, match=r"^target 7 is out of range: the model has 4 classes"):
        resolved.scores(LOGITS)


def test_of_one_logit_there_is_no_class_2() -> None:
    with pytest.raises(TargetError, match=r"^target 2 is out of range: the model has 2 classes"):
        resolve(2, LOGITS[:, :1], 3)


@pytest.mark.parametrize(
    "target",
    ["pug", 1.0, True, {1, 2, 3}, {"class": 1}, object(), torch.tensor(1.0), np.float32(1)],
)
def test_what_is_no_target_at_all_is_an_error_that_shows_it(target: Any) -> None:
    with pytest.raises(
        TargetError, match=r"^(expected a target that is None|expected a class index or)"
    ) as caught:
        resolve(target, LOGITS, 3)
    assert shown(target) in str(caught.value) or "tensor(1.)" in str(caught.value)


@pytest.mark.parametrize(
    ("target", "advice"),
    [("7", "the class with that number is target=7"), ("pug", r"camkit_core\.load_model")],
)
def test_words_are_told_what_reads_them(target: str, advice: str) -> None:
    for each in (target, [1, 2, target]):
        with pytest.raises(TargetError, match=f"got '{target}'; .*{advice}"):
            resolve(each, LOGITS, 3)


@pytest.mark.parametrize(
    "target",
    [[1, 2, "pug"], [1, 2, 0.5], [1, 2, True], [1, 2, None], [1, 2, [3]], torch.tensor([1.0, 2, 3]),
     np.array([1.0, 2, 3]), torch.tensor([[1, 2], [3, 0], [1, 1]])],
    ids=["name", "float", "bool", "None", "nested", "float tensor", "float array", "one-hot"],
)  # fmt: skip
def test_one_wrong_target_among_several_is_an_error(target: Any) -> None:
    with pytest.raises(TargetError, match=r"^expected a class index or a callable as target, got "):
        resolve(target, LOGITS, 3)


@pytest.mark.parametrize(
    ("target", "given"),
    [
        (lambda row: 1.5, "float"),
        (lambda row: None, "NoneType"),
        (lambda row: row, r"\(4,\)"),
        (lambda row: row[:0], r"\(0,\)"),
        (lambda row: row.tolist(), "list"),
    ],
    ids=["number", "None", "vector", "empty", "list"],
)
@pytest.mark.parametrize("method", SIX)
def test_a_callable_must_give_a_scalar_tensor(target: Any, given: str, method: str) -> None:
    with pytest.raises(
        TargetError,
        match=f"^the target of image 0 gave {given}; expected a scalar tensor, e.g. target=lambda",
    ):
        explain(net(), target, method)


def test_a_target_that_does_not_depend_on_the_model_is_an_error() -> None:
    for constant in (lambda row: torch.tensor(1.0), lambda row: row.detach()[1]):
        with pytest.raises(camkit.CamkitError, match="the score has no gradient at layer '0'"):
            explain(net(), constant)


def test_class_probabilities_are_not_asked_of_callables() -> None:
    with pytest.raises(
        TargetError, match=r"^class probabilities need class targets, got callables; pass class ind"
    ):
        camkit.explain(net(), torch.randn(1, 3, 6, 6), "scorecam", second, "0", variant="official")


def test_errors_of_targets_come_from_explain_as_they_are() -> None:
    for target in (9, [1], "pug", [1.5, 1, 1]):
        with pytest.raises(TargetError):
            explain(net(), target)


@pytest.mark.parametrize("layout", ["sparse", "meta"])
def test_a_tensor_whose_values_cannot_be_read_is_no_target(layout: str) -> None:
    values = torch.tensor([1.0, 2.0, 0.0])
    target = values.to_sparse() if layout == "sparse" else values.to("meta")
    with pytest.raises(TargetError, match=r"^expected a class index or a callable as target, got "):
        resolve(target, LOGITS, 3)
