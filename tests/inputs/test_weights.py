"""Weights that are loaded while the model runs, and weights that have no values."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core import InputError

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning", "ignore:Lazy")


def network() -> nn.Module:
    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(3, 4, 3),
        nn.BatchNorm2d(4),
        nn.Sequential(nn.ReLU(), nn.Conv2d(4, 4, 3)),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4, 5),
    ).eval()


def pictures() -> Tensor:
    return torch.randn(2, 3, 8, 8, generator=torch.manual_seed(1))


def offloaded(model: nn.Module, states_device: bool = True) -> nn.Module:
    """Each layer has its weights only while it runs, as accelerate does it."""
    for module in model.modules():
        weights = {name: p.data for name, p in module.named_parameters(recurse=False)}

        def put(layer: nn.Module, weights: dict[str, Tensor] = weights, to: str = "cpu") -> None:
            for name, values in weights.items():
                layer._parameters[name] = nn.Parameter(values.to(to))

        module.register_forward_pre_hook(lambda layer, _, put=put: put(layer))
        module.register_forward_hook(lambda layer, *_, put=put: put(layer, to="meta"))
        put(module, to="meta")
        if states_device and weights:
            module._hf_hook = SimpleNamespace(execution_device="cpu")  # type: ignore[assignment]
    return model


@pytest.mark.parametrize("method", ["gradcam", "ablationcam", "scorecam", "fullgrad", "reciprocam"])
@pytest.mark.parametrize("states_device", [True, False])
def test_offloaded_weights_give_the_maps_of_the_plain_model(
    states_device: bool, method: str
) -> None:
    model, images = offloaded(network(), states_device), pictures()
    for layer in (None, "2.1"):
        expected = camkit.explain(network(), images, method, 1, layer)
        explanation = camkit.explain(model, images, method, 1, layer)
        assert explanation.layer == expected.layer
        torch.testing.assert_close(explanation.cam, expected.cam)
    assert all(parameter.is_meta for parameter in model.parameters())


def test_offloaded_weights_are_not_randomised() -> None:
    with pytest.raises(InputError, match=r"cannot be randomised; leave this metric out"):
        camkit.compare(offloaded(network()), pictures(), metrics=["randomisation"], targets=[1])


@pytest.mark.parametrize("part", ["", "2.1"])
def test_a_model_without_values_is_refused_with_advice_that_works(part: str) -> None:
    model, images = network(), pictures()
    model.get_submodule(part).to("meta")
    name = "0.weight" if not part else "2.1.weight"
    with pytest.raises(
        InputError, match=rf"\({name} is on the meta device\); give it values first"
    ):
        camkit.explain(model, images)
    model.to_empty(device="cpu")
    model.load_state_dict(network().state_dict())
    expected = camkit.explain(network(), images).cam
    torch.testing.assert_close(camkit.explain(model, images).cam, expected)


def test_a_model_whose_values_are_gone_after_a_first_call_is_refused() -> None:
    model, images = network(), pictures()
    camkit.explain(model, images)
    with pytest.raises(InputError, match=r"on the meta device"):
        camkit.explain(model.to("meta"), images)


@pytest.mark.parametrize("lazy", [nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d()])
def test_lazy_layers_are_refused_until_the_model_has_run(lazy: nn.Module) -> None:
    model, images = nn.Sequential(network()[0], lazy, *network()[2:]).eval(), pictures()
    with pytest.raises(InputError, match=r"run it once on an image, model\(images\[:1\]\)"):
        camkit.explain(model, images)
    model(images[:1])
    explanation: Any = camkit.explain(model, images, target=1)
    torch.testing.assert_close(explanation.score, model(images)[:, 1].detach())
