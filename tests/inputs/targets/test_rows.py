"""One row of output for each image: other numbers are refused, and the advice works."""

from __future__ import annotations

import re
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core import TargetError
from helpers.class_scores import SIX

IMAGES = torch.randn(4, 3, 8, 8, generator=torch.manual_seed(3))
TARGETS = [None, 1, [1, 2, 0, 1], lambda row: row[..., 1].sum(), camkit.top(2)[1]]
NAMES = ["top", "class", "list", "callable", "rank"]


class Rows(nn.Module):
    """Class scores at each place, changed by a function; `f` is the target layer."""

    def __init__(self, change: Any) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.f, self.head, self.change = nn.Conv2d(3, 4, 3, stride=2), nn.Linear(4, 3), change

    def forward(self, images: Tensor) -> Any:
        places = self.f(images).relu().flatten(2).transpose(1, 2)
        return self.change(self.head(places))  # of (N, 9, 3)


def explain(change: Any, target: Any, method: str = "gradcam", count: int = 4, **more: Any) -> Any:
    return camkit.explain(Rows(change).eval(), IMAGES[:count], method, target, "f", **more)


def flattened(scores: Tensor) -> Tensor:
    return scores.flatten(0, 1)


@pytest.mark.parametrize("target", TARGETS, ids=NAMES)
@pytest.mark.parametrize("method", SIX)
def test_rows_of_places_are_refused_with_the_counts_whatever_the_method(
    method: str, target: Any
) -> None:
    with pytest.raises(TargetError, match=r"^the model gave 36 rows for 4 images"):
        explain(flattened, target, method)


@pytest.mark.parametrize("target", TARGETS, ids=NAMES)
@pytest.mark.parametrize(
    ("change", "given"),
    [
        (lambda scores: scores.mean((0, 1))[None], "1 row for 4 images"),
        (lambda scores: scores.mean(1)[:3], "3 rows for 4 images"),
        (lambda scores: torch.cat([scores[:, 0], scores[:, 1]]), "8 rows for 4 images"),
        (lambda scores: {"logits": scores.flatten(0, 1)}, "36 rows for 4 images"),
        (lambda scores: (scores.flatten(0, 1),), "36 rows for 4 images"),
    ],
    ids=["a bag", "fewer", "halves", "dict", "tuple"],
)
def test_more_and_fewer_rows_are_refused(change: Any, given: str, target: Any) -> None:
    if callable(target):
        target = lambda row: row[0].sum()  # noqa: E731
    with pytest.raises(TargetError, match=f"^the model gave {given}"):
        explain(change, target)


@pytest.mark.parametrize("target", [None, 1, [1]], ids=["top", "class", "list"])
def test_a_class_of_one_image_with_many_rows_is_refused(target: Any) -> None:
    with pytest.raises(TargetError, match=r"^the model gave 9 rows for 1 image,"):
        explain(flattened, target, count=1)


def test_all_rows_of_a_single_image_are_given_to_a_callable() -> None:
    asked = explain(flattened, lambda rows: rows[:, 1].mean(), count=1)
    plain = explain(lambda scores: scores.mean(1), 1, count=1)
    assert torch.allclose(asked.cam, plain.cam)


def test_a_tensor_without_the_images_rows_is_no_fault_beside_one_with_them() -> None:
    change = lambda scores: {"logits": scores.mean(1), "texts": torch.ones(7, 3)}  # noqa: E731
    both = explain(change, lambda output: (output["logits"] * output["texts"][0]).sum())
    plain = explain(lambda scores: scores.mean(1), lambda row: row.sum())
    assert torch.allclose(both.cam, plain.cam)


def test_a_list_of_another_number_of_samples_is_refused() -> None:
    change = lambda scores: [{"scores": row} for row in scores[:3]]  # noqa: E731
    with pytest.raises(TargetError, match=r"^the model gave the results of 3 images for 4 images"):
        explain(change, lambda sample: sample["scores"].sum())


@pytest.mark.parametrize(
    "change",
    [
        flattened,
        lambda scores: {"logits": scores.flatten(0, 1)},
        lambda scores: (scores.flatten(0, 1),),
        lambda scores: scores.transpose(0, 1),
    ],
    ids=["tensor", "dict", "tuple", "axis"],
)
@pytest.mark.parametrize("count", [1, 4])
def test_the_advice_works_when_followed(change: Any, count: int) -> None:
    several = change(torch.ones(4, 9, 3))
    target = 1 if not isinstance(several, Tensor) or several.ndim == 2 else lambda r: r[:, 1].mean()
    with pytest.raises(TargetError) as caught:
        explain(change, target, count=4)
    found = re.search(r"output=(lambda .*)$", str(caught.value))
    assert found
    followed = explain(change, target, count=count, output=eval(found[1]))
    plain = explain(lambda scores: scores.mean(1), 1, count=count)
    assert torch.allclose(followed.cam, plain.cam, atol=1e-6)
