"""A CUDA graph of compiled code gives what the code gives, or is not used."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core.forward.compiled.cuda_graph import CudaGraph, graphed
from camkit_core.testing.networks import conv_net
from helpers.cuda_stand_in import Graph, StandIn, Stream, on_stand_in
from helpers.uncompiled import X, close, explained

on_a_gpu = pytest.mark.skipif(not torch.cuda.is_available(), reason="NOT TESTED: there is no GPU")


@pytest.fixture
def device(monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """A stand-in for a GPU."""
    return on_stand_in(monkeypatch)


def _trunk(*layers: nn.Module, images: Tensor = X) -> Any:
    torch.manual_seed(0)
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(), *layers).to(images.device).eval()
    return torch.export.export(model, (images,)).module()


def _code(trunk: Any) -> Callable[[Tensor], list[Tensor]]:
    """What gives the trunk's result, and the images themselves."""

    def run(images: Tensor) -> list[Tensor]:
        with torch.no_grad():
            return [trunk(images), images]

    return run


def _graph(images: Tensor = X) -> tuple[Any, Any]:
    trunk = _trunk(images=images)
    graph, why = graphed(_code(trunk), trunk, images)
    assert not why
    assert isinstance(graph, CudaGraph)
    return graph, _code(trunk)


def _same(found: Any, expected: Any) -> None:
    torch.testing.assert_close(list(found), list(expected), rtol=0, atol=0)


class TestWhatAGraphGives:
    """Of other images than it was made with, in later calls, on other streams."""

    def test_it_is_what_the_code_gives(self, device: StandIn) -> None:
        graph, run = _graph()
        for images in (X + 1, X * 3):
            _same(graph(images), run(images))

    def test_the_next_call_does_not_write_over_it(self, device: StandIn) -> None:
        graph, run = _graph()
        first = graph(X + 1)
        graph(X * 3)
        _same(first, run(X + 1))

    def test_images_are_left_as_they_are(self, device: StandIn) -> None:
        graph, images = _graph()[0], X.clone()
        graph(images)[1].zero_()
        _same([images], [X])

    def test_a_call_comes_after_the_copies_of_the_call_before(self, device: StandIn) -> None:
        graph = _graph()[0]
        device.log.clear()
        with device.stream(Stream("first", device.log)):
            graph(X)
        with device.stream(Stream("second", device.log)):
            graph(X)
        assert device.log == ["first waits for usual", "second waits for first"]

    def test_with_other_settings_of_convolutions_the_code_runs_itself(
        self, device: StandIn, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        graph, run = _graph()
        monkeypatch.setattr(Graph, "replay", lambda self: pytest.fail("replayed"))
        with torch.backends.cudnn.flags(deterministic=True):
            _same(graph(X), run(X))


class TestWhatIsNoGraph:
    """The code is then used as it is, and why is said."""

    def _why(self, *layers: nn.Module) -> str:
        trunk = _trunk(*layers)
        run = _code(trunk)
        found, why = graphed(run, trunk, X)
        assert found is run
        return why

    def test_a_capture_that_fails(self, device: StandIn) -> None:
        device.broken = "operation not permitted when stream is capturing"
        assert "not permitted" in self._why()
        assert device.current.name == "usual"

    def test_other_values(self, device: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(Graph, "replay", lambda self: None)
        assert "other values" in self._why()

    def test_a_value_that_the_host_read_of_the_example(self, device: StandIn) -> None:
        def run(images: Tensor) -> list[Tensor]:
            return [images * float(images.sum())]

        assert graphed(run, _trunk(), X)[1].startswith("it gave other values")

    def test_matrix_products(self, device: StandIn) -> None:
        assert "this calls linear" in self._why(nn.Flatten(), nn.Linear(784, 2))
        assert not device.graphs

    def test_without_a_gpu(self) -> None:
        assert self._why() == "the images are on cpu, not on a CUDA device of NVIDIA"

    def test_where_the_compiler_tries_matrix_products(self, device: StandIn) -> None:
        with torch._inductor.config.patch(max_autotune=True):
            assert "matrix products" in self._why()


def _prepared(model: Any) -> Any:
    return camkit.prepare(model, X, "gradcam", 1, model.layer, compile="cuda_graph")


class TestExplainers:
    """Made with compile="cuda_graph"."""

    def test_maps_are_the_eager_ones(self, uncompiled: list[Any], device: StandIn) -> None:
        model: Any = conv_net()
        explainer = _prepared(model)
        for images in (X, X.flip(0), X):
            e = explainer(images)
            close(e.cam, explained(model, images=images).cam)
            assert e.provenance["compiled"]["cuda_graph"] is True

    def test_all_calls_give_the_same_bits(self, uncompiled: list[Any], device: StandIn) -> None:
        explainer = _prepared(conv_net())
        first = explainer(X)
        explainer(X.flip(0))
        assert torch.equal(first.cam, explainer(X).cam)

    def test_a_model_that_changed_has_a_graph_anew(
        self, uncompiled: list[Any], device: StandIn
    ) -> None:
        model: Any = conv_net()
        explainer = _prepared(model)
        with torch.no_grad():
            model.stem[0].weight.mul_(2)
        close(explainer(X).cam, explained(model).cam)
        assert len(device.graphs) == 2

    def test_without_one_they_say_why(self, uncompiled: list[Any]) -> None:
        with pytest.warns(camkit.CamkitWarning, match="no CUDA graph: the images are on cpu"):
            explainer = _prepared(conv_net())
        e = explainer(X)
        assert "no CUDA graph" in e.notes[-1]
        assert "on cpu" in e.provenance["compiled"]["cuda_graph"]


@on_a_gpu
def test_on_a_gpu_replays_give_what_the_code_gives() -> None:
    images = X.cuda()
    graph, run = _graph(images)
    first, own = graph(images + 1), torch.cuda.Stream()
    with torch.cuda.stream(own):
        second = graph(images * 3)
    torch.cuda.synchronize()
    _same(first, run(images + 1))
    _same(second, run(images * 3))


@on_a_gpu
def test_on_a_gpu_explainers_explain_as_eager_ones_do() -> None:
    model: Any = conv_net().cuda()
    for convolution in (model.stem[0], model.layer):
        convolution.padding_mode = "zeros"  # torch 2.14 does not fold others
    images = X.cuda()
    explainer = camkit.prepare(model, images, "gradcam", 1, model.layer, compile="cuda_graph")
    for given in (images, images.flip(0)):
        e = explainer(given)
        close(e.cam, explained(model, images=given).cam)
        assert e.provenance["compiled"]["cuda_graph"] is True
