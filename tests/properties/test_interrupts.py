"""An interrupt, as of Ctrl-C in a notebook, leaves nothing, even at the end of a call."""

from __future__ import annotations

from contextlib import suppress
from itertools import count
from typing import Any

import pytest
import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

import camkit_core as camkit
from camkit_core.forward import random_states, snapshot
from camkit_core.inputs.look import Tables, equal
from helpers.lively import Lively, changes, lived_in
from helpers.lively import snapshot as all_that_is_there


class Counting(Lively):
    """Keeps a number on itself."""

    def __init__(self) -> None:
        super().__init__()
        self.count = 0

    def forward(self, images: Tensor) -> Tensor:
        self.count += 1
        return super().forward(images)


def _cut(*arguments: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    ("room", "name"), [(snapshot, "restore_attributes"), (random_states, "set_numpy_state")]
)
def test_the_end_of_a_call_goes_on_behind_an_interrupt(
    room: Any, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, images = lived_in(Counting()), torch.randn(2, 3, 8, 8)
    camkit.explain(
        model, images, target=0, layer="layer"
    )  # what it remembers takes runs of its own
    before, real, left = all_that_is_there(model, images), getattr(room, name), [0]
    cuts = 0

    def cut_once(*arguments: Any) -> Any:
        left[0] -= 1
        return _cut() if left[0] == 0 else real(*arguments)

    monkeypatch.setattr(room, name, cut_once)
    for left[0] in count(1):
        try:
            camkit.explain(model, images, target=0, layer="layer")
            break
        except KeyboardInterrupt:
            cuts += 1
            assert changes(before, all_that_is_there(model, images)) == []
            assert model.count == 0
    assert cuts


def test_gradients_are_not_left_off(monkeypatch: pytest.MonkeyPatch) -> None:
    class Cut(torch.no_grad):
        def __exit__(self, *arguments: Any) -> None:
            if self.prev:
                _cut()
            super().__exit__(*arguments)

    model = Lively()
    monkeypatch.setattr(torch, "no_grad", Cut)
    with suppress(KeyboardInterrupt):
        camkit.explain(model, torch.randn(2, 3, 8, 8), target=0, layer="layer")
    left_on = torch.is_grad_enabled()
    torch.set_grad_enabled(True)
    assert left_on


def test_no_mode_is_left_that_answers_for_torch(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(TorchFunctionMode, "__exit__", _cut)
    tables = Tables([{"a": torch.ones(1)}])
    with suppress(KeyboardInterrupt):
        assert equal(tables)
    left = torch._C._len_torch_function_stack()
    while torch._C._len_torch_function_stack():
        torch._C._pop_torch_function_stack()
    assert left == 0
