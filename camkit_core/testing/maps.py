"""The checks of maps: shapes, ranges, batches, targets, devices."""

from __future__ import annotations

import gc
import inspect
import warnings
import weakref
from typing import Any

import torch
from torch import Tensor, nn

from .checks import Promise, promise, require, skip
from .explainers import Explainer
from .networks import CLASSES, Stumble, Stumbling, conv_net, seeded, some_images, token_net
from .state import nothing_changes

SIZES = [(16, 16), (24, 16), (16, 24), (17, 23)]


def shape(explain: Explainer) -> None:
    """One map for each image, of the image's size, square or not."""
    for height, width in SIZES:
        heats = explain(conv_net(), some_images(2, height, width), 1)
        given, expected = tuple(heats.shape), (2, height, width)
        what = f"for images of {height}x{width} it gave {given}, not {expected}"
        require(given == expected, what)


def range_(explain: Explainer) -> None:
    """Values are finite and in [0, 1], and each map's greatest is 1 unless it is empty."""
    for target in range(CLASSES):
        heats = explain(conv_net(), some_images(4), target)
        require(bool(torch.isfinite(heats).all()), "a heatmap is not finite")
        low, high = float(heats.min()), heats.flatten(1).amax(1)
        require(low >= 0, f"a heatmap goes down to {low:.3g}")
        right = ((high - 1).abs() < 1e-3) | (high == 0)
        require(bool(right.all()), f"the greatest values of four heatmaps are {_shown(high)}")


def degenerate(explain: Explainer) -> None:
    """Black, constant and one-sided images give finite maps, without a warning."""
    against = conv_net()
    with torch.no_grad():
        against.head[-1].weight.abs_().neg_()  # type: ignore[operator]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for model in (conv_net(), against):
            for images in (torch.zeros(2, 3, 16, 16), torch.ones(2, 3, 16, 16), some_images()):
                heats = explain(model, images, 0)
                require(bool(torch.isfinite(heats).all()), "a heatmap is not finite")


def place(explain: Explainer) -> None:
    """Where the image moves, the map moves: down is down, and right is right."""
    # The padding is circular, so the network treats an image that is rolled round its edges alike.
    model, images = conv_net(stride=1), some_images(2, 12, 10)
    plain = explain(model, images, 1)
    for shift, axis, name in ((3, 1, "down"), (2, 2, "to the right")):
        moved = explain(model, images.roll(shift, axis + 1), 1)
        require(
            _close(moved, plain.roll(shift, axis), 1e-3),
            f"with the image moved {name} the map does not move with it: it is transposed, "
            f"mirrored, or knows places",
        )


def layouts(explain: Explainer) -> None:
    """Tokens are read as the adapter says: of prefix tokens the map knows nothing."""
    # Each patch is one pixel, and nothing mixes patches. So where the image moves, the map moves.
    images = some_images(2, 6, 8)
    for prefix in (0, 1, 5):
        model = token_net(prefix, patch=1)
        plain = explain(model, images, 1)
        what = f"behind {prefix} prefix tokens it gave {tuple(plain.shape)}, not (2, 6, 8)"
        require(tuple(plain.shape) == (2, 6, 8), what)
        moved = explain(model, images.roll((2, 3), (2, 3)), 1)
        what = f"behind {prefix} prefix tokens the map does not move with the image"
        require(_close(moved, plain.roll((2, 3), (1, 2)), 1e-3), what)
    coarse = explain(token_net(), some_images(2, 16, 24), 1)
    what = f"for images of 16x24 in patches of 4 it gave {tuple(coarse.shape)}"
    require(tuple(coarse.shape) == (2, 16, 24), what)


def repeat(explain: Explainer) -> None:
    """The same map twice, to the last bit, whatever random numbers were drawn before."""
    model, images = conv_net(), some_images()
    with seeded(5):
        first = explain(model, images, 1)
        torch.rand(3)
        again = explain(model, images, 1)
    require(torch.equal(first, again), "the second map differs; draw from a generator of your own")


def batch(explain: Explainer) -> None:
    """A batch gives the maps of its images one by one."""
    model, images = conv_net(), some_images(4) * torch.tensor([1, 3, 0.2, 1]).view(4, 1, 1, 1)
    together = explain(model, images, [1, 2, 0, 1])
    for index, target in enumerate([1, 2, 0, 1]):
        alone = explain(model, images[index : index + 1], target)
        require(
            _close(together[index : index + 1], alone),
            f"image {index} of a batch of four has another map than alone",
        )


def permutation(explain: Explainer) -> None:
    """In another order, the images and their targets give the same maps in that order."""
    model, images, targets = conv_net(), some_images(4), [0, 1, 2, 3]
    order = [2, 0, 3, 1]
    plain = explain(model, images, targets)
    mixed = explain(model, images[order], [targets[index] for index in order])
    require(_close(mixed, plain[order]), "the maps do not follow their images and targets")


