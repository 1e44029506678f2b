"""What a method or a metric states of itself: optional attributes of its function.

`Method` and `Metric` list the attributes, with their types and defaults. Each is a decorator that
sets them; a function whose attributes are set in another way states the same. All attributes are
optional.

>>> @Method(group="gradient", position_wise=True)
... def squared(probe):
...     return probe.channel_sum(probe.activations.square())
>>> Method.of(squared).group, squared.position_wise
('gradient', True)
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from functools import cache
from types import FunctionType, UnionType
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

F = TypeVar("F", bound=Callable[..., Any])
Facts = TypeVar("Facts", bound="_Facts")


class _Facts:
    """A decorator that sets its fields as attributes of a function."""

    def __call__(self, function: F) -> F:
        """State all of this of `function`, and return it."""
        for name in _TYPES[type(self)]:
            setattr(function, name, getattr(self, name))
        return function

    @classmethod
    def of(cls: type[Facts], function: Any) -> Facts:
        """What a function states; a value of another type counts as not stated."""
        types = _TYPES[cls]
        stated = _stated(function, types)
        return cls(**{name: value for name, value in stated.items() if _fits(value, types[name])})


def _stated(function: Any, names: Collection[str]) -> dict[str, Any]:
    """The attributes that can be read; a callable of any kind may compute them, and fail."""
    if type(function) is FunctionType:
        return {name: value for name, value in vars(function).items() if name in names}
    stated = {}
    for name in names:
        with suppress(Exception):
            stated[name] = getattr(function, name)
    return stated


@dataclass(frozen=True, kw_only=True)
class Method(_Facts):
    """What a method states of itself.

    Attributes:
        group: the heading under which `camkit list-methods` lists it: one of camkit's ("gradient",
            "gradient-free", "attention", "baselines"), or a heading of its own.
        needs: "tail" if it runs edited activations through the layers behind the target layer,
            which are then noted during the forward pass; "attention" if it reads a transformer's
            attention.
        needs_class: whether its map depends on the class. If it does not, the checks of the class
            are left out.
        reads_layer: whether its map depends on the target layer. One that does not, as of masks
            over the image, is made once for all levels of a detector's pyramid.
        position_wise: whether it weighs each position by that position's own gradient, so that
            the map is zero where the gradient is zero.
        gradient_weighted: whether its map is the sum over the channels of gradient times
            activation, wherever the gradient does not vary over the grid; Grad-CAM's is.
        costly: whether it runs the model ten times or more for each channel. Such a method is
            left out where all methods are tried on many images.
        based: whether its option `base_method` names a method, or is one, whose maps it makes its
            own of; it then needs what that method needs.
        concepts: whether it gives several maps for each image beside its own, by setting
            `probe.concepts`; they are `Explanation.concepts`.
        closed_form: its map (h, w) as a function of activations (C, h, w) and the gradient (C,)
            of a score whose gradient is the same everywhere on the grid; all three are numpy
            arrays of float64. None if there is no such formula.
        cost: how often it runs the model for one image, in a few words: "1 run", "1 run per
            channel"; "tail" is what follows the layer, as in "1 run, tail per channel".
        expected_failures: by the name of a check of the conformance kit, why the method fails it.
    """

    group: str = ""
    needs: Literal["", "tail", "attention"] = ""
    needs_class: bool = True
    reads_layer: bool = True
    position_wise: bool = False
    gradient_weighted: bool = False
    costly: bool = False
    based: bool = False
    concepts: bool = False
    closed_form: Callable[..., Any] | None = None
    cost: str = ""
    expected_failures: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Metric(_Facts):
    """What a metric states of itself; `higher_is_better` has to be stated.

    Attributes:
        higher_is_better: its direction; None if it was not stated.
        check: whether it is something to pass or to know, which does not rank methods.
        limit: the mean over the images from which on a method fails the check: upwards where lower
            is better, downwards where higher is; None if no value fails.
        failure: what the verdict says of a method that fails, after its name and without the full
            stop; "{value}" stands for its mean, "{limit}" for the limit. "" says that it fails.
        shortcut: what a map does that fails, e.g. "keeping the whole image", if that is a fault
            only where a metric that `rewards` it is measured, too; "" if it always is.
        reading: how to read its values, in a sentence or two, for the report.
        rewards: the name of the check whose shortcut does well here by itself, as a map that keeps
            the whole image has next to no average drop; "" for none.
        edit: from an image (C, H, W), its heatmap (H, W), a share in (0, 1), a seed, and options of
            the metric by name, to the edited image that it shows the model at that share, as
            `camkit_core.perturbed` gives it; None if it edits none by a share.
        unbeatable: the baselines that no method can beat here by construction; "*" is all.
        expected_failures: by the name of a check of the conformance kit, why it cannot pass.
    """

    higher_is_better: bool | None = None
    check: bool = False
    limit: float | None = None
    failure: str = ""
    shortcut: str = ""
    reading: str = ""
    rewards: str = ""
    edit: Callable[..., Any] | None = None
    unbeatable: tuple[str, ...] = ()
    expected_failures: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Listing(_Facts):
    """What a source of models states of itself.

    Attributes:
        models: "package.module:function", the function without arguments that gives the models of
            the source, each a `camkit_core.ListedModel`; "" if they cannot be listed.
    """

    models: str = ""


_TYPES: dict[type[_Facts], dict[str, Any]] = {
    cls: get_type_hints(cls) for cls in (Method, Metric, Listing)
}


def misstated(cls: type[_Facts], function: Any) -> list[str]:
    """The attributes of a function whose values are of another type than `cls` says, in words."""
    return [
        f"{name} must be {_in_words(kind)}, not {getattr(function, name)!r}"
        for name, kind in _TYPES[cls].items()
        if hasattr(function, name) and not _fits(getattr(function, name), kind)
    ]


@cache
def _parts(kind: Any) -> tuple[Any, tuple[Any, ...]]:
    return get_origin(kind), get_args(kind)


def _fits(value: Any, kind: Any) -> bool:
    """Whether a value is of one of the types that the classes above use."""
    if type(kind) is type and kind is not float:
        return isinstance(value, kind)
    origin, arguments = _parts(kind)
    if origin is Literal:
        return isinstance(value, str) and value in arguments
    if origin is UnionType:
        return any(_fits(value, each) for each in arguments)
    if origin is tuple:
        return isinstance(value, tuple) and all(_fits(each, arguments[0]) for each in value)
    if origin is Mapping:
        return isinstance(value, Mapping) and all(
            isinstance(each, str) for pair in value.items() for each in pair
        )
    if kind is float:
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return callable(value) if origin is Callable else isinstance(value, kind)


def _in_words(kind: Any) -> str:
    if get_origin(kind) is Literal:
        return f"one of {', '.join(map(repr, get_args(kind)))}"
    text = kind.__name__ if isinstance(kind, type) and not get_args(kind) else str(kind)
    return text.replace("collections.abc.", "").replace("typing.", "")
