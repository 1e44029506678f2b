"""Outputs that are probabilities are noticed, and a single one is read as such."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

import camkit_core as camkit
from helpers.class_scores import net

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")
IMAGES = torch.randn(3, 3, 6, 6, generator=torch.manual_seed(0))


def noted(wrap: Callable[[Tensor], Tensor], classes: int = 4) -> bool:
    e = camkit.explain(net(wrap, classes), IMAGES, layer="0")
    return any("like probabilities" in note or "like a probability" in note for note in e.notes)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda y: y.softmax(1),
        torch.sigmoid,
        lambda y: F.hardsigmoid(y, inplace=False),
        lambda y: y.sigmoid().float().clone().clamp(1e-6, 1),
        lambda y: y.softmax(1)[:, :3],
        lambda y: torch.cat([y[:, :2].sigmoid(), y[:, 2:].sigmoid()], 1),
        lambda y: torch.stack([y.softmax(1), y.flip(1).softmax(1)]).mean(0),
        lambda y: y.exp() / y.exp().sum(1, keepdim=True),
    ],
    ids=["softmax", "sigmoid", "hardsigmoid", "sigmoid cast and clamped", "some of a softmax",
         "two sigmoids", "mean of two softmaxes", "softmax by hand"],
)  # fmt: skip
def test_probabilities_are_noticed(wrap: Callable[[Tensor], Tensor]) -> None:
    assert noted(wrap)


@pytest.mark.parametrize(
    "wrap",
    [
        lambda y: y,
        lambda y: y.log_softmax(1),
        lambda y: y.abs() / (y.abs().max() + 1),
        lambda y: y.sigmoid() * 3,
        lambda y: y * torch.sigmoid(y),
        lambda y: (y.sigmoid() + 0.5).log(),
        lambda y: F.normalize(y, dim=1).abs(),
    ],
    ids=["logits", "log_softmax", "logits in 0 to 1", "scaled sigmoid", "swish", "log", "cosines"],
)
def test_other_scores_raise_no_alarm(wrap: Callable[[Tensor], Tensor]) -> None:
    assert not noted(wrap)


SINGLE = {
    "sigmoid": torch.sigmoid,
    "sigmoid without an axis": lambda y: y.sigmoid().squeeze(1),
    "one of a softmax": lambda y: torch.cat([torch.zeros_like(y), y], 1).softmax(1)[:, 1],
    "sigmoid in a dict": lambda y: {"p": y.sigmoid(), "loss": None},
}


@pytest.mark.parametrize("kind", SINGLE)
def test_a_single_probability_is_that_of_class_1_and_the_rest_of_class_0(kind: str) -> None:
    model, plain = net(SINGLE[kind], 1), net(classes=1)
    assert noted(SINGLE[kind], 1)
    for shift, category in ((-5.0, 0), (5.0, 1)):
        with torch.no_grad():
            model[-1].bias.fill_(shift)
        e = camkit.explain(model, IMAGES, layer="0")
        plain.load_state_dict(model.state_dict())
        probability = plain(IMAGES).sigmoid()[:, 0].detach()
        assert e.target.tolist() == [category] * 3
        torch.testing.assert_close(e.score, probability if category else 1 - probability)


@pytest.mark.parametrize("method", ["gradcam", "ablationcam", "scorecam", "finercam"])
def test_a_single_probability_is_explained_as_the_two_that_it_stands_for(method: str) -> None:
    """The same as a network that returns both, for either class."""
    single = net(torch.sigmoid, 1)
    both = net(lambda y: torch.cat([1 - y.sigmoid(), y.sigmoid()], 1), 1)
    both.load_state_dict(single.state_dict())
    for target in (None, 0, 1, [0, 1, 0], [1, camkit.ClassifierOutputTarget(0), 0]):
        torch.manual_seed(0)
        read = camkit.explain(single, IMAGES, method, target, "0")
        torch.manual_seed(0)
        expected = camkit.explain(both, IMAGES, method, target, "0")
        torch.testing.assert_close(read.score, expected.score)
        if method in ("gradcam", "ablationcam"):
            torch.testing.assert_close(read.cam, expected.cam)


def test_a_single_logit_raises_no_alarm() -> None:
    assert not noted(lambda y: y, 1)
    assert not noted(lambda y: y.abs().clamp(0, 1), 1)


def test_the_advice_on_a_tie_works_where_the_scores_are_a_part_of_the_output() -> None:
    model = net(lambda y: {"scores": y * 1e-3, "loss": None})
    e = camkit.explain(model, IMAGES, layer="0")
    note = next(note for note in e.notes if "almost alike" in note)
    target = eval(note.split("target=")[1])
    torch.testing.assert_close(
        camkit.explain(model, IMAGES, target=target, layer="0").score[0],
        e.logits[0].topk(2).values.diff().neg()[0],
    )
