"""The checks of metrics: a case in, a value for each image out, and nothing else."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ..adapter import Adapter
from ..errors import CamkitError, CamkitWarning, UnknownName
from ..metrics.judging.baselines import BASELINES, Baseline
from ..metrics.judging.judge import judge_with
from ..plugins.facts import Metric, misstated
from ..results.call import explained
from ..results.settings import settings_of
from .checks import Check, Promise, checks_of, installed, promise, require, run_all
from .given import watching
from .networks import conv_net, seeded, some_images
from .state import nothing_changes

Function = Callable[..., Tensor]
LONGEST = 400  # characters of a text that the report or the verdict shows


def metric_checks(metric: str | Function, **options: Any) -> list[Check]:
    """Every check of a metric.

    Args:
        metric: a function of a `Case`, or the name of an installed one. A check in the
            `expected_failures` that it states has to fail (see `camkit_core.Metric`).
        **options: the metric's own.

    Raises:
        CamkitError: for a metric that is not installed.
    """
    function = installed("metric", metric) if isinstance(metric, str) else metric
    expected = Metric.of(function).expected_failures
    return checks_of(PROMISES, MetricRun(function, options), expected)


def check_metric(metric: str | Function, **options: Any) -> None:
    """Run every check of a metric; AssertionError lists those that fail."""
    name = metric if isinstance(metric, str) else getattr(metric, "__name__", "")
    run_all(f"metric {name!r}", metric_checks(metric, **options))


class MetricRun:
    """Runs a metric on the maps of a method, Grad-CAM by default, of a small network."""

    def __init__(self, function: Any, options: dict[str, Any]) -> None:
        self.function = function
        self.options = options

    def __call__(
        self,
        model: nn.Module,
        images: Tensor,
        target: Any = 1,
        method: Any = "gradcam",
        baselines: Mapping[str, Baseline] | None = None,
    ) -> Any:
        """The metric's values (N,), as of `compare`; without baselines unless they are given."""
        judge = judge_with({self.function: self.options}, {}, baselines or {})
        layer: Any = model.layer
        settings = settings_of([method], adapter=Adapter(layer), judge=judge)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", CamkitWarning)  # of maps that are blank on purpose
            _, judgement = explained(model, images, [target], settings)
        return judgement.measures[0].values


def direction(run: MetricRun) -> None:
    """Its attribute higher_is_better says which way is better."""
    better = getattr(run.function, "higher_is_better", None)
    require(isinstance(better, bool), f"higher_is_better is {better!r}, not True or False")


def facts(run: MetricRun) -> None:
    """What it states of itself is well-formed, and names what there is."""
    wrong = misstated(Metric, run.function)
    require(not wrong, "; ".join(wrong))
    stated = Metric.of(run.function)
    require(stated.check or stated.limit is None, "limit is stated, and check=True is not")
    for name in ("failure", "shortcut", "reading"):
        _short(name, getattr(stated, name))
        needs_limit = name != "reading" and getattr(stated, name)
        require(not needs_limit or stated.limit is not None, f"{name} is stated, and no limit")
    _known_baselines(stated.unbeatable)
    if stated.rewards:
        _known_shortcut(stated.rewards)


def _short(name: str, text: str) -> None:
    short = text == " ".join(text.split()) and len(text) <= LONGEST
    require(short, f"{name} is not one line of at most {LONGEST} characters")


def _known_baselines(names: tuple[str, ...]) -> None:
    unknown = [name for name in names if name not in (*BASELINES, "*")]
    require(not unknown, f"unbeatable names {unknown}; there are {', '.join(BASELINES)} and '*'")


def _known_shortcut(name: str) -> None:
    try:
        check = Metric.of(installed("metric", name))
    except UnknownName as error:
        raise AssertionError(f"rewards: {error}") from error
    require(bool(check.shortcut), f"rewards names {name}, which states no shortcut")


def values(run: MetricRun) -> None:
    """One value for each image, finite, or nan where it is not defined."""
    for count, baselines in ((1, BASELINES), (3, {})):
        try:
            result = run(conv_net(), some_images(count), baselines=baselines)
        except CamkitError as error:
            raise AssertionError(str(error)) from error
        require(not bool(result.isinf().any()), f"a value is {result.tolist()}")


def empty_map(run: MetricRun) -> None:
    """A map that is zero everywhere, or one everywhere, is no error."""
    for level in (0.0, 1.0):

        def flat(probe: Any, level: float = level) -> Tensor:
            return torch.full_like(probe.images[:, 0], level)

        value = run(conv_net(), some_images(1), method=flat)
        require(not bool(value.isinf().any()), f"of a map of {level} the value is {value.tolist()}")


def batch(run: MetricRun) -> None:
    """A batch has the values of its images one by one."""
    model, images = conv_net(), some_images(3)
    together = run(model, images, [1, 2, 0])
    for index, target in enumerate([1, 2, 0]):
        alone = run(model, images[index : index + 1], target)
        require(
            torch.allclose(alone, together[index : index + 1], 1e-3, 1e-4, equal_nan=True),
            f"image {index} has {float(together[index]):.5g} in a batch, {float(alone):.5g} alone",
        )


def repeat(run: MetricRun) -> None:
    """The same value twice, whatever random numbers were drawn before."""
    model, images = conv_net(), some_images(2)
    with seeded(5):
        first = run(model, images)
        torch.rand(3)
        again = run(model, images)
    require(
        torch.equal(first.nan_to_num(-1), again.nan_to_num(-1)),
        "the second value differs; draw from a generator seeded by case.seed",
    )


def untouched(run: MetricRun) -> None:
    """Model, images, modes and random states are what they were."""
    for training in (False, True):
        model, images = conv_net().train(training), some_images(2)
        with nothing_changes(model, images):
            run(model, images)


def given(run: MetricRun) -> None:
    """The images and the maps that it reads are as they were, also as numpy arrays."""
    watched = watching(run.function, ("images", "cam", "heatmaps"))
    MetricRun(watched, run.options)(conv_net(), some_images(2))


PROMISES: list[Promise[MetricRun]] = [
    promise(test) for test in (direction, facts, values, empty_map, batch, repeat, untouched, given)
]
