"""The hooks of camkit, by which a plugin names its contributions.

Most plugins need no hook: an entry point in one of the groups `camkit.methods`, `camkit.adapters`,
`camkit.renderers`, `camkit.metrics` or `camkit.sources` is enough. A module (or an object) under
the group `camkit` implements the hooks itself, for many contributions, or for names that are known
only when it runs.

An implementation is called when plugins are first needed. It has to be quick and should not import
torch. It returns a list of specs, or of functions, whose names then count. If it raises an error,
nothing of its plugin is kept.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import pluggy

hookspec = pluggy.HookspecMarker("camkit")
hookimpl = pluggy.HookimplMarker("camkit")


@dataclass(frozen=True)
class Spec:
    """One contribution.

    Attributes:
        name: the name that users ask for; letters, digits and `_ . + -`.
        target: the callable, or "package.module:attribute", which is imported when first used.
        summary: one line on what it does; "" takes the first line of its docstring.
    """

    name: str
    target: Callable[..., Any] | str
    summary: str = ""


Contributed = Iterable[Spec | Callable[..., Any]]


@hookspec
def camkit_methods() -> Contributed:  # type: ignore[empty-body]
    """Methods: functions of a `Probe` that return a signed map (N, h, w).

    What a method may state of itself are the attributes that `camkit_core.Method` lists.

    >>> from camkit_core.plugins import Registry
    >>> class Plugin:
    ...     @hookimpl
    ...     def camkit_methods(self):
    ...         return [Spec(f"lab-{n}", "lab:powers", f"To the power of {n}") for n in (1, 2)]
    >>> registry = Registry()
    >>> registry.register(Plugin(), "lab")
    >>> registry.find("method", "lab-2").summary
    'To the power of 2'
    """


@hookspec
def camkit_adapters() -> Contributed:  # type: ignore[empty-body]
    """Adapters: functions of a model and its input's size that return an `Adapter`.

    The size is (height, width); of signals (length,), of volumes (depth, height, width); of images
    in another form, such as patches, it is all of their axes after the second. A third parameter
    gets all arguments of the model's call by name, the images as the caller gave them.

    The name is the dotted path of a class, or a dotted prefix of it. One attribute is read:
    `expected_failures`, by the name of a check of the conformance kit, why the adapter fails it.

    >>> from camkit_core.plugins import Registry
    >>> class Plugin:
    ...     @hookimpl
    ...     def camkit_adapters(self):
    ...         return [Spec("fractions.Fraction", lambda model, size: None, "The last fraction")]
    >>> registry = Registry()
    >>> registry.register(Plugin(), "lab")
    >>> from fractions import Fraction
    >>> registry.adapter_for(Fraction).summary
    'The last fraction'
    """


@hookspec
def camkit_renderers() -> Contributed:  # type: ignore[empty-body]
    """Renderers: functions of an explanation, an index and a picture.

    One attribute is read: `expected_failures`, by the name of a check of the conformance kit, why
    the renderer fails it.

    >>> from camkit_core.plugins import Registry
    >>> def plain(explanation, index, picture):
    ...     return picture
    >>> class Plugin:
    ...     @hookimpl
    ...     def camkit_renderers(self):
    ...         return [plain]
    >>> registry = Registry()
    >>> registry.register(Plugin(), "lab")
    >>> registry.find("renderer", "plain").load()(None, 0, "picture")
    'picture'
    """


@hookspec
def camkit_metrics() -> Contributed:  # type: ignore[empty-body]
    """Metrics: functions of a `Case` that return a value for each image (N,).

    What a metric states of itself are the attributes that `camkit_core.Metric` lists; it has to
    state `higher_is_better`, its direction.

    >>> from camkit_core.plugins import Registry
    >>> class Plugin:
    ...     @hookimpl
    ...     def camkit_metrics(self):
    ...         return [Spec("lab-brightness", "lab:brightness", "How bright a map is")]
    >>> registry = Registry()
    >>> registry.register(Plugin(), "lab")
    >>> registry.find("metric", "lab-brightness").summary
    'How bright a map is'
    """


@hookspec
def camkit_sources() -> Contributed:  # type: ignore[empty-body]
    """Sources of models: functions of a name, without the prefix, that return a `ModelSource`.

    The prefix of `--model PREFIX:NAME` is the name of the source. The function raises `UnknownName`
    for a name that it does not know, and imports its library only when it is called.

    >>> from camkit_core.plugins import Registry
    >>> class Plugin:
    ...     @hookimpl
    ...     def camkit_sources(self):
    ...         return [Spec("lab", "lab.models:lab", "The models of our lab")]
    >>> registry = Registry()
    >>> registry.register(Plugin(), "lab")
    >>> registry.find("source", "lab").summary
    'The models of our lab'
    """
