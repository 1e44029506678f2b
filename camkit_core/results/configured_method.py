"""A method made ready to run: looked up by its name, with its options checked."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..arguments import as_list
from ..errors import ArgumentError, ArgumentTypeError, CamkitError, shown
from ..maps import AXES, full
from ..plugins.facts import Method as MethodFacts
from ..plugins.lookup import look_up, refuse_unknown
from ..plugins.options import checked
from ..probe.probe import Probe

Method = Callable[..., Tensor]


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

    @property
    def needs(self) -> str:
        """What the method needs beside activations and gradients: "tail", "attention" or ""."""
        return MethodFacts.of(self.function).needs

    @property
    def needs_class(self) -> bool:
        """Whether its map depends on the class; it does unless the method states otherwise."""
        return MethodFacts.of(self.function).needs_class

    def run(self, probe: Probe) -> Tensor:
        """The method's map of each image: (N, h, w), detached, float32 or float64.

        Raises:
            CamkitError: if the method returns anything but a map of the images' rank.
        """
        cam = self.function(probe, **self.options)
        images = probe.images
        if not isinstance(cam, Tensor) or cam.ndim != images.ndim - 1 or len(cam) != len(images):
            got = tuple(cam.shape) if isinstance(cam, Tensor) else type(cam).__name__
            raise CamkitError(
                f"method {self.name!r} ({self.origin}) must return a map "
                f"(N, {AXES[images.ndim - 2]}) for {len(images)} images, and returned {got}"
            )
        return full(cam.detach())


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
        raise kind(f"expected a list of methods, at least one; got {shown(methods)}")
    installed = [look_up("method", method) for method in given]
    refuse_unknown(options, [(name, function) for name, function, _ in installed])
    return [
        ConfiguredMethod(name, function, checked(function, options), origin)
        for name, function, origin in installed
    ]
