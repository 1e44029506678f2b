"""Errors about the model and the images: what was given, what was expected, what to do next."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn
from torch._subclasses.fake_tensor import FakeTensorMode

import camkit_core as camkit
from camkit_core import InputError
from camkit_core.errors import InputTypeError, RunError
from camkit_core.inputs.images import as_batch
from helpers.wrong_calls import ask, net

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")


IMAGES = torch.randn(2, 3, 8, 8)

# The model


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        (lambda: torch.jit.trace(net(), torch.randn(1, 3, 8, 8)), "TopLevelTracedModule"),
        (lambda: torch.jit.script(net()), "RecursiveScriptModule"),
        (lambda: nn.DataParallel(torch.jit.script(net())), "RecursiveScriptModule"),
        (lambda: lambda images: images, "function"),
    ],
)
def test_what_cannot_be_observed_is_refused(model: Callable[[], Any], kind: str) -> None:
    with pytest.raises(
        InputError,
        match=rf"^expected an eager torch\.nn\.Module, got {kind}, whose layers cannot be observed;"
        r" pass the Python model it was made from$",
    ):
        ask(model())


@pytest.mark.parametrize(
    ("given", "advice"),
    [
        (nn.Conv2d, "got type; Conv2d is a class, make a model of it: model = Conv2d"),
        (net().state_dict(), "got OrderedDict, which are weights; load them into their model"),
        (None, "got NoneType; pass the model itself"),
        ([net()], "got list; pass the model itself"),
    ],
)
def test_what_is_no_model_is_told_what_to_pass(given: Any, advice: str) -> None:
    with pytest.raises(InputTypeError, match=f"^expected an eager torch.nn.Module, {advice}"):
        camkit.explain(given, IMAGES)


class Calling(nn.Module):
    """Calls a function of the images."""

    def __init__(self, call: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.call = call

    def forward(self, images: Tensor) -> Tensor:
        return self.call(images)


def _faked(call: Callable[[Tensor], Tensor]) -> Tensor:
    with FakeTensorMode(allow_non_fake_inputs=True):
        return call(torch.randn(2, 3, 8, 8))


@pytest.mark.parametrize(
    ("inside", "kind"),
    [
        (lambda call: torch.func.vmap(call)(IMAGES[:, None]), "torch.func"),
        (lambda call: torch.func.grad(lambda images: call(images).sum())(IMAGES), "torch.func"),
        (lambda call: torch.jit.trace(call, IMAGES), "torch.jit.trace"),
        (lambda call: torch.export.export(Calling(call), (IMAGES,), strict=False), "torch.export"),
        (_faked, "torch.export or a FakeTensorMode"),
    ],
)
def test_a_call_inside_what_records_or_transforms_code_is_refused(inside: Any, kind: str) -> None:
    model = net()
    with pytest.raises(RunError, match=f"^camkit is called inside {kind}"):
        inside(lambda images: camkit.explain(model, images, target=1).cam)


def test_a_name_in_place_of_a_model_is_refused_with_what_loads_it() -> None:
    with pytest.raises(InputTypeError, match=r"camkit\.load_model\('resnet18'\)$"):
        ask("resnet18")


def test_what_the_model_raises_is_passed_on_as_it_is() -> None:
    with pytest.raises(RuntimeError, match=r"expected input.* to have 3 channels, but got 5"):
        ask(images=torch.randn(2, 5, 8, 8))


# The images


@pytest.mark.parametrize("shape", [(2, 8, 9, 3), (8, 9, 3)])
def test_channels_at_the_end_are_told_how_they_come_first(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"with the channels last; pass images\.permute") as caught:
        ask(images=torch.randn(shape))
    advice = re.search(r"pass images(\.permute\([\d, ]*\))", str(caught.value))
    assert advice
    images: Tensor = eval(f"torch.randn(shape){advice[1]}", {"torch": torch, "shape": shape})
    assert ask(images=images).heatmap.shape[-2:] == (8, 9)


@pytest.mark.parametrize(
    ("images", "told"),
    [
        (np.zeros((2, 3, 8, 8), np.float32), "ndarray; torch.from_numpy makes one of an array"),
        (np.ma.zeros((2, 3, 8, 8)), "MaskedArray; torch.from_numpy makes one of an array"),
        ([torch.zeros(3, 8, 8)], "list; torch.stack makes one of tensors of one size"),
        (3.5, "float; camkit_core.image.preprocess_image makes one from a picture"),
    ],
)
def test_images_must_be_a_tensor_and_it_is_said_what_makes_one(images: Any, told: str) -> None:
    expected = f"expected images as a tensor (N, C, H, W) or (C, H, W), got {told}"
    with pytest.raises(InputError, match=f"^{re.escape(expected)}$"):
        ask(images=images)


def test_a_picture_for_a_model_without_preprocessing_is_refused_with_what_works() -> None:
    with pytest.raises(InputTypeError, match="nothing says how pictures are prepared for this"):
        ask(images="photo.jpg")


@pytest.mark.parametrize("shape", [(8, 8), (8,), (), (1, 2, 3, 8, 8), (0, 3, 8, 8), (2, 3, 0, 8)])
def test_images_must_have_the_axes_of_images(shape: tuple[int, ...]) -> None:
    with pytest.raises(InputError, match=r"^expected images \(N, C, H, W\) or .*, got \(") as error:
        ask(images=torch.zeros(shape))
    assert f"got {shape}" in str(error.value)


@pytest.mark.parametrize("dtype", [torch.uint8, torch.int64, torch.bool, torch.complex64])
def test_images_must_be_floating_point(dtype: torch.dtype) -> None:
    with pytest.raises(
        InputError,
        match=f"^expected floating-point images, normalised as the model was trained, got {dtype}; "
        "camkit_core.image.preprocess_image does that$",
    ):
        ask(images=torch.zeros(2, 3, 8, 8).to(dtype))


def test_nested_images_are_told_how_they_become_dense() -> None:
    images = torch.nested.nested_tensor([torch.rand(3, 8, 8), torch.rand(3, 8, 8)])
    with pytest.raises(TypeError, match=r"images\.to_padded_tensor\(0\)"):
        as_batch(images, torch.nn.Conv2d(3, 4, 3))
    assert as_batch(images.to_padded_tensor(0), torch.nn.Conv2d(3, 4, 3)).shape == (2, 3, 8, 8)
