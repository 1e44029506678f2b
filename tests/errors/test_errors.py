"""Errors for people: what was given, what was expected, what to do next."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core import (
    Adapter,
    CamkitError,
    InputError,
    LayerError,
    NoAdapter,
    PluginError,
    TargetError,
    UnknownName,
)
from camkit_core.errors import unknown

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")

METHODS = "ablationcam, .*, gradcam, gradcam.*, guided_backprop, .*, scorecam, .*, xgradcam"


def net() -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 4)
    )


def ask(model: Any = None, images: Any = None, method: Any = "gradcam", **settings: Any) -> Any:
    """`explain` with one thing wrong."""
    model = net() if model is None else model
    images = torch.randn(2, 3, 8, 8) if images is None else images
    return camkit.explain(model, images, method, **{"target": 1, "layer": "0"} | settings)


def test_all_are_camkit_errors_and_a_missing_adapter_is_about_layers() -> None:
    for kind in (InputError, LayerError, PluginError, TargetError, UnknownName):
        assert issubclass(kind, CamkitError)
    assert issubclass(NoAdapter, LayerError)
    assert not issubclass(camkit.CamkitWarning, CamkitError)


def test_unknown_names_are_listed_with_the_closest() -> None:
    many = [f"name{index:02}" for index in range(50)]
    assert str(unknown("thing", "zzz", [])) == "no thing named 'zzz'. Known: none"
    assert str(unknown("thing", "NAME3", many)).startswith("no thing named 'NAME3'. Did you mean")
    assert str(unknown("thing", "x", many)).endswith("name38, name39, ...")


# The model


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        (lambda: torch.jit.trace(net(), torch.randn(1, 3, 8, 8)), "TopLevelTracedModule"),
        (lambda: torch.jit.script(net()), "RecursiveScriptModule"),
        (lambda: nn.DataParallel(torch.jit.script(net())), "RecursiveScriptModule"),
        (lambda: lambda images: images, "function"),
        (lambda: nn.Conv2d, "type"),
        (lambda: "resnet18", "str"),
    ],
)
def test_what_cannot_be_observed_is_refused(model: Callable[[], Any], kind: str) -> None:
    with pytest.raises(
        InputError,
        match=rf"^expected an eager torch\.nn\.Module, got {kind}, whose layers cannot be observed;"
        r" pass the Python model it was made from$",
    ):
        ask(model())


def test_what_the_model_raises_is_passed_on_as_it_is() -> None:
    with pytest.raises(RuntimeError, match=r"expected input.* to have 3 channels, but got 5"):
        ask(images=torch.randn(2, 5, 8, 8))


# The images


@pytest.mark.parametrize(
    ("images", "given"),
    [
        (np.zeros((2, 3, 8, 8), np.float32), "ndarray"),
        ([torch.zeros(3, 8, 8)], "list"),
        ("photo.jpg", "str"),
    ],
)
def test_images_must_be_a_tensor(images: Any, given: str) -> None:
    with pytest.raises(
        InputError,
        match=rf"^expected images as a tensor \(N, C, H, W\) or \(C, H, W\), got {given}; "
        r"camkit_core\.image\.preprocess_image makes one from a picture$",
    ):
        ask(images=images)


@pytest.mark.parametrize("shape", [(8, 8), (8,), (), (1, 2, 3, 8, 8), (0, 3, 8, 8), (2, 3, 0, 8)])
def test_images_must_have_the_axes_of_images(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"^expected images \(N, C, H, W\) or .*, got \(") as error:
        ask(images=torch.zeros(shape))
    assert str(error.value).endswith(f"got {shape}")


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.bool, torch.complex64])
def test_images_must_be_floating_point(dtype: torch.dtype) -> None:
    with pytest.raises(
        InputError,
        match=f"^expected floating-point images, normalised as the model was trained, got {dtype}; "
        "camkit_core.image.preprocess_image does that$",
    ):
        ask(images=torch.zeros(2, 3, 8, 8).to(dtype))


# Layers


def test_without_adapter_and_layer_the_candidates_are_shown() -> None:
    class Deaf(nn.Sequential):
        def forward(self, images: Tensor) -> Tensor:
            return super().forward(images).detach()

    with pytest.raises(NoAdapter) as error:
        ask(Deaf(*net()), layer=None)
    assert str(error.value) == (
        "no adapter knows test_errors.test_without_adapter_and_layer_the_candidates_are_shown."
        "<locals>.Deaf, and no layer of it gives a grid over the image that the score's gradient "
        "reaches; pass layer= with one of its layers. The last ones with maps, and their output "
        "shapes:\n"
        "  0  (1, 4, 6, 6)\n"
        "  1  (1, 4, 6, 6)"
    )


def test_a_model_without_maps_has_no_candidates() -> None:
    with pytest.raises(NoAdapter, match=r"output shapes: none$"):
        ask(nn.Sequential(nn.Flatten(), nn.Linear(192, 4)), layer=None)


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
        match=rf"^expected layer= as a module inside Sequential or its dotted name, got a {kind}.* "
        r"that is not part of it; e\.g\. '4'$",
    ):
        ask(layer=layer)


@pytest.mark.parametrize("layer", [nn.ReLU(), "conv"])
def test_a_model_without_layers_says_so(layer: Any) -> None:
    with pytest.raises(LayerError, match=r"Conv2d.* no (other )?(layer|module)s"):
        ask(nn.Conv2d(3, 4, 3), layer=layer)


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
    ("layer", "said"),
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
def test_a_layer_that_cannot_be_explained_is_refused_with_the_reason(layer: str, said: str) -> None:
    with pytest.raises(LayerError, match=f"^{said}"):
        ask(Around(), layer=layer)


def test_a_model_that_forbids_graphs_has_no_gradient_to_read() -> None:
    model = net()
    model.forward = torch.inference_mode()(model.forward)
    with pytest.raises(
        LayerError, match=r"^the score has no gradient at layer '0': the model's out"
    ):
        ask(model)


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


# Methods and options


def test_an_unknown_method_is_answered_with_the_closest_and_all() -> None:
    with pytest.raises(
        UnknownName,
        match=rf"^no method named 'gradcma'\. Did you mean 'gradcam'\? Known: {METHODS}",
    ):
        ask(method="gradcma")


@pytest.mark.parametrize("methods", [[], "gradcam", ()])
def test_methods_are_a_list_with_at_least_one(methods: Any) -> None:
    with pytest.raises(CamkitError, match=r"^expected a list of methods, at least one; got "):
        camkit.compare(net(), torch.randn(1, 3, 8, 8), methods, layer="0")


@pytest.mark.parametrize("targets", [1, "pug", None, lambda row: row[1]])
def test_targets_are_a_list(targets: Any) -> None:
    with pytest.raises(CamkitError, match=r"^expected a list of targets, .*; got "):
        camkit.compare(net(), torch.randn(1, 3, 8, 8), ["gradcam"], targets, layer="0")


def test_an_unknown_option_is_answered_with_those_the_methods_take() -> None:
    with pytest.raises(
        UnknownName,
        match=r"^no option of xgradcam named 'tole'\. Did you mean 'tol'\? Known: tol, variant$",
    ):
        ask(method="xgradcam", tole=1)
    with pytest.raises(UnknownName, match=r"^no option of gradcam named 'tol'\. Known: none$"):
        ask(tol=1)
    with pytest.raises(UnknownName, match=r"option of gradcam, scorecam named 'varian'"):
        camkit.compare(
            net(), torch.randn(1, 3, 8, 8), ["gradcam", "scorecam"], layer="0", varian="paper"
        )


def test_a_misspelt_keyword_of_explain_is_recognised() -> None:
    with pytest.raises(UnknownName, match=r"'aug_smoth'.*Did you mean 'aug_smooth'"):
        ask(aug_smoth=True)


def test_a_value_an_option_does_not_allow_is_answered_with_those_it_does() -> None:
    with pytest.raises(
        CamkitError,
        match=r"^xgradcam takes variant= one of 'paper', 'pytorch-grad-cam'; got 'papier'$",
    ):
        ask(method="xgradcam", variant="papier")
    with pytest.raises(
        CamkitError, match=r"^ablationcam takes ablate= one of 'zero', 'mean'; got 0$"
    ):
        ask(method="ablationcam", ablate=0)


@pytest.mark.parametrize(
    ("given", "shape"),
    [
        (lambda probe: None, "NoneType"),
        (lambda probe: probe.activations, r"\(2, 4, 6, 6\)"),
        (lambda probe: probe.activations.sum(1)[:1], r"\(1, 6, 6\)"),
        (lambda probe: probe.activations.sum(1).numpy(), "ndarray"),
        (lambda probe: probe.scores, r"\(2,\)"),
    ],
    ids=["None", "all channels", "one image", "numpy", "scores"],
)
def test_a_method_must_return_a_map_for_each_image(given: Any, shape: str) -> None:
    given.__name__ = "mine"
    with pytest.raises(
        CamkitError,
        match=rf"^method 'mine' \(given\) must return a map \(N, h, w\) for 2 images, and returned "
        rf"{shape}$",
    ):
        ask(method=given)


@pytest.mark.parametrize("batch_size", [0, -1, 2.5, "8"])
@pytest.mark.parametrize("method", ["gradcam", "scorecam"])
def test_the_batch_size_is_a_positive_number(batch_size: Any, method: str) -> None:
    with pytest.raises(CamkitError, match=f"expected .*batch_size.*got {batch_size!r}"):
        ask(method=method, batch_size=batch_size)


def test_signed_activations_are_refused_where_a_variant_is_not_defined_for_them() -> None:
    with pytest.raises(
        LayerError, match=r"^variant 'pytorch-grad-cam' is defined for activations >="
    ):
        ask(method="ablationcam", variant="pytorch-grad-cam")


# What was explained


def test_a_comparison_names_what_it_has() -> None:
    found = camkit.compare(net(), torch.randn(1, 3, 8, 8), ["gradcam", "xgradcam"], [1, 2], "0")
    with pytest.raises(CamkitError, match=r"'gradcan'.*gradcam, xgradcam"):
        found[0, "gradcan"]
    with pytest.raises(IndexError):
        found[2, 0]


def test_an_explanation_has_no_more_images_than_it_was_given() -> None:
    found = ask()
    for index in (2, -3):
        with pytest.raises(InputError, match=rf"^no image {index}: the explanation has 2, counted"):
            found.render(index=index)
        with pytest.raises(InputError, match=rf"^no image {index}: "):
            found.save("never.png", index=index)


def test_an_unknown_renderer_and_its_options_are_answered_alike() -> None:
    with pytest.raises(UnknownName, match=r"^no renderer named 'overlai'\. Did you mean 'overlay'"):
        ask().render("overlai")
    with pytest.raises(UnknownName, match=r"^no option of overlay named 'alfa'\..* Known: "):
        ask().render("overlay", alfa=1)
