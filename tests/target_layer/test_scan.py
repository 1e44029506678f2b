"""The scan for candidates: how many passes it takes, and what decides without a gradient."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core.forward.untouched import untouched
from camkit_core.inputs.prepare import Inputs
from camkit_core.target_layer.automatic import automatic
from camkit_core.target_layer.search.search import search
from helpers.patches import Patches, chosen_layer

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")


def test_on_the_meta_device_shapes_decide() -> None:
    model = Patches().to("meta").eval()
    chosen = search(Inputs(model, torch.zeros(1, 3, 16, 24, device="meta"))).choice
    assert chosen is not None
    assert (str(chosen), chosen.reach) == ("blocks.1.norm1", None)


def test_maps_of_the_classes_are_known_by_their_number_where_there_are_no_values() -> None:
    layers = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 5, 1)
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()).to("meta")
    chosen = search(Inputs(model, torch.zeros(1, 3, 12, 12, device="meta"))).choice
    assert chosen is not None
    assert str(chosen) == "1"


def test_a_search_that_finds_nothing_is_one_pass_too() -> None:
    runs = []
    model = nn.Sequential(nn.Flatten(), nn.Linear(48, 3))
    model.register_forward_pre_hook(lambda module, args: runs.append(len(args[0])))
    with pytest.raises(camkit.NoAdapter):
        camkit.explain(model.eval(), torch.randn(2, 3, 4, 4))
    assert runs == [1]


def test_the_search_is_one_backward_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    real = torch.autograd.grad
    monkeypatch.setattr(torch.autograd, "grad", lambda *a, **k: calls.append(1) or real(*a, **k))
    model = Patches().eval()
    for expected in (4, 5):  # of the first, two prove which rows are needed behind the layer
        camkit.explain(model, torch.randn(1, 3, 16, 24))
        assert len(calls) == expected


def test_behind_a_head_of_zeros_the_shapes_decide() -> None:
    model = Patches()
    nn.init.zeros_(model.head.weight)
    assert chosen_layer(model, 16, 24) == ("blocks.1.norm1", "NLC 1 + 4x6")


def test_where_memory_does_not_allow_a_graph_the_shapes_decide(monkeypatch: Any) -> None:
    model, images = Patches().eval(), torch.randn(1, 3, 16, 24)
    expected = camkit.explain(Patches().eval(), images)

    def refuse(*_: Any, **__: Any) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 GB")

    with monkeypatch.context() as patch:
        patch.setattr("camkit_core.target_layer.search.scan.torch.autograd.grad", refuse)
        with untouched(model):
            choice = automatic(Inputs(model, images), [None])
        adapter, why = choice.adapter(model), choice.reason
    explanation = camkit.explain(model, images, adapter=adapter)
    assert "by its shape alone" in why
    assert (explanation.layer, explanation.cam.tolist()) == (expected.layer, expected.cam.tolist())


def test_any_other_error_of_the_search_is_passed_on(monkeypatch: Any) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise RuntimeError("no kernel")

    monkeypatch.setattr("camkit_core.target_layer.search.scan.torch.autograd.grad", refuse)
    with pytest.raises(RuntimeError, match="no kernel"):
        camkit.explain(Patches(), torch.randn(1, 3, 16, 24))


def test_without_values_channels_as_many_as_an_embedding_are_no_classes() -> None:
    """A model without a classifier gives as many numbers as each of its layers has channels."""
    with torch.device("meta"):
        model = Patches(prefix=0)
        model.head = nn.Identity()
        model.forward = lambda x: model.norm(walked(model, x)).mean(1)  # type: ignore[method-assign]
        chosen = search(Inputs(model, torch.zeros(1, 3, 16, 24))).choice
        assert chosen is not None
        assert str(chosen) == "norm"


def walked(model: Any, images: Tensor) -> Tensor:
    x = model.embed(images).flatten(2).transpose(1, 2)
    for block in model.blocks:
        x = block(x)
    return x
