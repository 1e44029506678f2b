"""The checks of adapters: the layer is the model's, and its output is a grid, right way round."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from functools import partial, wraps
from itertools import product
from typing import Any

import torch
from torch import Tensor, nn

from ..adapter import Adapter
from ..errors import ArgumentError, CamkitError
from ..forward.untouched import hooked
from .adapter_reading import Call, Make, Reading
from .checks import Check, Promise, checks_of, installed, promise, require, run_all, skip
from .networks import seeded
from .orientation import FOUND, orientation
from .random_weights import DRAWS
from .state import nothing_changes


def adapter_checks(
    adapter: str | Make,
    model: nn.Module,
    sizes: Sequence[tuple[int, ...]],
    channels: int = 3,
    call: Call | None = None,
) -> list[Check]:
    """Every check of an adapter on one model.

    Args:
        adapter: a function of a model and its input's size, or the name of an installed one. Its
            attribute `expected_failures` says which checks it fails, and why.
        model: a model that it is for; a small one with random weights is enough.
        sizes: (height, width) of images that the model takes; best if one of them is not square.
        channels: of the images.
        call: for a model that takes more than images, or takes them in patches or tiles: from
            pictures (N, C, H, W) to all arguments of its call by name, as its processor makes them.

    Raises:
        CamkitError: for an adapter that is not installed, or no size.
    """
    if not sizes:
        raise ArgumentError("pass at least one size (height, width) that the model takes")
    make: Make = installed("adapter", adapter) if isinstance(adapter, str) else adapter
    model = copy.deepcopy(model).eval()
    reading = Reading(make, model, tuple(tuple(size) for size in sizes), channels, call)
    return checks_of(PROMISES, reading, getattr(make, "expected_failures", {}))


def check_adapter(
    adapter: str | Make,
    model: nn.Module,
    sizes: Sequence[tuple[int, ...]],
    channels: int = 3,
    call: Call | None = None,
) -> None:
    """Run every check of an adapter, as `adapter_checks`; AssertionError lists those that fail."""
    checks = adapter_checks(adapter, model, sizes, channels, call)
    run_all(f"the adapter for {type(model).__name__}", checks)


def layer(reading: Reading) -> None:
    """The layer is one of the model's, and runs once in a forward pass, in either mode."""
    for size in reading.sizes:
        adapter = reading.adapter(size)
        given = type(adapter).__name__
        require(isinstance(adapter, Adapter), f"it gave a {given}, not an Adapter")
        modules = set(reading.model.modules())
        require(adapter.layer in modules, "the layer is no module of the model")
        reading.raw(size)
        reading.model.train()
        try:
            in_training = reading.adapter(size)
        finally:
            reading.model.eval()
        require(in_training.layer is adapter.layer, "in training mode it is another layer")


def data(reading: Reading) -> None:
    """It only looks: the model does not run, and is left as it is."""
    size, ran = reading.sizes[0], []
    with nothing_changes(reading.model), hooked(reading.model, lambda *_: ran.append(1)):
        adapter = reading.adapter(size)
        with hooked(adapter.layer, lambda *_: ran.append(1)):
            reading.adapter(size)
    require(not ran, "it runs the model; read its attributes instead")


def grid(reading: Reading) -> None:
    """What it reads is (N, C, h, w), with as many rows and columns as the image's sides say."""
    for size in reading.sizes:
        read = reading.grid(size, reading.raw(size))
        require(len(read) == 2, f"of 2 images it reads {tuple(read.shape)}")
        sides = read.shape[2:]
        require(min(sides) > 0, f"of images of {size} it reads an empty grid {tuple(sides)}")
        for a, b in product(range(len(size)), repeat=2):
            exchanged = size[a] > size[b] and sides[a] < sides[b]
            what = f"of images of {size} it reads a grid of {tuple(sides)}: exchanged"
            require(not exchanged, what)


def orientation_(reading: Reading) -> None:
    """Brightening a patch of the image moves the activations at that place of the grid."""
    if all(reading.adapter(size).reshape is None for size in reading.sizes):
        skip("it reads (N, C, h, w) as it is")
    for size in reading.sizes:
        share = max(_shares_found(reading, size))
        require(
            share >= FOUND,
            f"of images of {size}, {share:.0%} of the patches brightened are found at their place "
            f"(at least {FOUND:.0%}): the grid is transposed, mirrored, shifted or shuffled",
        )


def _shares_found(reading: Reading, size: tuple[int, ...]) -> Iterator[float]:
    """The share of patches found with each draw of weights, until one finds enough of them."""
    images = reading.images(size, count=4)
    for draw in DRAWS.values():
        drawn = reading.on(copy.deepcopy(reading.model))
        with seeded():
            draw(drawn.model, images)
        shares = orientation(partial(_read, drawn, size), images)
        yield max(shares.literal, shares.assigned)
        if shares.right:
            return


