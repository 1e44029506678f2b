"""Methods made ready to run: found, their options checked, their origin kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from ..errors import CamkitError
from ..maps import AXES, full
from ..plugins.lookup import look_up, refuse_unknown
from ..plugins.options import checked
from ..probe.probe import Probe

Method = Callable[..., Tensor]


@dataclass(frozen=True)
class ConfiguredMethod:
    """A method with its options: its name, its function, and the distribution it comes from."""

    name: str
    function: Method
    options: dict[str, Any]
    origin: str

    @property
    def needs(self) -> str:
        """What it asks the engine for: "tail" or "attention"; "" for no more than any does."""
        return str(getattr(self.function, "needs", ""))

    def run(self, probe: Probe) -> Tensor:
        """The method's map, detached.

        Raises:
            CamkitError: if it is no map (N, h, w) of the images' rank.
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
        CamkitError: for no method at all, or a value an option does not allow.
    """
    if isinstance(methods, str) or not methods:
        raise CamkitError(f"expected a list of methods, at least one; got {methods!r}")
    known = [look_up("method", method) for method in methods]
    refuse_unknown(options, [(name, function) for name, function, _ in known])
    return [
        ConfiguredMethod(name, function, checked(function, options), origin)
        for name, function, origin in known
    ]
