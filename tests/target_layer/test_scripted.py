"""Scripted and traced parts of a model: explained around, or refused where a method needs them."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core import InputError, LayerError

pytestmark = [
    pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning"),
    pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning"),
    pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning"),
]


class Normalise(nn.Module):
    """As it is put in front of a model."""

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.full((1, 3, 1, 1), 0.4))

    def forward(self, images: Tensor) -> Tensor:
        return (images - self.mean) / 0.2


class Block(nn.Module):
    """A convolution and a norm that changes in training."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.conv, self.norm = nn.Conv2d(4, 4, 3, padding=1), nn.BatchNorm2d(4)

    def forward(self, features: Tensor) -> Tensor:
        return torch.relu(self.norm(self.conv(features)))


class Parts(nn.Module):
    """A normaliser, a convolution, a block, a convolution and a head."""

    def __init__(self, front: nn.Module, block: nn.Module) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.front, self.first, self.block = front, nn.Conv2d(3, 4, 3), block
        self.last, self.head = nn.Conv2d(4, 4, 3), nn.Linear(4, 5)

    def forward(self, images: Tensor) -> Tensor:
        features = self.last(self.block(self.first(self.front(images)).relu()))
        return self.head(features.relu().mean((2, 3)))


def pictures() -> Tensor:
    return torch.rand(2, 3, 10, 10, generator=torch.manual_seed(2))


def plain() -> nn.Module:
    return Parts(Normalise(), Block()).eval()


def scripted() -> nn.Module:
    return Parts(torch.jit.script(Normalise()), torch.jit.script(Block().eval())).eval()


def traced() -> nn.Module:
    block = torch.jit.trace(Block().eval(), torch.rand(2, 4, 8, 8))
    return Parts(torch.jit.trace(Normalise(), pictures()), block).eval()


@pytest.mark.parametrize("method", ["gradcam", "ablationcam", "scorecam"])
@pytest.mark.parametrize("model", [scripted, traced])
@pytest.mark.parametrize("layer", ["last", "first"])
def test_maps_around_scripted_parts_are_those_of_the_plain_model(
    layer: str, model: Callable[[], nn.Module], method: str
) -> None:
    expected = camkit.explain(plain(), pictures(), method, 1, layer)
    module = model()
    module.train()
    explanation = camkit.explain(module, pictures(), method, 1, layer)
    torch.testing.assert_close(explanation.cam, expected.cam)
    assert all(part.training for part in module.modules())


@pytest.mark.parametrize("model", [scripted, traced])
def test_the_layer_that_camkit_chooses_gives_the_map_of_the_plain_model(
    model: Callable[[], nn.Module],
) -> None:
    explanation = camkit.explain(model(), pictures(), target=1)
    expected = camkit.explain(plain(), pictures(), target=1, layer=explanation.layer)
    torch.testing.assert_close(explanation.cam, expected.cam)


def test_a_traced_layer_is_explained_as_a_whole() -> None:
    expected = camkit.explain(plain(), pictures(), target=1, layer="block").cam
    explanation = camkit.explain(traced(), pictures(), target=1, layer="block")
    torch.testing.assert_close(explanation.cam, expected)


@pytest.mark.parametrize(
    ("model", "layer", "what"),
    [
        (scripted, "block", "a RecursiveScriptModule"),
        (scripted, "block.conv", "inside a RecursiveScriptModule"),
        (traced, "block.conv", "inside a TopLevelTracedModule"),
    ],
)
@pytest.mark.parametrize("named", [True, False])
def test_a_scripted_layer_is_refused(
    named: bool, model: Callable[[], nn.Module], layer: str, what: str
) -> None:
    module = model()
    given = layer if named else module.get_submodule(layer)
    with pytest.raises(LayerError, match=rf"^layer '{layer}' is {what}, whose layers cannot be"):
        camkit.explain(module, pictures(), layer=given)


@pytest.mark.parametrize("model", [scripted, traced])
def test_fullgrad_misses_no_bias_without_saying_so(model: Callable[[], nn.Module]) -> None:
    with pytest.raises(InputError, match=r"biases of 'block.conv' cannot be watched"):
        camkit.explain(model(), pictures(), "fullgrad", 1)
    front = Parts(torch.jit.script(Normalise()), Block()).eval()
    expected = camkit.explain(plain(), pictures(), "fullgrad", 1).cam
    torch.testing.assert_close(camkit.explain(front, pictures(), "fullgrad", 1).cam, expected)


def test_guided_gradients_are_refused_where_a_script_hides_its_relus() -> None:
    module, images = scripted(), pictures()
    for _ in range(3):
        module(images.requires_grad_())  # after some runs torch makes one operation of many
    with pytest.raises(InputError, match=r"its activations cannot be watched"):
        camkit.explain(module, images, "guided_backprop", 1, "last")


class Trunk(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.first, self.block = nn.Conv2d(3, 4, 3), Block()

    def forward(self, images: Tensor) -> Tensor:
        return self.block(self.first(images))


class Around(nn.Module):
    """A trunk, and what is computed of its maps."""

    def __init__(self, trunk: nn.Module, maps: nn.Module | None = None) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.trunk, self.maps, self.head = trunk, maps, nn.Linear(4, 5)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.trunk(images * 2)
        return self.head((maps if self.maps is None else self.maps(maps)).mean((2, 3)))


def exported() -> nn.Module:
    class Pooled(Trunk):
        def forward(self, images: Tensor) -> Tensor:
            return super().forward(images).mean((2, 3), keepdim=True)

    return torch.export.export(Pooled().eval(), (pictures(),)).module()


@pytest.mark.parametrize(
    ("build", "kind"),
    [
        (lambda: torch.jit.script(Trunk().eval()), "a RecursiveScriptModule"),
        (exported, "an exported graph"),
    ],
)
def test_a_trunk_of_recorded_code_is_named_with_what_to_put_in_its_place(
    build: Callable[[], nn.Module], kind: str
) -> None:
    told = rf"its part 'trunk' is {kind}, .* Put the Python module .* pass layer='maps'"
    with pytest.raises(camkit.NoAdapter, match=told):
        camkit.explain(Around(build()), pictures(), target=1)
    python = camkit.explain(Around(Trunk()), pictures(), target=1)
    if kind == "a RecursiveScriptModule":
        around = Around(build(), nn.Identity())
        handed = camkit.explain(around, pictures(), target=1, layer="maps")
        torch.testing.assert_close(handed.cam, python.cam)
