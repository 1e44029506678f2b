"""Models that take their images in patches: the adapter says how these are pictures."""

from __future__ import annotations

from collections import UserDict
from collections.abc import Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn.functional import fold, unfold

import camkit_core as camkit
from camkit_core import Adapter, InputError, LayerError, Pictures, Spec, hookimpl
from camkit_core.plugins import get_registry
from camkit_core.testing import check_adapter

SIDE = 4


class Patched(nn.Module):
    """Patches (N * h * w, 3 * 4 * 4) of images, and how many rows and columns of them there are."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.head = nn.Linear(3 * SIDE**2, 8), nn.Linear(8, 5)

    def forward(self, pixel_values: Tensor, grid: Tensor) -> Tensor:
        tokens = self.embed(pixel_values).relu()
        sums = tokens.unflatten(0, (len(grid), -1)).square().mean(1)
        return self.head(sums)


class Two(nn.Module):
    def forward(self, images: Tensor, grid: Tensor, flag: bool = False) -> Tensor:
        return images.mean((2, 3)) * grid.sum()


def patches(pictures: Tensor) -> Tensor:
    return unfold(pictures, SIDE, stride=SIDE).transpose(1, 2).flatten(0, 1)


def call(pictures: Tensor) -> dict[str, Tensor]:
    sides = [side // SIDE for side in pictures.shape[2:]]
    return {"pixel_values": patches(pictures), "grid": torch.tensor([sides] * len(pictures))}


def adapter(model: Any, image_size: tuple[int, ...], call: Any) -> Adapter:
    height, width = call["grid"][0].tolist()
    assert image_size == ()

    def read(pixels: Tensor) -> Tensor:
        rows = pixels.unflatten(0, (-1, height * width)).transpose(1, 2)
        return fold(rows, (height * SIDE, width * SIDE), SIDE, stride=SIDE)

    def grid(tokens: Tensor) -> Tensor:
        return tokens.unflatten(0, (-1, height, width)).movedim(-1, 1)

    return Adapter(model.embed, grid, pictures=Pictures(read, lambda rows, images: patches(rows)))


class Plugin:
    @hookimpl
    def camkit_adapters(self) -> list[Spec]:
        return [Spec(f"{Patched.__module__}.Patched", adapter, "patches")]


@pytest.fixture
def model() -> Iterator[nn.Module]:
    torch.manual_seed(0)
    plugin = Plugin()
    get_registry().register(plugin, "patched")
    yield Patched()
    get_registry().unregister(plugin)


@pytest.fixture
def pictures() -> Tensor:
    return torch.randn(2, 3, 16, 24, generator=torch.manual_seed(1))


@pytest.mark.parametrize("method", ["gradcam", "scorecam", "ablationcam", "eigencam", "rise"])
def test_maps_lie_over_the_pictures(model: nn.Module, pictures: Tensor, method: str) -> None:
    options = {"samples": 20} if method == "rise" else {}
    e = camkit.explain(model, UserDict(call(pictures)), method, target=2, **options)
    assert e.images.equal(pictures)
    assert e.heatmap.shape == (2, 16, 24)
    assert e.cam.shape == ((2, 16, 24) if method == "rise" else (2, 4, 6))
    assert torch.allclose(e.logits, model(**call(pictures)), atol=1e-6)
    alone = camkit.explain(model, call(pictures[1:]), method, target=2, **options)
    assert torch.allclose(alone.cam[0], e.cam[1], rtol=1e-3, atol=1e-5)
    assert torch.equal(
        camkit.explain(model, call(pictures), method, 2, e.layer, **options).cam, e.cam
    )


def test_a_channel_of_packed_tokens_is_ablated_for_each_image(model: Any, pictures: Tensor) -> None:
    e = camkit.explain(model, call(pictures), "ablationcam", target=[1, 3])
    tokens = model.embed(patches(pictures)).relu().unflatten(0, (2, 4, 6)).detach()
    raw = model.embed(patches(pictures)).unflatten(0, (2, 4, 6)).detach()
    expected = torch.zeros(2, 4, 6)
    for image, category in enumerate([1, 3]):
        plain = model.head(tokens[image].square().mean((0, 1)))[category]
        for channel in range(8):
            without = tokens[image].clone()
            without[..., channel] = 0
            drop = plain - model.head(without.square().mean((0, 1)))[category]
            expected[image] += drop.detach() * raw[image, ..., channel]
    assert torch.allclose(e.cam, expected, atol=1e-5)


def test_an_adapter_that_sees_the_call_keeps_its_promises(model: nn.Module) -> None:
    check_adapter(adapter, model, [(16, 24), (16, 16)], call=call)


def test_an_adapter_with_a_default_sees_a_call_by_position(model: nn.Module) -> None:
    seen = []

    def of_two(model: Any, size: tuple[int, ...], call: Any = None) -> None:
        seen.append((size, sorted(call)))

    class Both:
        @hookimpl
        def camkit_adapters(self) -> list[Spec]:
            return [Spec(f"{Two.__module__}.Two", of_two, "two")]

    plugin = Both()
    get_registry().register(plugin, "both")
    try:
        with pytest.raises(camkit.NoAdapter):
            camkit.explain(Two(), (torch.rand(1, 3, 8, 12), torch.ones(1, 2)), target=0)
    finally:
        get_registry().unregister(plugin)
    assert set(map(str, seen)) == {"((8, 12), ['grid', 'images'])"}


def test_what_is_no_picture_is_refused(model: nn.Module, pictures: Tensor) -> None:
    wrong = Adapter(
        model.embed, pictures=Pictures(lambda pixels: pixels, lambda rows, images: rows)
    )
    with pytest.raises(LayerError, match=r"expected pictures \(N, C, H, W\) of images \(48, 48\)"):
        camkit.explain(model, call(pictures), target=2, adapter=wrong)
    with pytest.raises(InputError, match="expected images"):
        camkit.explain(nn.Identity(), {"input": torch.rand(4, 5)}, image_input="input")
