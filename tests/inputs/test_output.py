"""`output=`: which part of what a model returns is explained."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

import camkit_core as camkit
from camkit_core import TargetError
from helpers.class_scores import SIX, net

IMAGES = torch.randn(3, 3, 6, 6, generator=torch.manual_seed(0))


class Pair(NamedTuple):
    """A named tuple of two heads."""

    main: Tensor
    side: Tensor


@dataclass
class Heads:
    """An object with two heads."""

    main: Tensor
    side: Tensor


@dataclass(slots=True)
class Slotted:
    """The same without a dict of attributes."""

    main: Tensor
    side: Tensor


def _main_in_dict(output: Any) -> Any:
    return output["all"][0]["main"]


WAYS: dict[str, tuple[Callable[[Tensor], Any], Any]] = {
    "key": (lambda main: {"side": -main, "main": main}, "main"),
    "key that is a number": (lambda main: {0: -main, 1: main}, 1),
    "position": (lambda main: (-main, main), 1),
    "position from the end": (lambda main: [-main, main[:, :2], main], -1),
    "field": (lambda main: Pair(main, -main), "main"),
    "position of a field": (lambda main: Pair(main, -main), 0),
    "attribute": (lambda main: Heads(main, -main), "main"),
    "attribute in a slot": (lambda main: Slotted(main, -main), "main"),
    "function": (lambda main: {"all": [{"main": main}, -main]}, _main_in_dict),
    "last of several steps": (lambda main: torch.stack([-main, main]), lambda output: output[-1]),
}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(
    "target", [None, 2, lambda logits: logits[1] - logits[0]], ids=["none", "class", "callable"]
)
def test_a_part_is_explained_as_if_the_model_returned_it_alone(way: str, target: Any) -> None:
    wrap, part = WAYS[way]
    model = net()
    wrapped = net(wrap)
    wrapped.load_state_dict(model.state_dict())
    plain = camkit.explain(model, IMAGES, target=target)
    read = camkit.explain(wrapped, IMAGES, target=target, output=part)
    assert read.layer == plain.layer
    assert torch.equal(read.cam, plain.cam)
    assert torch.equal(read.logits, plain.logits)
    if target is None:
        assert torch.equal(read.target, plain.target)


@pytest.mark.parametrize("method", [*SIX, "finercam", "refinecam", "shapleycam", "groupcam"])
def test_every_kind_of_run_reads_the_same_part(method: str) -> None:
    model = net()
    wrapped = net(lambda main: {"side": main.flip(1) ** 2, "main": main})
    wrapped.load_state_dict(model.state_dict())
    torch.manual_seed(0)
    plain = camkit.explain(model, IMAGES, method)
    torch.manual_seed(0)
    read = camkit.explain(wrapped, IMAGES, method, output="main")
    torch.testing.assert_close(read.cam, plain.cam)
    torch.testing.assert_close(read.score, plain.score)


def test_two_parts_of_one_model_are_explained_one_after_the_other() -> None:
    def heads(main: Tensor) -> dict[str, Tensor]:
        return {"side": main.softmax(1).log(), "main": main * 2}

    model = net(heads)
    for part in ("main", "side", "main"):
        alone = net(lambda main, part=part: heads(main)[part])
        alone.load_state_dict(model.state_dict())
        of_part = camkit.explain(model, IMAGES, "scorecam", 1, output=part)
        torch.testing.assert_close(of_part.cam, camkit.explain(alone, IMAGES, "scorecam", 1).cam)


def test_the_caller_counts_more_than_the_adapter() -> None:
    model = net(lambda main: {"side": -main, "main": main})
    adapter = camkit.Adapter(model[0], output=lambda output: output["side"])
    by_adapter = camkit.explain(model, IMAGES, target=1, adapter=adapter)
    by_caller = camkit.explain(model, IMAGES, target=1, adapter=adapter, output="main")
    torch.testing.assert_close(by_adapter.cam, -by_caller.cam)


def test_metrics_read_the_same_part() -> None:
    model = net(lambda main: (main[:, :1] * 0, main))
    comparison = camkit.compare(
        model, IMAGES, ["gradcam"], [1], output=1, metrics=["insertion", "randomisation"]
    )
    assert bool(torch.isfinite(comparison.judgement.measures[0].values).all())


@pytest.mark.parametrize(("part", "said"), [("side", "side"), (_main_in_dict, "_main_in_dict")])
def test_provenance_names_the_part(part: Any, said: str) -> None:
    model = net(lambda main: {"side": main, "all": [{"main": main}]})
    assert said in camkit.explain(model, IMAGES, output=part).provenance["output"]
    assert "output" not in camkit.explain(net(), IMAGES).provenance


@pytest.mark.parametrize(
    ("wrap", "part", "message"),
    [
        (lambda y: {"a": y, "b": y}, "c", r"output='c' is no .* a \(., 4\).*output='a' or out"),
        (lambda y: {"a": y, "b": y}, 0, r"=0 is no part .* keys a \(., 4\), b \(., 4\); pass"),
        (lambda y: (y, y), "a", r"output='a' is no part .* pass output=0 or output=1$"),
        (lambda y: (y, y), "index", r"output='index' is no part"),
        (lambda y: (y, y), 2, r"output=2 is no part"),
        (lambda y: Heads(y, y), "b", r"output='b' .* pass output='main' or output='side'$"),
        (lambda y: y, 0, r"output=0 is no part .* a tensor \(., 4\), which has no parts"),
        (lambda y: y, "logits", r"output='logits' is no part .* a tensor \(., 4\)"),
        (lambda y: y[None], 0, r"pass output=lambda output: output\[0\]$"),
        (lambda y: {"a": y}, lambda o: o["b"], r"failed on what .* a \(., 4\): KeyError: 'b'"),
        (lambda y: y, True, "expected output= as a key"),
        (lambda y: y, 1.5, "expected output= as a key"),
    ],
)  # fmt: skip
def test_a_wrong_part_is_an_error_that_lists_what_there_is(
    wrap: Any, part: Any, message: str
) -> None:
    with pytest.raises(TargetError, match=message):
        camkit.explain(net(wrap), IMAGES, output=part)
