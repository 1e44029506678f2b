"""Where an explanation comes from: versions and settings, ready for JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from ..plugins.lookup import look_up

if TYPE_CHECKING:
    from torch import Tensor

    from ..forward.recording import Recording
    from ..probe.further.configured_method import ConfiguredMethod
    from ..target_layer.choose import TargetLayer

UNKNOWN = "unknown"  # the version of camkit that was never installed


def of_method(
    method: ConfiguredMethod, layers: Sequence[TargetLayer], smoothing: Mapping[str, Any]
) -> dict[str, Any]:
    """Method, options, layers and versions."""
    import torch

    return {
        "method": method.name,
        "method_from": method.origin,
        "options": {name: plain(value) for name, value in method.options.items()},
        "layers": [layer.name for layer in layers],
        "adapter": layers[0].origin,
        **smoothing,
        "camkit": camkit_version(),
        "torch": torch.__version__,
    }


def of_output(recording: Recording) -> dict[str, Any]:
    """Which part of the model's output was explained, where the user said so, and of which entry.

    The entry is the method of the model that an adapter calls in place of the model.
    """
    part, entry = recording.companions.output, recording.companions.entry
    return ({"output": plain(part.key)} if part else {}) | ({"entry": entry} if entry else {})


def of_levels(layers: Sequence[TargetLayer], shares: Sequence[Tensor]) -> dict[str, Any]:
    """What each level of a pyramid contributes to each image's score, where there is one."""
    if not shares:
        return {}
    mean = sum(shares[1:], shares[0]) / len(shares)
    rows = zip(layers, mean.tolist(), strict=True)
    return {"level_shares": {layer.name: of_images for layer, of_images in rows}}


def of_renderer(renderer: Any, options: Mapping[str, Any]) -> dict[str, Any]:
    """Renderer, its options, and where it comes from."""
    name, _, origin = look_up("renderer", renderer)
    values = {option: plain(value) for option, value in options.items()}
    return {"renderer": name, "renderer_from": origin, "renderer_options": values}


@cache  # the metadata is read from disk
def camkit_version() -> str:
    """The installed version of camkit; "unknown" in a checkout without metadata."""
    try:
        return version("camkit")
    except PackageNotFoundError:
        return UNKNOWN


def plain(value: Any) -> Any:
    """A value as JSON takes it: itself, or its repr."""
    return value if isinstance(value, (bool, int, float, str, type(None))) else repr(value)
