"""A metric by its name or function, with its options and what it states of itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..arguments import as_list
from ..errors import ArgumentError, ArgumentTypeError, PluginError, shown
from ..plugins.facts import Metric
from ..plugins.lookup import blaming_plugin, look_up, refuse_unknown
from ..plugins.options import checked
from .case import Case

MetricFunction = Any  # a function of a `Case`
Metrics = Sequence[str | MetricFunction] | Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class ConfiguredMetric:
    """A metric with its options, ready to run.

    Attributes:
        name: its name.
        function: from a `Case` to values (N,).
        options: its keyword arguments.
        facts: what it states of itself.
        origin: the distribution it comes from, and its version.
    """

    name: str
    function: MetricFunction
    options: dict[str, Any]
    facts: Metric
    origin: str = "given"

    def values(self, case: Case) -> Tensor:
        """Its values (N,), float64, on the CPU.

        Raises:
            PluginError: if it gives anything else than a value for each image.
        """
        with blaming_plugin(f"metric {self.name!r} ({self.origin})", self.origin):
            values = self.function(case, **self.options)
        if not isinstance(values, Tensor) or values.shape != (len(case.images),):
            got = tuple(values.shape) if isinstance(values, Tensor) else type(values).__name__
            raise PluginError(
                f"metric {self.name!r} must return a value for each of {len(case.images)} images, "
                f"a tensor (N,), and returned {got}"
            )
        return values.detach().cpu().double()


def configure_metrics(metrics: Metrics) -> list[ConfiguredMetric]:
    """The metrics by name, with their options checked.

    Raises:
        UnknownName: for a metric that is not installed, or an option that it does not take.
        PluginError: if it cannot be loaded, or does not say which way is better.
        ArgumentError: for no metric at all, or a value an option does not allow.
    """
    named = as_list(metrics)
    if not named:
        kind = ArgumentTypeError if named is None else ArgumentError
        hint = f", as in [{shown(metrics)}]" if isinstance(metrics, str) else ""
        raise kind(f"expected a list of metrics, at least one{hint}; got {shown(metrics)}")
    options_of = metrics if isinstance(metrics, Mapping) else {}
    return [_configured(metric, options_of[metric] if options_of else {}) for metric in named]


def _configured(metric: str | MetricFunction, options: Mapping[str, Any]) -> ConfiguredMetric:
    name, function, origin = look_up("metric", metric)
    if not isinstance(options, Mapping):
        raise ArgumentTypeError(
            f"expected the options of metric {name!r} as a dict, {{}} for none; "
            f"got {shown(options)}"
        )
    refuse_unknown(options, [(name, function)])
    facts = Metric.of(function)
    if not isinstance(facts.higher_is_better, bool):
        raise PluginError(
            f"metric {name!r} ({origin}) does not say which way is better; give its function the "
            f"attribute higher_is_better, True or False"
        )
    return ConfiguredMetric(name, function, checked(function, options, name), facts, origin)
