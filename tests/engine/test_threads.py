"""Calls in several threads at once: equal maps, and attention keeps its kernels."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.overrides import handle_torch_function, has_torch_function_unary

import camkit_core as camkit
from helpers.small_cnn import close, pictures, small


@pytest.fixture
def kernels() -> Iterator[Callable[[], list[bool]]]:
    """Which attention kernels the process may use. All are allowed before and after the test."""
    names = ("flash_sdp", "mem_efficient_sdp", "math_sdp")

    def allow_all() -> None:
        for name in names:
            getattr(torch.backends.cuda, f"enable_{name}")(True)

    allow_all()
    yield lambda: [getattr(torch.backends.cuda, f"{name}_enabled")() for name in names]
    allow_all()


def test_two_models_in_two_threads_give_the_maps_they_give_one_after_the_other(
    kernels: Callable[[], list[bool]],
) -> None:
    models, images = [small(), small()], pictures()
    run = partial(camkit.explain, images=images, method="ablationcam", target=1, layer="body")
    expected = [run(model).cam for model in models]
    repeated: dict[int, list[Tensor]] = {0: [], 1: []}

    def work(index: int) -> None:
        for _ in range(5):
            repeated[index].append(run(models[index]).cam)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for index, cams in repeated.items():
        assert [close(cam, expected[index]) for cam in cams] == [True] * 5


class Waiting(nn.Module):
    """Calls `wait` once, in the first tail run, in which the edits are the rows of one batch."""

    def __init__(self, wait: Callable[[], Any]) -> None:
        super().__init__()
        self.layer, self.waits = nn.Conv2d(3, 4, 3), iter([wait])

    def pause(self, features: Tensor) -> Tensor:
        if has_torch_function_unary(features):  # the tape records one call, whatever happens in it
            return handle_torch_function(self.pause, (features,), features)
        if len(features) > 1:
            next(self.waits, bool)()
        return features.sin()

    def forward(self, images: Tensor) -> Tensor:
        return self.pause(self.layer(images)).mean((2, 3))


def test_threads_in_tail_runs_at_once_leave_attention_its_kernels(
    kernels: Callable[[], list[bool]],
) -> None:
    """The first thread leaves while the second thread is still inside."""
    inside, done = threading.Event(), threading.Event()
    images = torch.randn(1, 3, 6, 6)
    run = partial(camkit.explain, images=images, method="ablationcam", target=1, layer="layer")
    second = Waiting(lambda: (inside.set(), done.wait(5)))
    thread = threading.Thread(target=run, args=(second,))
    run(Waiting(lambda: (thread.start(), inside.wait(1))))
    done.set()
    thread.join()
    assert next(second.waits, None) is None
    assert kernels() == [True, True, True]


@pytest.mark.parametrize("method", ["gradcam", "ablationcam", "scorecam"])
def test_a_prediction_in_another_thread_is_never_touched(method: str) -> None:
    """Each method's hooks are in place while the other thread predicts."""
    model, images, other = small(), pictures(), pictures()
    expected = model(other).detach()
    predictions: list[Tensor] = []

    def predict() -> None:
        with torch.no_grad():
            predictions.append(model(other))

    def and_predict(*_: Any) -> None:
        if threading.current_thread() is threading.main_thread():
            thread = threading.Thread(target=predict)
            thread.start()
            thread.join()

    model.stem.register_forward_hook(and_predict)
    cam = camkit.explain(model, images, method, 1, "body").cam
    assert len(predictions) >= 1
    assert all(torch.equal(each, expected) for each in predictions)
    assert not any(each.requires_grad for each in predictions)
    model.stem._forward_hooks.clear()
    assert close(camkit.explain(model, images, method, 1, "body").cam, cam)


def test_two_threads_that_explain_one_model_leave_it_in_its_mode() -> None:
    model, images = small().train(), pictures()
    expected = camkit.explain(model, images, target=1, layer="body").cam
    cams: list[Tensor] = []

    def work() -> None:
        cams.extend(camkit.explain(model, images, target=1, layer="body").cam for _ in range(10))

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(cams) == 20
    assert all(close(cam, expected) for cam in cams)
    assert all(module.training for module in model.modules())
