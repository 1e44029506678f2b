"""The checks of metrics: a case in, a value for each image out, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from ..engine import compare
from ..errors import CamkitError
from .checks import Check, Promise, checks_of, installed, promise, require, run_all
from .networks import conv_net, seeded, some_images
from .state import nothing_changes

Ask = Callable[..., Tensor]


def metric_checks(metric: str | Ask, **options: Any) -> list[Check]:
    """Every check of a metric.

    Args:
        metric: a function of a `Case`, or the name of an installed one. Its attribute
            `expected_failures` says what it cannot keep.
        **options: the metric's own.

    Raises:
        CamkitError: for a metric that is not installed.
    """
    function = installed("metric", metric) if isinstance(metric, str) else metric
    expected = getattr(function, "expected_failures", {})
    return checks_of(PROMISES, Asking(function, options), expected)


def check_metric(metric: str | Ask, **options: Any) -> None:
    """Run every check of a metric; AssertionError lists those that fail."""
    name = metric if isinstance(metric, str) else getattr(metric, "__name__", "")
    run_all(f"metric {name!r}", metric_checks(metric, **options))


class Asking:
    """A metric to be asked about Grad-CAM's maps of a small network."""

    def __init__(self, function: Any, options: dict[str, Any]) -> None:
        self.function = function
        self.options = options

    def __call__(
        self, model: nn.Module, images: Tensor, target: Any = 1, method: Any = None
    ) -> Any:
        """Its values (N,)."""
        asked = {self.function: self.options}
        found = compare(model, images, [method or "gradcam"], [target], "layer", metrics=asked)
        judgement = found.judgement
        assert judgement is not None
        return judgement.measures[0].values


def direction(ask: Asking) -> None:
    """Its attribute higher_is_better says which way is better."""
    better = getattr(ask.function, "higher_is_better", None)
    require(isinstance(better, bool), f"higher_is_better is {better!r}, not True or False")


def values(ask: Asking) -> None:
    """One value for each image, finite, or nan where it is not defined."""
    for count in (1, 3):
        try:
            found = ask(conv_net(), some_images(count))
        except CamkitError as error:
            raise AssertionError(str(error)) from error
        require(not bool(found.isinf().any()), f"a value is {found.tolist()}")


def empty_map(ask: Asking) -> None:
    """A map that is zero everywhere, or one everywhere, is no error."""
    for level in (0.0, 1.0):

        def flat(probe: Any, level: float = level) -> Tensor:
            return torch.full_like(probe.images[:, 0], level)

        found = ask(conv_net(), some_images(1), method=flat)
        require(not bool(found.isinf().any()), f"of a map of {level} the value is {found.tolist()}")


def batch(ask: Asking) -> None:
    """A batch has the values of its images one by one."""
    model, images = conv_net(), some_images(3)
    together = ask(model, images, [1, 2, 0])
    for index, target in enumerate([1, 2, 0]):
        alone = ask(model, images[index : index + 1], target)
        require(
            torch.allclose(alone, together[index : index + 1], 1e-3, 1e-4, equal_nan=True),
            f"image {index} has {float(together[index]):.5g} in a batch, {float(alone):.5g} alone",
        )


def repeat(ask: Asking) -> None:
    """The same value twice, whatever random numbers were drawn before."""
    model, images = conv_net(), some_images(2)
    with seeded(5):
        first = ask(model, images)
        torch.rand(3)
        again = ask(model, images)
    require(
        torch.equal(first.nan_to_num(-1), again.nan_to_num(-1)),
        "the second value differs; draw from a generator seeded by case.seed",
    )


def untouched(ask: Asking) -> None:
    """Model, images, modes and random states are what they were."""
    for training in (False, True):
        model, images = conv_net().train(training), some_images(2)
        with nothing_changes(model, images):
            ask(model, images)


PROMISES: list[Promise[Asking]] = [
    promise(one) for one in (direction, values, empty_map, batch, repeat, untouched)
]
