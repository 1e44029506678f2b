"""The random states of torch, numpy and Python are put back, whatever is drawn and from what."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch

import camkit_core as camkit
from camkit_core.forward import numpy_state
from camkit_core.forward.random_states import preserving_rng

DRAWS: dict[str, Callable[[], Any]] = {
    "nothing": lambda: None,
    "torch": lambda: torch.rand(3),
    "Python": random.random,
    "Python normal": lambda: random.gauss(0, 1),
    "numpy": np.random.rand,
    "one normal": np.random.standard_normal,
    "two normals": lambda: np.random.standard_normal(2),
    "a whole turn": lambda: np.random.rand(312),
    "a seed": lambda: np.random.seed(7),
    "another generator's state": lambda: np.random.set_state(np.random.RandomState(5).get_state()),
}
GENERATORS = {"Mersenne": np.random.MT19937, "PCG": np.random.PCG64}


def draws() -> list[Any]:
    """The next numbers of each generator, of both kinds: all that a state shows to anybody."""
    mixed = [np.random.standard_normal(), np.random.rand(), np.random.standard_normal()]
    pure = [random.random(), random.gauss(0, 1), torch.rand(2).tolist()]
    return [*mixed, *np.random.rand(700), *pure]


@pytest.fixture(params=list(GENERATORS))
def numpys_generator(request: pytest.FixtureRequest) -> Iterator[None]:
    mine = np.random.get_bit_generator()
    np.random.set_bit_generator(GENERATORS[request.param](3))
    yield
    np.random.set_bit_generator(mine)


@pytest.mark.usefixtures("numpys_generator")
@pytest.mark.parametrize("reserve", [False, True], ids=["", "a normal in reserve"])
@pytest.mark.parametrize("draw", list(DRAWS))
def test_what_comes_next_is_what_would_have_come(draw: str, reserve: bool) -> None:
    if draw.startswith("another") and type(np.random.get_bit_generator()) is np.random.PCG64:
        pytest.skip("numpy itself refuses a state of the other kind")

    def next_draws(between: Callable[[], Any]) -> list[Any]:
        torch.manual_seed(1), random.seed(1)
        np.random.set_bit_generator(type(np.random.get_bit_generator())(1))
        if reserve:
            np.random.standard_normal(), random.gauss(0, 1)
        for _ in range(3):  # from the second time on, the state is cached
            between()
        return draws()

    def around() -> None:
        with preserving_rng():
            DRAWS[draw]()

    assert next_draws(around) == next_draws(lambda: None)


def test_numpys_state_is_read_once_while_nothing_is_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    np.random.seed(0)
    read, get_state = [], np.random.get_state
    monkeypatch.setattr(np.random, "get_state", lambda **how: read.append(1) or get_state(**how))
    for _ in range(3):
        with preserving_rng():
            pass
    assert len(read) == 1


def test_memory_that_means_something_else_is_not_trusted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(numpy_state, "_memory", lambda: b"always the same")
    np.random.seed(0), random.seed(0)
    with preserving_rng():
        np.random.rand(), random.random()
    after = np.random.rand(), random.random()
    np.random.seed(0), random.seed(0)
    assert after == (np.random.rand(), random.random())


class Drawing(torch.nn.Module):
    """A network that draws from each generator whenever it runs, normal numbers, too."""

    def __init__(self) -> None:
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 2, 3)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        drawn = np.random.standard_normal() + random.gauss(0, 1) + torch.rand(1)
        return self.conv(images).relu().mean((2, 3)) + drawn


@pytest.mark.usefixtures("numpys_generator")
@pytest.mark.parametrize("reserve", [False, True], ids=["", "a normal in reserve"])
def test_a_model_that_draws_leaves_every_state_as_it_was(reserve: bool) -> None:
    model, images = Drawing(), torch.randn(1, 3, 6, 6)
    if reserve:
        np.random.standard_normal(), random.gauss(0, 1)
    before = states()
    for _ in range(2):
        camkit.explain(model, images, "gradcam", layer="conv")
        assert states() == before


def states() -> list[str]:
    """All random states, to the last bit."""
    with np.printoptions(threshold=2000):
        numpy = repr(np.random.get_state(legacy=False))
    return [numpy, repr(random.getstate()), repr(torch.get_rng_state().tolist())]


@pytest.mark.parametrize("kind", ["cuda", "xpu"])
def test_the_states_of_all_devices_in_use_are_put_back(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    states, device = ["of the first", "of the second"], getattr(torch, kind)
    monkeypatch.setattr(device, "is_initialized", lambda: True)
    monkeypatch.setattr(device, "get_rng_state_all", lambda: list(states))
    monkeypatch.setattr(
        device, "set_rng_state_all", lambda given: states.__setitem__(slice(None), given)
    )
    with preserving_rng():
        states[:] = ["drawn from", "drawn from"]
    assert states == ["of the first", "of the second"]
