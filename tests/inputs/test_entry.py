"""A model that is called by one of its methods: everything that runs it goes by that method."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core import Adapter, Spec, hookimpl
from camkit_core.plugins import get_registry


class TwoTowers(nn.Module):
    """Embeds images by a method; called itself, it needs something else besides."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(3, 8, 3, padding=1), nn.ReLU())
        self.projection, self.other = nn.Linear(8, 8), nn.Linear(5, 8)
        self.runs = 0

    def embed(self, images: Tensor, scale: float = 1.0) -> dict[str, Tensor]:
        self.runs += 1
        embeds = self.projection(self.body(images).mean((2, 3)))
        return {"embeds": scale * embeds, "rest": images.mean((1, 2, 3))}

    def forward(self, other: Tensor, images: Tensor) -> Tensor:
        return self.embed(images)["embeds"] * self.other(other)


class ImagesAlone(nn.Module):
    """The same towers in a wrapper, as one would write it by hand."""

    def __init__(self, towers: TwoTowers) -> None:
        super().__init__()
        self.towers = towers

    def forward(self, images: Tensor) -> Tensor:
        return self.towers.embed(images)["embeds"]


@pytest.fixture
def towers() -> TwoTowers:
    torch.manual_seed(0)
    return TwoTowers()


IMAGES = torch.randn(5, 3, 12, 10, generator=torch.Generator().manual_seed(1))
METHODS = "gradcam", "hirescam", "scorecam", "ablationcam", "rise", "eigencam", "fullgrad"


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("layer", ["body.1", None])
def test_it_is_as_a_wrapper_that_calls_the_method(
    towers: TwoTowers, method: str, layer: str | None
) -> None:
    module = towers.get_submodule(layer) if layer else None
    options: dict[str, Any] = {"samples": 20} if method == "rise" else {}
    adapter = Adapter(module, entry="embed", output=lambda output: output["embeds"])
    e = camkit.explain(towers, IMAGES, method, target=2, adapter=adapter, **options)
    wrapped = camkit.explain(
        ImagesAlone(towers), IMAGES, method, target=2, layer=f"towers.{e.layer}", **options
    )
    torch.testing.assert_close(e.cam, wrapped.cam)
    torch.testing.assert_close(e.score, wrapped.score)
    assert e.provenance["entry"] == "embed"
    settings: dict[str, Any] = {"adapter": adapter, "layer": e.layer, **options}
    again = camkit.explain(towers, IMAGES, method, target=2, **settings)
    assert torch.equal(again.cam, e.cam)


def test_metrics_and_smoothing_go_by_the_method(towers: TwoTowers) -> None:
    adapter = Adapter(towers.body[1], entry="embed", output=lambda output: output["embeds"])
    settings: dict[str, Any] = {"adapter": adapter, "targets": [2]}
    judged = camkit.compare(towers, IMAGES[:2], ["gradcam"], metrics=["insertion"], **settings)
    assert judged.judgement is not None
    camkit.compare(towers, IMAGES[:2], ["gradcam"], aug_smooth=True, guided=True, **settings)


def test_other_arguments_go_to_the_method(towers: TwoTowers) -> None:
    adapter = Adapter(entry="embed")
    target = camkit.SimilarityTarget(torch.ones(8), key="embeds")
    one = camkit.explain(towers, (IMAGES, 1.0), target=target, adapter=adapter)
    two = camkit.explain(towers, (IMAGES, -1.0), target=target, adapter=adapter)
    torch.testing.assert_close(one.score, -two.score)


def test_the_callers_word_on_the_output_counts(towers: TwoTowers) -> None:
    adapter = Adapter(entry="embed", output=lambda output: output["rest"])
    e = camkit.explain(towers, IMAGES, target=2, adapter=adapter, output="embeds")
    torch.testing.assert_close(e.score, towers.embed(IMAGES)["embeds"][:, 2])


def test_a_method_that_the_model_lacks_is_refused(towers: TwoTowers) -> None:
    with pytest.raises(camkit.LayerError, match="which is no method of it"):
        camkit.explain(towers, IMAGES, target=2, adapter=Adapter(entry="embedd"))


def test_what_is_about_a_layer_needs_one() -> None:
    with pytest.raises(camkit.LayerError, match="reshape= together with the layer"):
        Adapter(reshape=torch.relu)


def test_an_adapter_sees_the_other_arguments_of_the_call(towers: TwoTowers) -> None:
    seen = []

    def adapter(model: TwoTowers, size: tuple[int, ...], call: dict[Any, Any]) -> Adapter | None:
        seen.append((size, call))
        return None if len(call) > 1 else Adapter(model.body[1], entry="embed")

    row = Spec(f"{TwoTowers.__module__}.TwoTowers", adapter)
    plugin = SimpleNamespace(camkit_adapters=hookimpl(lambda: [row]))
    get_registry().register(plugin)
    try:
        camkit.explain(towers, IMAGES, output="embeds", target=1)
        camkit.explain(towers, {"other": torch.ones(5), "images": IMAGES}, target=1)
    finally:
        get_registry().unregister(plugin)
    assert {(size, *call) for size, call in seen} == {
        ((12, 10), "other"),  # images alone, by position
        ((12, 10), "images", "other"),
    }


class Named:
    """A target that a word names, settled on the model."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.asked: list[Any] = []

    def __call__(self, sample: Any) -> Tensor:
        raise AssertionError("it was not settled on the model")

    def of_model(self, model: nn.Module, adapter: Adapter | None) -> int:
        assert not model.training
        assert not torch.is_grad_enabled()
        self.asked.append(adapter)
        return {"dog": 3}[self.name]


def test_a_target_is_settled_on_the_model_once_for_a_call(towers: TwoTowers) -> None:
    dog, model = Named("dog"), ImagesAlone(towers)
    e = camkit.explain(model, IMAGES, target=dog)
    assert e.target.tolist() == [3] * 5
    assert dog.asked == [None]
    assert torch.equal(e.cam, camkit.explain(model, IMAGES, target=3).cam)
    each = camkit.explain(model, IMAGES, target=[1, dog, 1, dog, 1])
    assert each.target.tolist() == [1, 3, 1, 3, 1]
    assert str(camkit.layers(model, IMAGES, target=dog)) == str(
        camkit.layers(model, IMAGES, target=3)
    )
