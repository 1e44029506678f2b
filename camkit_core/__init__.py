"""camkit: class activation maps for any PyTorch vision model, every part a plugin."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .adapter import Adapter, channels_last_to_grid, tokens_to_grid
    from .class_form import ClassForm
    from .comparison import Comparison
    from .engine import compare, explain
    from .errors import (
        CamkitDeprecation,
        CamkitError,
        CamkitWarning,
        InputError,
        LayerError,
        NoAdapter,
        PluginError,
        TargetError,
        UnknownName,
    )
    from .explanation import Explanation
    from .files import load_raw
    from .judging.case import Case
    from .maps import blurred, principal_map, unit_range, upsample, weighted_sum
    from .plugins.hookspecs import Spec, hookimpl
    from .probe import Probe
    from .recording import Recording, record
    from .renderers.colour import heat_at
    from .targets import ClassifierOutputTarget, top
    from .task_targets import (
        DetectionTarget,
        RegressionTarget,
        SegmentationTarget,
        SimilarityTarget,
    )

_HOMES = {
    "adapter": ("Adapter", "channels_last_to_grid", "tokens_to_grid"),
    "class_form": ("ClassForm",),
    "engine": ("compare", "explain"),
    "errors": (
        "CamkitDeprecation",
        "CamkitError",
        "CamkitWarning",
        "InputError",
        "LayerError",
        "NoAdapter",
        "PluginError",
        "TargetError",
        "UnknownName",
    ),
    "comparison": ("Comparison",),
    "explanation": ("Explanation",),
    "files": ("load_raw",),
    "judging.case": ("Case",),
    "plugins.hookspecs": ("Spec", "hookimpl"),
    "maps": ("blurred", "principal_map", "unit_range", "upsample", "weighted_sum"),
    "probe": ("Probe",),
    "recording": ("Recording", "record"),
    "renderers.colour": ("heat_at",),
    "targets": ("ClassifierOutputTarget", "top"),
    "task_targets": (
        "DetectionTarget",
        "RegressionTarget",
        "SegmentationTarget",
        "SimilarityTarget",
    ),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Adapter",
    "CamkitDeprecation",
    "CamkitError",
    "CamkitWarning",
    "Case",
    "ClassForm",
    "ClassifierOutputTarget",
    "Comparison",
    "DetectionTarget",
    "Explanation",
    "InputError",
    "LayerError",
    "NoAdapter",
    "PluginError",
    "Probe",
    "Recording",
    "RegressionTarget",
    "SegmentationTarget",
    "SimilarityTarget",
    "Spec",
    "TargetError",
    "UnknownName",
    "blurred",
    "channels_last_to_grid",
    "compare",
    "explain",
    "heat_at",
    "hookimpl",
    "load_raw",
    "principal_map",
    "record",
    "tokens_to_grid",
    "top",
    "unit_range",
    "upsample",
    "weighted_sum",
]


def __getattr__(name: str) -> Any:
    # Each name is imported when first used: `camkit list-methods` must not wait for torch.
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