def _read(reading: Reading, size: tuple[int, ...], rows: Tensor) -> Tensor:
    return reading.grid(size, reading.raw(size, rows))


def pictures(reading: Reading) -> None:
    """Pixels in patches or tiles are read as pictures, and written back as they were given."""
    if reading.adapter(reading.sizes[0]).pictures is None:
        skip("its model takes images (N, C, H, W)")
    for size in reading.sizes:
        layout = reading.adapter(size).pictures
        assert layout is not None
        given, _ = reading.arguments(reading.images(size))
        read = layout.read(given)
        require(read.shape[2:] == size, f"of pictures {size} it reads {tuple(read.shape)}")
        back = layout.write(read, range(len(read)))
        require(torch.equal(back, given), "what it reads it does not write back as it was given")
        twice = layout.write(torch.cat([read[:1], read[:1]]), [0, 0])
        alone = layout.write(read[:1], [0])
        require(
            torch.equal(twice, torch.cat([alone, alone])),
            "versions of an image are not written one after the other",
        )


def linear(reading: Reading) -> None:
    """Reading is linear, so that a gradient can be read as activations are."""
    size = reading.sizes[0]
    a = reading.raw(size)
    b = torch.randn_like(a)
    read = partial(reading.grid, size)
    same = torch.allclose(read(a - 2 * b), read(a) - 2 * read(b), rtol=1e-4, atol=1e-4)
    require(same, "reading a - 2b is not reading a, less twice reading b")


def gradient(reading: Reading) -> None:
    """A gradient flows back through it from each place of the grid, to its own image alone."""
    size = reading.sizes[0]
    raw = reading.raw(size).requires_grad_()
    with torch.enable_grad():
        read = reading.grid(size, raw)
        require(read.requires_grad, "no gradient flows through it: it detaches")
        (gradients,) = torch.autograd.grad(read[0].sum(), raw)
    own, other = gradients.chunk(2)
    reached, expected = int((own != 0).sum()), read[0].numel()
    require(reached == expected, f"a gradient of {expected} values reaches {reached} of the layer")
    require(not bool(other.any()), "the gradient of one image reaches another")


def batch(reading: Reading) -> None:
    """A batch is read as its images one by one."""
    size = reading.sizes[0]
    raw = reading.raw(size)
    together = reading.grid(size, raw)
    alone = torch.cat([reading.grid(size, row) for row in raw.chunk(2)])
    require(torch.equal(together, alone), "an image of a batch is read in another way than alone")


def strange_tokens(reading: Reading) -> None:
    """Any other number of tokens is an error that says both numbers."""
    size = reading.sizes[0]
    raw = reading.raw(size)
    if reading.adapter(size).reshape is None or raw.ndim != 3:
        skip("it reads no tokens")
    wrong = torch.cat([raw, raw[:, :1], raw[:, :1], raw[:, :1]], 1)
    try:
        read = reading.grid(size, wrong)
    except CamkitError as error:
        require(
            str(wrong.shape[1]) in str(error), f"the error does not say {wrong.shape[1]}: {error}"
        )
        return
    except Exception as error:
        raised = f"{type(error).__name__}: {error}"
        raise AssertionError(f"{wrong.shape[1]} tokens are no CamkitError but {raised}") from error
    raise AssertionError(f"{wrong.shape[1]} tokens were read as a grid {tuple(read.shape[2:])}")


def stranger(reading: Reading) -> None:
    """Of a model it is not for, it names no layer of another one."""
    other = nn.Sequential(nn.Flatten(), nn.Linear(4, 4))
    with nothing_changes(other):
        try:
            adapter = reading.on(other).adapter(reading.sizes[0])
        except Exception:  # noqa: BLE001 - any error will do: it names no layer
            return
    its_own = isinstance(adapter, Adapter) and adapter.layer in set(other.modules())
    require(its_own, "of another model it names a layer that is not part of it")


def _at_each_level(test: Callable[[Reading], None]) -> Callable[[Reading], None]:
    """A test of every level of a pyramid; an adapter that is none has a single one."""

    @wraps(test)
    def test_of_levels(reading: Reading) -> None:
        for level in reading.levels:
            test(level)

    return test_of_levels


PROMISES: list[Promise[Any]] = [
    promise(_at_each_level(test))
    for test in (
        layer,
        data,
        grid,
        orientation_,
        pictures,
        linear,
        gradient,
        batch,
        strange_tokens,
    )
]
PROMISES.append(promise(stranger))
