"""Methods and renderers made ready to run: found, their options checked, their origin kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from functools import partial
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from .errors import CamkitError, UnknownName, unknown
from .maps import AXES
from .options import checked, takes
from .plugins import get_registry
from .probe import Probe

if TYPE_CHECKING:
    from PIL.Image import Image

# What `compare` itself takes by name.
SETTINGS = (
    *("adapter", "aug_smooth", "batch_size", "eigen_smooth", "guided", "image_input", "metrics"),
    *("layer", "target"),
)
Method = Callable[..., Tensor]
Renderer = Callable[..., "Image"]


@dataclass(frozen=True)
class Plan:
    """A method with its options: its name, its function, and the distribution it comes from."""

    name: str
    function: Method
    options: dict[str, Any]
    origin: str

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
        return cam.detach() if cam.dtype == torch.float64 else cam.detach().float()


def plan_all(methods: Sequence[str | Method], options: Mapping[str, Any]) -> list[Plan]:
    """A plan for each method, with those of `options` that it takes.

    Raises:
        UnknownName: for a method that is not installed, or an option that no method takes.
        CamkitError: for no method at all, or a value an option does not allow.
    """
    if isinstance(methods, str) or not methods:
        raise CamkitError(f"expected a list of methods, at least one; got {methods!r}")
    known = [found("method", method) for method in methods]
    refuse_unknown(options, [(name, function) for name, function, _ in known])
    return [
        Plan(name, function, checked(function, options), origin) for name, function, origin in known
    ]


def find_renderer(renderer: str | Renderer, options: Mapping[str, Any]) -> Renderer:
    """A renderer with its options, which takes an explanation, an index and a picture.

    Raises:
        UnknownName: for a renderer that is not installed, or an option it does not take.
        CamkitError: for a value an option does not allow.
    """
    name, function, _ = found("renderer", renderer)
    refuse_unknown(options, [(name, function)])
    return partial(function, **checked(function, options))


def found(kind: str, given: Any) -> tuple[str, Callable[..., Any], str]:
    """Name, function and origin of a "method", "renderer" or "metric", by name or itself.

    Raises:
        UnknownName: if none of that name is installed.
        PluginError: if it cannot be loaded.
    """
    if callable(given):
        return getattr(given, "__name__", kind), given, "given"
    contribution = get_registry().find(kind, given)
    return contribution.name, contribution.load(), contribution.origin


def refuse_unknown(
    options: Mapping[str, Any], functions: Sequence[tuple[str, Callable[..., Any]]]
) -> None:
    """Raise UnknownName for an option that none of the named functions takes."""
    known = {name for _, function in functions for name in takes(function)}
    for option in options:
        if option not in known and None not in known:
            owners = ", ".join(name for name, _ in functions)
            close = get_close_matches(option, SETTINGS, n=1)
            if close:
                raise UnknownName(f"no option named {option!r}. Did you mean {close[0]!r}?")
            raise unknown(f"option of {owners}", option, [name for name in known if name])
