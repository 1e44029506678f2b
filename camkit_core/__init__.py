"""camkit: class activation maps for any PyTorch vision model, every part a plugin."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

# Each name is imported when first used: `camkit list-methods` must not wait for torch.
_HOMES = {
    "adapter": (
        "Adapter",
        "channels_last_to_grid",
        "tokens_to_grid",
    ),
    "compat": ("ClassForm",),
    "comparison": ("Comparison",),
    "engine": (
        "compare",
        "explain",
    ),
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
    "forward.recording": (
        "Recording",
        "record",
    ),
    "inputs.targets.classification": ("ClassifierOutputTarget",),
    "inputs.targets.detection": ("DetectionTarget",),
    "inputs.targets.regression": ("RegressionTarget",),
    "inputs.targets.resolve": ("top",),
    "inputs.targets.segmentation": ("SegmentationTarget",),
    "inputs.targets.similarity": ("SimilarityTarget",),
    "maps": (
        "blurred",
        "principal_map",
        "unit_range",
        "upsample",
        "weighted_sum",
    ),
    "metrics.case": ("Case",),
    "plugins.facts": (
        "Method",
        "Metric",
    ),
    "plugins.hookspecs": (
        "Spec",
        "hookimpl",
    ),
    "probe.probe": ("Probe",),
    "renderers.colour": ("heat_at",),
    "results.explanation": ("Explanation",),
    "results.files": ("load_raw",),
}

if TYPE_CHECKING:
    from .adapter import Adapter as Adapter
    from .adapter import channels_last_to_grid as channels_last_to_grid
    from .adapter import tokens_to_grid as tokens_to_grid
    from .comparison import Comparison as Comparison
    from .compat import ClassForm as ClassForm
    from .engine import compare as compare
    from .engine import explain as explain
    from .errors import CamkitDeprecation as CamkitDeprecation
    from .errors import CamkitError as CamkitError
    from .errors import CamkitWarning as CamkitWarning
    from .errors import InputError as InputError
    from .errors import LayerError as LayerError
    from .errors import NoAdapter as NoAdapter
    from .errors import PluginError as PluginError
    from .errors import TargetError as TargetError
    from .errors import UnknownName as UnknownName
    from .forward.recording import Recording as Recording
    from .forward.recording import record as record
    from .inputs.targets.classification import ClassifierOutputTarget as ClassifierOutputTarget
    from .inputs.targets.detection import DetectionTarget as DetectionTarget
    from .inputs.targets.regression import RegressionTarget as RegressionTarget
    from .inputs.targets.resolve import top as top
    from .inputs.targets.segmentation import SegmentationTarget as SegmentationTarget
    from .inputs.targets.similarity import SimilarityTarget as SimilarityTarget
    from .maps import blurred as blurred
    from .maps import principal_map as principal_map
    from .maps import unit_range as unit_range
    from .maps import upsample as upsample
    from .maps import weighted_sum as weighted_sum
    from .metrics.case import Case as Case
    from .plugins.facts import Method as Method
    from .plugins.facts import Metric as Metric
    from .plugins.hookspecs import Spec as Spec
    from .plugins.hookspecs import hookimpl as hookimpl
    from .probe.probe import Probe as Probe
    from .renderers.colour import heat_at as heat_at
    from .results.explanation import Explanation as Explanation
    from .results.files import load_raw as load_raw

_HOME = {name: home for home, names in _HOMES.items() for name in names}
__all__ = sorted(_HOME)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOME[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
