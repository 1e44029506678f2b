"""What a method or a metric states of itself: optional attributes of its function.

Each class here lists the attributes of one kind, with their defaults, and is a decorator that sets
them. A function whose attributes are set in another way states the same.

>>> @Method(group="gradient", position_wise=True)
... def squared(probe):
...     return probe.channel_sum(probe.activations.square())
>>> Method.of(squared).group, squared.position_wise
('gradient', True)
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal, TypeVar

F = TypeVar("F", bound=Callable[..., Any])
Facts = TypeVar("Facts", bound="_Facts")


@dataclass(frozen=True)
class _Facts:
    """A decorator that sets its fields as attributes of a function."""

    def __call__(self, function: F) -> F:
        """State all of this of `function`, and return it."""
        for one in fields(self):
            setattr(function, one.name, getattr(self, one.name))
        return function

    @classmethod
    def of(cls: type[Facts], function: Any) -> Facts:
        """What a function states; the default of what it does not."""
        names = [one.name for one in fields(cls) if hasattr(function, one.name)]
        return cls(**{name: getattr(function, name) for name in names})


@dataclass(frozen=True)
class Method(_Facts):
    """What a method states of itself.

    Attributes:
        group: under which heading `camkit list-methods` lists it; one of camkit's ("gradient",
            "gradient-free", "attention", "baselines", ...), or one of its own.
        needs: "tail" if it runs edited activations through what follows the layer, which is then
            noted during the forward pass; "attention" if it reads a transformer's attention.
        needs_class: whether its map depends on the class; such a map is tested on every class.
        position_wise: whether it weighs each position by that position's own gradient, so that
            the map is zero where the gradient is.
        gradient_weighted: whether its map is the sum of gradient times activation wherever the
            gradient does not vary over the grid, as Grad-CAM's is behind global pooling.
        costly: whether it takes ten runs of the model and more for each channel; such a method
            is left out where all are tried on many images.
        closed_form: its map (h, w) as a function of activations (C, h, w) and the gradient (C,)
            of a score that is the same everywhere on the grid, both numpy; None if there is none.
        expected_failures: by the name of a check of the conformance kit, why it cannot pass.
    """

    group: str = ""
    needs: Literal["", "tail", "attention"] = ""
    needs_class: bool = True
    position_wise: bool = False
    gradient_weighted: bool = False
    costly: bool = False
    closed_form: Callable[..., Any] | None = None
    expected_failures: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Metric(_Facts):
    """What a metric states of itself; `higher_is_better` has to be stated.

    Attributes:
        higher_is_better: its direction; None if it was not stated.
        check: whether it is something to pass or to know, which does not rank methods.
        limit: the value from which on a method fails the check: upwards where lower is better,
            downwards where higher is; None if no value fails.
        failure: what is then said of the method's maps, after "its maps", e.g. "stay alike when
            the weights are randomised".
        reading: how to read its values, in a sentence or two, for the report.
        rewards: the name of a check whose failure does well here by itself, as a map that keeps
            the whole image has next to no average drop; "" for none.
        unbeatable: the baselines that no method can beat here by construction; "*" is all.
        expected_failures: by the name of a check of the conformance kit, why it cannot pass.
    """

    higher_is_better: bool | None = None
    check: bool = False
    limit: float | None = None
    failure: str = ""
    reading: str = ""
    rewards: str = ""
    unbeatable: tuple[str, ...] = ()
    expected_failures: Mapping[str, str] = field(default_factory=dict)
