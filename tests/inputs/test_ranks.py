"""Signals, images and volumes: which axes an input may have, and what is said about others."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import camkit_core as camkit
from camkit_core.inputs.images import as_batch
from camkit_methods import GradCAM
from helpers.ranked import inputs, network

pytestmark = pytest.mark.filterwarnings("ignore:blank map")


@pytest.mark.parametrize(
    ("kernel", "shape", "batch"),
    [
        ((3,), (2, 2, 9), (2, 2, 9)),
        ((3,), (2, 9), (1, 2, 9)),
        ((3,), (2, 2, 7, 9), (2, 2, 7, 9)),
        ((3, 3), (2, 7, 9), (1, 2, 7, 9)),
        ((3, 3), (2, 2, 7, 9), (2, 2, 7, 9)),
        ((3, 3, 3), (2, 5, 7, 9), (1, 2, 5, 7, 9)),
        ((3, 3, 3), (2, 2, 5, 7, 9), (2, 2, 5, 7, 9)),
        ((), (2, 7, 9), (1, 2, 7, 9)),
        ((), (2, 2, 7, 9), (2, 2, 7, 9)),
    ],
)
def test_the_first_convolution_tells_a_single_input_from_a_batch(
    kernel: tuple[int, ...], shape: tuple[int, ...], batch: tuple[int, ...]
) -> None:
    model = network(*kernel) if kernel else nn.Sequential(nn.Flatten(), nn.Linear(9, 2))
    assert as_batch(torch.zeros(shape), model).shape == batch


@pytest.mark.parametrize(
    ("kernel", "shape"),
    [((3,), (9,)), ((3,), (1, 1, 2, 7, 9)), ((3, 3), (2, 2, 5, 7, 9)), ((3, 3, 3), (7, 9))],
)
def test_other_numbers_of_axes_are_refused(kernel: tuple[int, ...], shape: tuple[int, ...]) -> None:
    with pytest.raises(camkit.InputError, match=r"signals \(N, C, L\).*volumes \(N, C, D, H, W\)"):
        as_batch(torch.zeros(shape), network(*kernel))


@pytest.mark.parametrize(("rank", "letters"), [(1, "l"), (3, "d, h, w")])
def test_errors_speak_of_the_grid_that_is_expected(rank: int, letters: str) -> None:
    model, images = network(*[3] * rank), inputs(rank)
    with pytest.raises(camkit.LayerError, match=rf"expected activations \(N, C, {letters}\)"):
        camkit.explain(model, images, layer="8")
    with pytest.raises(camkit.CamkitError, match=rf"must return a map \(N, {letters}\)"):
        camkit.explain(model, images, lambda probe: probe.activations, layer="6")


def test_the_class_form_gives_arrays_of_the_inputs_shape() -> None:
    model, images = network(3), inputs(1)
    given = GradCAM(model=model, target_layers=[model[6]])(images, target_category=1)
    assert given.shape == (2, 13)
