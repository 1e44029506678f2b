"""One thread at a time works with a module, whatever models it is a part of."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core.errors import CamkitError, RunError
from camkit_core.inputs.in_use import _taken, in_use
from helpers.at_once import at_once
from helpers.small_cnn import Small, pictures, small


class Doubled(nn.Module):
    """A model around a model, which it shares with others."""

    def __init__(self, inner: nn.Module, head: nn.Module | None = None) -> None:
        super().__init__()
        self.inner, self.head = inner, head or nn.Identity()

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.inner(images) * 2)


def _reached(model: nn.Module, other: Any, seconds: float) -> bool:
    """Whether another thread can use a model within some time, while this one uses `other`."""
    inside = threading.Event()

    def use() -> None:
        with in_use(model):
            inside.set()

    thread = threading.Thread(target=use, daemon=True)
    with in_use(other):
        thread.start()
        reached = inside.wait(seconds)
    thread.join(10)
    assert inside.is_set()
    return reached


def _parallel(model: Small) -> nn.Module:
    return nn.DataParallel(model)


def _compiled(model: Small) -> Any:
    return torch.compile(model, backend="eager")


@pytest.mark.parametrize("wrap", [lambda model: model.body, Doubled, _parallel, _compiled])
@pytest.mark.parametrize("turned", [False, True])
def test_models_that_share_a_module_are_used_one_after_the_other(
    wrap: Callable[[Small], Any], turned: bool
) -> None:
    model = small()
    pair = (wrap(model), model) if turned else (model, wrap(model))
    assert not _reached(*pair, 0.05)


def test_models_that_share_nothing_are_used_at_once() -> None:
    assert _reached(small(), small(), 10)


def test_heads_on_one_backbone_have_their_own_maps_in_threads() -> None:
    backbone, images = small().train(), pictures()
    models = [Doubled(backbone).train(), Doubled(backbone, nn.Tanh()).train()]
    explain = partial(camkit.explain, images=images, method="scorecam", target=1)
    expected = [explain(model, layer="inner.body").cam for model in models]

    def repeat(index: int) -> list[bool]:
        cams = [explain(models[index], layer="inner.body").cam for _ in range(5)]
        return [torch.equal(cam, expected[index]) for cam in cams]

    assert at_once([partial(repeat, index) for index in (0, 1, 0, 1)]) == [[True] * 5] * 4
    assert all(module.training for model in models for module in model.modules())


def test_a_target_may_explain_the_same_model() -> None:
    model, images = small().train(), pictures()
    plain = camkit.explain(model, images, target=1, layer="body").cam
    inner: list[Tensor] = []

    def target(output: Tensor) -> Tensor:
        inner.append(camkit.explain(model, images, target=1, layer="body").cam)
        return output[1]

    outer = camkit.explain(model, images, target=target, layer="body").cam
    assert torch.equal(outer, plain)
    assert inner
    assert all(torch.equal(cam, plain) for cam in inner)
    assert all(module.training for module in model.modules())


def test_threads_that_would_wait_for_each_other_are_told() -> None:
    models, both = [small(), small()], threading.Barrier(2)

    def use_both(first: nn.Module, second: nn.Module) -> str:
        with in_use(first):
            both.wait(10)
            with in_use(second):
                return "done"

    results = at_once([partial(use_both, *models), partial(use_both, *models[::-1])], 20)
    (error,) = [result for result in results if result != "done"]
    assert isinstance(error, CamkitError)
    assert "both would wait" in str(error)


def test_threads_that_would_wait_in_a_circle_of_three_are_told() -> None:
    models, all_three = [small(), small(), small()], threading.Barrier(3)

    def use_both(index: int) -> str:
        with in_use(models[index]):
            all_three.wait(10)
            with in_use(models[(index + 1) % 3]):
                return "done"

    results = at_once([partial(use_both, index) for index in range(3)], 20)
    assert sorted(map(str, map(type, results))) == sorted(map(str, [RunError, str, str]))


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, SystemExit])
def test_nothing_stays_in_use_after_an_error(error: type[BaseException]) -> None:
    model, images = small().train(), pictures()

    def fails(_: Tensor) -> Tensor:
        raise error("of the user's")

    explain = partial(camkit.explain, model, images, layer="body")
    (raised,) = at_once([partial(explain, target=fails)])
    assert type(raised) is error
    assert all(module.training for module in model.modules())
    assert explain(target=1).cam.shape[0] == len(images)


def test_a_call_that_is_cut_off_before_it_can_say_so_holds_nothing() -> None:
    model, images = small(), pictures()
    at_once([partial(_taken, model)])  # as by an interrupt between two lines
    (explanation,) = at_once([partial(camkit.explain, model, images, target=1, layer="body")], 20)
    assert len(explanation.cam) == len(images)


def test_tasks_of_an_event_loop_explain_one_model() -> None:
    model, images = small(), pictures()
    explain = partial(camkit.explain, model, images, "ablationcam", 1, "body")
    expected = explain().cam

    async def all_of_them() -> list[Any]:
        return await asyncio.gather(*(asyncio.to_thread(explain) for _ in range(6)))

    assert all(torch.equal(each.cam, expected) for each in asyncio.run(all_of_them()))


def test_a_process_forked_meanwhile_does_not_wait_for_threads_it_lacks() -> None:
    model = small()
    inside, done = threading.Event(), threading.Event()

    def use() -> None:
        with in_use(model):
            inside.set()
            done.wait(20)

    thread = threading.Thread(target=use, daemon=True)
    thread.start()
    inside.wait(10)
    child = os.fork()
    if not child:
        os._exit(_uses_within(model, 10))
    done.set()
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    thread.join(10)


def _uses_within(model: nn.Module, seconds: float) -> int:
    def use() -> int:
        with in_use(model):
            return 7

    (code,) = at_once([use], seconds)
    return code if code == 7 else 1
