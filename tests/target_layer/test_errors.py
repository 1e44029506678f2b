"""Errors about layers: what was given, what was expected, what to do next."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

from camkit_core import (
    Adapter,
    LayerError,
    NoAdapter,
)
from helpers.wrong_calls import ask, net

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")


def test_without_adapter_and_layer_the_candidates_are_shown() -> None:
    class Deaf(nn.Sequential):
        def forward(self, images: Tensor) -> Tensor:
            return super().forward(images).detach()

    with pytest.raises(NoAdapter) as error:
        ask(Deaf(*net()), layer=None)
    assert str(error.value) == (
        f"no adapter knows {__name__}.test_without_adapter_and_layer_the_candidates_are_shown."
        "<locals>.Deaf, and no layer of it passes the tests for this target. Pass layer= with one "
        "of its layers, and reshape_transform= where it is no grid. The last ones, and why not:\n"
        "  0  (1, 4, 6, 6): (b) the score does not depend on it\n"
        "  1  (1, 4, 6, 6): (b) the score does not depend on it"
    )


def test_a_model_without_maps_has_no_candidates() -> None:
    with pytest.raises(NoAdapter, match=r"none returns a tensor of three or more axes$"):
        ask(nn.Sequential(nn.Flatten(), nn.Linear(192, 4)), layer=None)


@pytest.mark.parametrize("size", [(1, 1), (2, 2), (1,)])
def test_images_too_small_for_a_grid_are_told_from_models_without_maps(size: Any) -> None:
    conv = nn.Conv2d if len(size) == 2 else nn.Conv1d
    model = nn.Sequential(conv(3, 4, 3, 2, 1), nn.ReLU(), nn.Flatten(2), Mean(), nn.Linear(4, 4))
    told = (
        rf"(?s)for images of {'x'.join(map(str, size))} each .* Pass larger images.*\n  0  \(1, 4"
    )
    with pytest.raises(NoAdapter, match=told):
        ask(model, torch.randn(2, 3, *size), layer=None)
    larger = torch.randn(2, 3, *(8 * side for side in size))
    assert ask(model, larger, layer=None).cam.shape == (2, *(4 * side for side in size))


class Mean(nn.Module):
    def forward(self, maps: Tensor) -> Tensor:
        return maps.mean(2)


def test_a_layer_that_is_not_there_is_answered_with_the_closest_names() -> None:
    model = nn.Sequential()
    for name in ("stem", "layer1", "layer2", "layer3", "layer4", "layer5", "head"):
        model.add_module(name, nn.Identity())
    with pytest.raises(LayerError, match=r"^Sequential has no layer 'layr4'; close to it: layer"):
        ask(model, layer="layr4")
    with pytest.raises(
        LayerError, match=r"'zzz'; close to it: layer2, layer3, layer4, layer5, head"
    ):
        ask(model, layer="zzz")
    with pytest.raises(LayerError, match=r"^Sequential has no layer 'module.0'; close to it: "):
        ask(nn.DataParallel(net()), layer="module.0")


@pytest.mark.parametrize(
    ("layer", "kind"), [(nn.Linear(1, 1), "Linear"), (7, "int"), (["0", 7], "int"), (net(), "Sequ")]
)
def test_a_layer_that_is_no_part_of_the_model_is_refused(layer: Any, kind: str) -> None:
    with pytest.raises(
        LayerError,
        match=rf"^expected layer= as a module inside Sequential or its dotted name, got one of "
        rf"type {kind}.*, which is no part of it; camkit_core\.layers\(model, images\) lists those",
    ):
        ask(layer=layer)


@pytest.mark.parametrize("layer", [nn.ReLU(), "conv"])
def test_a_model_without_layers_says_so(layer: Any) -> None:
    with pytest.raises(LayerError, match=r"Conv2d.* no (other )?(layer|module)s"):
        ask(nn.Conv2d(3, 4, 3), layer=layer)


def test_an_index_of_a_module_is_told_as_a_name() -> None:
    model = nn.Sequential(nn.Sequential(nn.Conv2d(3, 4, 3)), *net()[1:])
    with pytest.raises(LayerError, match=r"a module inside it is named with dots, as '0\.0'$"):
        ask(model, layer="0[0]")
    ask(model, layer="0.0")
    with pytest.raises(LayerError, match="names call 2 of a layer that ran 1 time in"):
        ask(model, layer="0#2")


def test_an_empty_list_of_layers_is_refused() -> None:
    with pytest.raises(
        LayerError, match=r"^got an empty list of layers; name at least one, or pass"
    ):
        ask(layer=[])


class Odd(nn.Module):
    """Returns no activations."""

    def forward(self, images: Tensor) -> Any:
        return ["nothing", images.long()]


class Around(nn.Module):
    """Has layers that cannot be explained, each for its own reason."""

    def __init__(self) -> None:
        super().__init__()
        self.odd, self.flat = Odd(), nn.Flatten()
        self.unused, self.aside = nn.ReLU(), nn.ReLU()

    def forward(self, images: Tensor) -> Tensor:
        self.odd(images)
        self.aside(images)
        return self.flat(images * 2)[:, :4]


@pytest.mark.parametrize(
    ("layer", "message"),
    [
        ("odd", "layer 'odd' returned list without a floating-point tensor; choose a layer that"),
        ("unused", "layer 'unused' ran not at all in one forward pass of Around; choose a layer"),
        ("aside", "the score has no gradient at layer 'aside': the model's output does not depend"),
        (
            "flat",
            r"expected activations \(N, C, h, w\) from the target layer, got \(2, 192\); pass",
        ),
    ],
)
def test_a_layer_that_cannot_be_explained_is_refused_with_the_reason(
    layer: str, message: str
) -> None:
    with pytest.raises(LayerError, match=f"^{message}"):
        ask(Around(), layer=layer)


def test_a_score_that_goes_around_the_layer_is_refused_where_the_model_forbids_graphs() -> None:
    model = Around()
    model.forward = torch.inference_mode()(model.forward)
    with pytest.raises(LayerError, match=r"^the score has no gradient at layer 'aside'"):
        ask(model, layer="aside")


def test_a_model_that_forbids_graphs_is_explained_as_if_it_did_not() -> None:
    model, images = net(), torch.randn(2, 3, 8, 8)
    plain = ask(model, images).cam
    model.forward = torch.inference_mode()(model.forward)
    assert torch.equal(ask(model, images).cam, plain)


def test_a_reshape_must_give_four_axes() -> None:
    with pytest.raises(
        LayerError,
        match=r"^expected activations .* after reshape_transform, got \(2, 4, 36\).*; pass",
    ):
        ask(reshape_transform=lambda output: output.flatten(2))


@pytest.mark.parametrize("method", ["ablationcam"])
def test_a_reshape_that_mixes_channels_has_none_to_ablate(method: str) -> None:
    with pytest.raises(
        LayerError,
        match=r"^cannot tell which axis of the layer's output \(2, 4, 6, 6\) holds the channels; "
        r"pass adapter=Adapter\(layer, reshape, channel_axis=\.\.\.\)$",
    ):
        ask(method=method, reshape_transform=lambda output: output.cumsum(1).flip(2).cumsum(3))


def test_a_given_adapter_must_be_of_this_model() -> None:
    with pytest.raises(LayerError, match=r"expected layer= as a module inside Sequential"):
        ask(layer=None, adapter=Adapter(nn.ReLU()))