def target(explain: Explainer) -> None:
    """The map is that of the class asked for: another class, another map; None is the top class."""
    model, images = conv_net(), some_images()
    by_class = [explain(model, images, category) for category in range(CLASSES)]
    difference = max(float((heats - by_class[0]).abs().max()) for heats in by_class[1:])
    require(difference > 1e-3, "every class has the same map")
    with torch.no_grad():
        top = model(images).argmax(1).tolist()
    of_top = torch.stack([by_class[category][index] for index, category in enumerate(top)])
    unasked = explain(model, images)
    require(_close(unasked, of_top), "without a target it is not the top class's map")
    require(_close(explain(model, images, top), of_top), "a class for each image is read otherwise")


def no_such_class(explain: Explainer) -> None:
    """A class that the model does not have is an error."""
    try:
        explain(conv_net(), some_images(), CLASSES)
    except Exception:  # noqa: BLE001 - each library has its own
        return
    raise AssertionError(f"it explained class {CLASSES} of a model with {CLASSES}")


def dtype(explain: Explainer) -> None:
    """A model in float64 has the same maps."""
    model, images = conv_net(), some_images()
    single = explain(model, images, 1)
    double = explain(model.double(), images.double(), 1)
    require(
        double.is_floating_point() and _close(double.float(), single.float(), 1e-3),
        f"maps of the float64 model ({double.dtype}) differ from those of float32",
    )


def chunks(explain: Explainer) -> None:
    """How many rows run at once does not matter."""
    if "batch_size" not in inspect.signature(explain).parameters:
        skip("it has no batch_size")
    model, images = conv_net(channels=7), some_images()
    settings: Any = [{"batch_size": size} for size in (1, 3, 64)]
    maps = [explain(model, images, 1, **setting) for setting in settings]
    require(all(_close(heats, maps[0]) for heats in maps), "maps differ with batch_size")


def frozen(explain: Explainer) -> None:
    """A model whose parameters are frozen has the same maps."""
    model, images = conv_net(), some_images()
    expected = explain(model, images, 1)
    heats = explain(conv_net().requires_grad_(False), images, 1)
    require(_close(heats, expected), "with frozen parameters the map is another")


def no_grad(explain: Explainer) -> None:
    """Under `no_grad` and `inference_mode` the maps are the same."""
    model, images = conv_net(), some_images()
    expected = explain(model, images, 1)
    for mode in (torch.no_grad, torch.inference_mode):
        with mode():
            heats = explain(model, images, 1)
        require(_close(heats, expected), f"under {mode.__name__} the map is another")


def detached(explain: Explainer) -> None:
    """A heatmap is no part of a graph, and shares no memory with the images."""
    images = some_images().requires_grad_()
    heats = explain(conv_net(), images, 1)
    require(not heats.requires_grad, "the heatmap requires a gradient: detach it")
    shared = heats.untyped_storage().data_ptr() == images.untyped_storage().data_ptr()
    require(not shared, "the heatmap is a view of the images")


def leak(explain: Explainer) -> None:
    """Nothing keeps the model alive."""
    model = conv_net()
    explain(model, some_images(), 1)
    reference = weakref.ref(model)
    del model
    for generation in range(3):  # most of what is dropped is young, and a full look is long
        if reference() is not None:
            gc.collect(generation)
    require(reference() is None, "the model is still alive after its explanation was dropped")


def threads(explain: Explainer) -> None:
    """Two models in two threads have the maps they have one after the other."""
    from concurrent.futures import ThreadPoolExecutor

    models: list[nn.Module] = [conv_net(channels=width) for width in (4, 5, 6, 9)]
    images = some_images()
    expected = [explain(model, images, 1) for model in models]
    with ThreadPoolExecutor(len(models)) as pool:
        for _ in range(3):
            maps = list(pool.map(lambda model: explain(model, images, 1), models))
            same = all(map(_close, maps, expected))
            require(same, "in threads the maps are others")


def device(explain: Explainer) -> None:
    """On a GPU the maps are there, and the same, and nothing there is changed."""
    if not torch.cuda.is_available():
        skip("there is no GPU")
    images = some_images()
    expected = explain(conv_net(), images, 1)
    model, images = conv_net().cuda(), images.cuda()
    with nothing_changes(model, images):
        heats = explain(model, images, 1)
    require(heats.is_cuda, f"the heatmap is on {heats.device}")
    require(_close(heats.cpu(), expected, 1e-3), "on the GPU the map is another")


def exception(explain: Explainer) -> None:
    """An error of the model itself is passed on, and nothing is left of the call."""
    images = some_images()
    for where in ("before", "after"):
        model = Stumbling(conv_net(), where).eval()
        with nothing_changes(model, images):
            try:
                explain(model, images, 1)
            except Stumble:
                continue
            except Exception as error:
                raised = f"{type(error).__name__} in place of the model's own error"
                raise AssertionError(f"it raised {raised}") from error
            raise AssertionError("it swallowed an error of the model")


def _close(heats: Tensor, others: Tensor, within: float = 1e-4) -> bool:
    return heats.shape == others.shape and torch.allclose(heats, others, rtol=within, atol=within)


def _shown(values: Tensor) -> str:
    return ", ".join(f"{float(value):.3g}" for value in values)


# fmt: off
MAPS: list[Promise[Explainer]] = [
    promise(test)
    for test in (
        shape, range_, degenerate, place, layouts, repeat, batch, permutation, target,
        no_such_class, dtype, chunks, frozen, no_grad, detached, leak, threads, device, exception,
    )
]
# fmt: on
