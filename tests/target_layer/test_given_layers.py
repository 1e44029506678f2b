"""Layers that the caller gives: by name, several at once, of tokens, of tuples."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core import Adapter, LayerError
from camkit_core.maps import upsample
from helpers.small_cnn import close, five, pictures, small

pytestmark = pytest.mark.filterwarnings("ignore:blank map")


@five
def test_a_layer_is_named_by_module_name_or_list(method: str) -> None:
    model, images = small(), pictures()
    expected = camkit.explain(model, images, method, 1, "body.0")
    for layer in (model.body[0], ["body.0"], [model.body[0]], (model.body[0],)):
        explanation = camkit.explain(model, images, method, 1, layer)
        assert explanation.layer == "body.0"
        assert torch.equal(explanation.cam, expected.cam)


def test_a_module_with_two_names_is_found_by_both() -> None:
    model, images = small(), pictures()
    model.also = model.body
    expected = camkit.explain(model, images, "gradcam", 1, "body")
    assert torch.equal(camkit.explain(model, images, "gradcam", 1, "also").cam, expected.cam)


def test_maps_of_several_layers_are_averaged_each_by_its_largest_absolute_value() -> None:
    model, images = small(), pictures()
    fine, coarse = (
        camkit.explain(model, images, "gradcam", 1, name).cam for name in ("stem", "body")
    )
    unit = [cam / cam.abs().amax((1, 2), keepdim=True) for cam in (fine, coarse)]
    expected = (unit[0] + upsample(unit[1], (12, 16))) / 2
    for layers in (["stem", "body"], [model.body, model.stem]):
        explanation = camkit.explain(model, images, "gradcam", 1, layers)
        assert close(explanation.cam, expected)
        assert sorted(explanation.layer.split(", ")) == ["body", "stem"]


class Tokens(nn.Module):
    """Patches as tokens (N, 1 + h w, C) behind a class token, as in a transformer."""

    def __init__(self) -> None:
        super().__init__()
        self.patches = nn.Conv2d(3, 6, 4, 4)
        self.first = nn.Parameter(torch.randn(1, 1, 6))
        self.norm, self.mix = nn.LayerNorm(6), nn.MultiheadAttention(6, 2, batch_first=True)
        self.head = nn.Linear(6, 4)

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.patches(images).flatten(2).transpose(1, 2)
        tokens = self.norm(torch.cat([self.first.expand(len(tokens), 1, 6), tokens], 1))
        return self.head((tokens + self.mix(tokens, tokens, tokens)[0])[:, 0])


def reshape(tokens: Tensor, height: int = 3, width: int = 5) -> Tensor:
    grid = tokens[:, 1:, :].reshape(tokens.size(0), height, width, tokens.size(2))
    return grid.transpose(2, 3).transpose(1, 2)


@five
def test_a_reshape_makes_a_grid_of_tokens(method: str) -> None:
    model, images = Tokens().double(), pictures(2, 12, 20)
    explanation = camkit.explain(model, images, method, 1, "norm", reshape)
    given = Adapter(model.norm, reshape, channel_axis=2)
    assert explanation.cam.shape == (2, 3, 5)
    assert explanation.cam.abs().max() > 0
    assert torch.equal(explanation.cam, camkit.explain(model, images, method, 1, adapter=given).cam)


def test_tokens_of_a_named_layer_are_read_as_the_search_for_a_layer_reads_them() -> None:
    model, images = Tokens().double(), pictures(2, 16, 16)
    named = camkit.explain(model, images, "gradcam", 1, "norm")
    grid = camkit.tokens_to_grid(4, 4, prefix=1)
    assert torch.equal(named.cam, camkit.explain(model, images, "gradcam", 1, "norm", grid).cam)


class Pair(nn.Module):
    """Returns two tensors."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = nn.Conv2d(3, 4, 3)

    def forward(self, images: Tensor) -> tuple[None, Tensor, Tensor]:
        features = self.conv(images)
        return None, features, features * 2


class OfPair(nn.Module):
    """Reads the first tensor of a layer that returns a tuple."""

    def __init__(self) -> None:
        super().__init__()
        self.pair, self.head = Pair(), nn.Linear(4, 4)

    def forward(self, images: Tensor) -> Tensor:
        return self.head(self.pair(images)[1].tanh().mean((2, 3)))


@five
def test_a_layer_that_returns_a_tuple_means_its_first_tensor(method: str) -> None:
    model, images = OfPair().double(), pictures()
    expected = camkit.explain(model, images, method, 1, "pair.conv").cam
    assert close(camkit.explain(model, images, method, 1, "pair").cam, expected)


class Runs(nn.Module):
    """Runs its layer a number of times."""

    def __init__(self, times: int) -> None:
        super().__init__()
        self.times, self.layer = times, nn.Conv2d(3, 3, 1)

    def forward(self, images: Tensor) -> Tensor:
        for _ in range(self.times):
            images = self.layer(images)
        return images.mean((2, 3))


@pytest.mark.parametrize(("times", "count"), [(0, "not at all"), (2, "2 times"), (3, "3 times")])
def test_a_layer_must_run_once(times: int, count: str) -> None:
    with pytest.raises(
        LayerError, match=f"'layer' ran {count} in one forward pass of Runs; choose"
    ):
        camkit.explain(Runs(times), torch.randn(1, 3, 4, 4), "gradcam", 1, "layer")


def test_a_named_layer_of_one_position_has_no_note_of_where_its_map_lies() -> None:
    class Squeezed(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.squeeze, self.head = (
                nn.Conv2d(3, 8, 3),
                nn.Conv2d(8, 8, 1),
                nn.Linear(8, 3),
            )

        def forward(self, images: Tensor) -> Tensor:
            maps = self.stem(images)
            maps = maps * self.squeeze(maps.mean((2, 3), keepdim=True)).sigmoid()
            return self.head(maps.mean((2, 3)))

    e = camkit.explain(Squeezed().eval(), torch.randn(1, 3, 16, 16), target=1, layer="squeeze")
    assert not [note for note in e.notes if "may not lie" in note]
