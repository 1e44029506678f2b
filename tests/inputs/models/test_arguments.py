"""The other arguments of `load_model`: what each takes, and how it refuses the rest."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from camkit_core import load_model
from camkit_core.errors import ArgumentError, ArgumentTypeError, InputTypeError
from helpers.network_files import TINY

BLACK = np.zeros((20, 20, 3), dtype=np.uint8)


@pytest.mark.parametrize("size", [8, (8,), [8, 8], (8.0, 8), np.array([8, 8]), torch.tensor(8)])
def test_a_size_is_one_or_two_whole_numbers(size: Any) -> None:
    assert load_model(TINY, size=size).preprocess(BLACK).shape == (3, 8, 8)


@pytest.mark.parametrize("size", [0, -1, 8.5, [], (1, 2, 3), float("nan"), 10**9, [10**30]])
def test_a_size_that_no_image_can_have_is_refused(size: Any) -> None:
    with pytest.raises(ArgumentError, match="size"):
        load_model(TINY, size=size)


@pytest.mark.parametrize("mean", [0.5, [0.5], (0.5,) * 3, np.full(3, 0.5), torch.tensor(0.5)])
def test_a_mean_is_one_or_three_numbers(mean: Any) -> None:
    values = load_model(TINY, size=2, mean=mean, std=1).preprocess(BLACK)
    assert torch.equal(values, torch.full((3, 2, 2), -0.5))


@pytest.mark.parametrize("value", [float("nan"), [float("inf")], [], [1, 2], 10**400, [1e300]])
@pytest.mark.parametrize("name", ["mean", "std"])
def test_colours_that_are_no_numbers_of_colours_are_refused(name: str, value: Any) -> None:
    with pytest.raises(ArgumentError, match=name):
        load_model(TINY, **{name: value})


@pytest.mark.parametrize("std", [0, -1.0, [1, 0, 1], 1e-320])
def test_a_deviation_of_zero_is_refused(std: Any) -> None:
    with pytest.raises(ArgumentError, match="std as one or three numbers above zero"):
        load_model(TINY, std=std)


@pytest.mark.parametrize("name", ["size", "mean", "std"])
@pytest.mark.parametrize("value", ["8", ["8"], [True], [None], object(), {8: 1}, b"8"])
def test_what_is_no_number_is_refused(name: str, value: Any) -> None:
    with pytest.raises(ArgumentTypeError, match=f"expected {name} as numbers"):
        load_model(TINY, **{name: value})


@pytest.mark.parametrize("device", ["hpu", "privateuseone", "5", "", "\0", "cpu ", "a" * 5000])
def test_a_device_of_no_such_name_is_refused(device: str) -> None:
    with pytest.raises(ArgumentError, match=r"no device .* here .*; expected cpu, cuda") as e:
        load_model(TINY, device=device)
    assert len(str(e.value)) < 400


@pytest.mark.parametrize("device", ["meta", torch.device("meta")])
def test_a_device_without_values_is_refused(device: Any) -> None:
    with pytest.raises(ArgumentError, match="'meta' holds no values"):
        load_model(TINY, device=device)


@pytest.mark.parametrize("device", [1.5, ["cpu"], True, b"cpu"])
def test_what_is_no_device_is_refused(device: Any) -> None:
    with pytest.raises(ArgumentTypeError, match="expected device as a text"):
        load_model(TINY, device=device)


@pytest.mark.parametrize("weights", [5, b"w.pth", ["w.pth"], {"weight": torch.zeros(1)}])
def test_weights_in_memory_are_refused(weights: Any) -> None:
    with pytest.raises(InputTypeError, match="expected weights as DEFAULT, none or a file"):
        load_model(TINY, weights)
