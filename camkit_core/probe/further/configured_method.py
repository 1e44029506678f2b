"""A method made ready to run: looked up by its name, with its options checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Protocol

import torch
from torch import Tensor

from ...arguments import as_list
from ...errors import ArgumentError, ArgumentTypeError, PluginError, shown
from ...maps import AXES, full
from ...plugins import get_registry
from ...plugins.blame import kind_of
from ...plugins.contribution import is_camkits_own
from ...plugins.facts import Method as MethodFacts
from ...plugins.lookup import blaming_plugin, look_up, refuse_unknown
from ...plugins.options import checked
from ...pytree import own_copy

if TYPE_CHECKING:
    from .concepts import Concepts

Method = Callable[..., Tensor]


class Given(Protocol):
    """What a method is given: a `Probe`."""

    @property
    def image_shape(self) -> torch.Size:
        """The shape of the images."""

    @property
    def concepts(self) -> Concepts | None:
        """The concepts that the method has set."""

    def check(self, culprit: str) -> None:
        """Raise PluginError if the method changed what others read."""


@dataclass(frozen=True)
class ConfiguredMethod:
    """A method with its options.

    Attributes:
        name: the method's name.
        function: from a `Probe` to a map.
        options: its keyword arguments.
        origin: the distribution it comes from, and its version.
    """

    name: str
    function: Method
    options: dict[str, Any]
    origin: str

    @cached_property
    def facts(self) -> MethodFacts:
        """What the method states of itself; one made of another needs what the other needs."""
        stated = MethodFacts.of(self.function)
        given = self.options.get("base_method")
        if not stated.based or given is None:
            return stated
        _, function, _ = look_up("method", given)
        return replace(stated, needs=stated.needs or MethodFacts.of(function).needs)

    def run(self, probe: Given) -> Tensor:
        """The method's map of each image: (N, h, w), detached, float32 or float64.

        Raises:
            PluginError: if the method returns anything but a map of the images' rank.
        """
        with blaming_plugin(self.culprit, self.origin):
            cam = self.function(probe, **self.options)
        probe.check(self.culprit)
        shape = probe.image_shape
        if wrong := _wrong(cam, shape):
            raise PluginError(
                f"{self.culprit} must return a map (N, {AXES[len(shape) - 2]}) for "
                f"{shape[0]} images, and returned {wrong}"
            )
        if probe.concepts is not None and (wrong := probe.concepts.misfit(shape[0])):
            raise PluginError(
                f"{self.culprit} must give K concepts of each image, and gave {wrong}"
            )
        # Another's method may keep the tensor, and write the next map into it.
        return full(cam.detach()) if self.is_camkits_own else own_copy(full(cam.detach()))

    @cached_property
    def is_camkits_own(self) -> bool:
        """Whether camkit itself brings the method, so that it is known to change nothing."""
        return is_camkits_own(self.origin)

    @cached_property
    def culprit(self) -> str:
        """The method and where it comes from, for messages."""
        return f"method {self.name!r} ({self.origin})"


def _wrong(cam: Any, shape: Sequence[int]) -> str:
    """What a method returned, in words, if that is no map of the images; else ""."""
    if not isinstance(cam, Tensor):
        made = kind_of(cam)
        return f"{made}; torch.from_numpy makes a tensor of it" if made == "ndarray" else made
    if cam.ndim == len(shape) and len(cam) == shape[0]:
        return f"{tuple(cam.shape)}; probe.channel_sum adds its channels up"
    if cam.ndim != len(shape) - 1 or len(cam) != shape[0] or not cam.numel():
        return str(tuple(cam.shape))
    if cam.layout is not torch.strided or cam.is_meta or cam.is_nested or cam.is_complex():
        return f"a tensor of {cam.dtype}, {cam.layout}, on {cam.device}"
    return ""


def configure(
    methods: Sequence[str | Method], options: Mapping[str, Any]
) -> list[ConfiguredMethod]:
    """Each method, with those of `options` that it takes.

    Raises:
        UnknownName: for a method that is not installed, or an option that no method takes.
        ArgumentError: for no method at all, or a value an option does not allow.
    """
    given = as_list(methods)
    if not given:
        kind = ArgumentTypeError if given is None else ArgumentError
        hint = f", as in [{shown(methods)}]" if isinstance(methods, str) else ""
        raise kind(f"expected a list of methods, at least one{hint}; got {shown(methods)}")
    if not options and all(isinstance(method, str) for method in given):
        return list(map(_without_options, given))
    installed = [look_up("method", method) for method in given]
    refuse_unknown(options, [(name, function) for name, function, _ in installed])
    return [
        ConfiguredMethod(name, function, checked(function, options, name), origin)
        for name, function, origin in installed
    ]


def _without_options(name: str) -> ConfiguredMethod:
    """An installed method; camkit's own are looked up once, until plugins are registered."""
    global _own
    rows = get_registry().contributions("method")
    if _own[0] is not rows:
        _own = rows, {}
    method = _own[1].get(name)
    if method is None:
        meant, function, origin = look_up("method", name)
        method = ConfiguredMethod(meant, function, {}, origin)
        if method.is_camkits_own:
            _own[1][name] = method
    return method


_own: tuple[Any, dict[str, ConfiguredMethod]] = None, {}
