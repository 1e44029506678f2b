"""camkit: class activation maps for any PyTorch vision model, every part a plugin."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

# The module of each public name, imported when the name is first used: a command that needs no
# torch must not wait for it. The imports below it tell type checkers the same.
_HOMES = {
    "Adapter": "adapter",
    "ArgumentError": "errors",
    "ArgumentTypeError": "errors",
    "CamkitDeprecation": "errors",
    "CamkitError": "errors",
    "CamkitWarning": "errors",
    "Case": "metrics.case",
    "ClassForm": "compat",
    "ClassifierOutputTarget": "inputs.targets.classification",
    "Comparison": "comparison",
    "Concepts": "probe.further.concepts",
    "DatasetReport": "datasets.report.report",
    "DetectionTarget": "inputs.targets.detection",
    "Explanation": "results.explanation",
    "PreparedExplainer": "results.explainer",
    "Explained": "datasets.explained",
    "ExplainedDataset": "datasets.opened",
    "FileError": "errors",
    "FixableTarget": "inputs.targets.protocol",
    "ImportFailed": "errors",
    "InputError": "errors",
    "LayerError": "errors",
    "ListedModel": "inputs.models.listed_model",
    "LoadedModel": "inputs.models.load",
    "MapLogger": "studio.callbacks",
    "Method": "plugins.facts",
    "Metric": "plugins.facts",
    "ModelSource": "inputs.models.source",
    "ModelTarget": "inputs.targets.protocol",
    "NoAdapter": "errors",
    "Original": "results.originals",
    "PathError": "errors",
    "Pictures": "adapter",
    "PlaceTarget": "inputs.targets.protocol",
    "PluginError": "errors",
    "Preprocessing": "inputs.models.preprocessing",
    "Probe": "probe.probe",
    "Recording": "forward.recording",
    "RegressionTarget": "inputs.targets.regression",
    "RunError": "errors",
    "ScoreFunction": "inputs.targets.protocol",
    "SegmentationTarget": "inputs.targets.segmentation",
    "SimilarityTarget": "inputs.targets.similarity",
    "Spec": "plugins.hookspecs",
    "TargetError": "errors",
    "TokenTarget": "inputs.targets.token",
    "TextTarget": "inputs.targets.text",
    "UnknownName": "errors",
    "Window": "inputs.models.geometry.window",
    "blurred": "maps",
    "channels_last_to_grid": "adapter",
    "compare": "engine",
    "dataset_report": "datasets.report.report",
    "explain": "engine",
    "explain_dataset": "datasets.run",
    "export_dataset": "datasets.export.export",
    "filled": "metrics.image_edits",
    "heat_at": "renderers.colour",
    "highest": "renderers.colour",
    "hookimpl": "plugins.hookspecs",
    "layers": "target_layer.listing",
    "load_model": "loading.models",
    "load_raw": "results.files",
    "open_dataset": "datasets.opened",
    "map_callback": "studio.callbacks",
    "prepare": "engine",
    "names_in": "inputs.models.class_names",
    "perturbed": "metrics.perturbed",
    "preprocessing_in": "inputs.models.sources.carried",
    "principal_map": "maps",
    "record": "forward.recording",
    "tokens_to_grid": "adapter",
    "top": "inputs.targets.resolve",
    "unit_range": "maps",
    "untouched": "forward.untouched",
    "upsample": "maps",
    "weighted_sum": "maps",
    "with_answer": "inputs.answer",
}
__all__ = sorted(_HOMES)

if TYPE_CHECKING:
    from .adapter import Adapter as Adapter
    from .adapter import Pictures as Pictures
    from .adapter import channels_last_to_grid as channels_last_to_grid
    from .adapter import tokens_to_grid as tokens_to_grid
    from .comparison import Comparison as Comparison
    from .compat import ClassForm as ClassForm
    from .datasets.explained import Explained as Explained
    from .datasets.export.export import export_dataset as export_dataset
    from .datasets.opened import ExplainedDataset as ExplainedDataset
    from .datasets.opened import open_dataset as open_dataset
    from .datasets.report.report import DatasetReport as DatasetReport
    from .datasets.report.report import dataset_report as dataset_report
    from .datasets.run import explain_dataset as explain_dataset
    from .engine import compare as compare
    from .engine import explain as explain
    from .engine import prepare as prepare
    from .errors import ArgumentError as ArgumentError
    from .errors import ArgumentTypeError as ArgumentTypeError
    from .errors import CamkitDeprecation as CamkitDeprecation
    from .errors import CamkitError as CamkitError
    from .errors import CamkitWarning as CamkitWarning
    from .errors import FileError as FileError
    from .errors import ImportFailed as ImportFailed
    from .errors import InputError as InputError
    from .errors import LayerError as LayerError
    from .errors import NoAdapter as NoAdapter
    from .errors import PathError as PathError
    from .errors import PluginError as PluginError
    from .errors import RunError as RunError
    from .errors import TargetError as TargetError
    from .errors import UnknownName as UnknownName
    from .forward.recording import Recording as Recording
    from .forward.recording import record as record
    from .forward.untouched import untouched as untouched
    from .inputs.answer import with_answer as with_answer
    from .inputs.models.class_names import names_in as names_in
    from .inputs.models.geometry.window import Window as Window
    from .inputs.models.listed_model import ListedModel as ListedModel
    from .inputs.models.load import LoadedModel as LoadedModel
    from .inputs.models.preprocessing import Preprocessing as Preprocessing
    from .inputs.models.source import ModelSource as ModelSource
    from .inputs.models.sources.carried import preprocessing_in as preprocessing_in
    from .inputs.targets.classification import ClassifierOutputTarget as ClassifierOutputTarget
    from .inputs.targets.detection import DetectionTarget as DetectionTarget
    from .inputs.targets.protocol import FixableTarget as FixableTarget
    from .inputs.targets.protocol import ModelTarget as ModelTarget
    from .inputs.targets.protocol import PlaceTarget as PlaceTarget
    from .inputs.targets.protocol import ScoreFunction as ScoreFunction
    from .inputs.targets.regression import RegressionTarget as RegressionTarget
    from .inputs.targets.resolve import top as top
    from .inputs.targets.segmentation import SegmentationTarget as SegmentationTarget
    from .inputs.targets.similarity import SimilarityTarget as SimilarityTarget
    from .inputs.targets.text import TextTarget as TextTarget
    from .inputs.targets.token import TokenTarget as TokenTarget
    from .loading.models import load_model as load_model
    from .maps import blurred as blurred
    from .maps import principal_map as principal_map
    from .maps import unit_range as unit_range
    from .maps import upsample as upsample
    from .maps import weighted_sum as weighted_sum
    from .metrics.case import Case as Case
    from .metrics.image_edits import filled as filled
    from .metrics.perturbed import perturbed as perturbed
    from .plugins.facts import Method as Method
    from .plugins.facts import Metric as Metric
    from .plugins.hookspecs import Spec as Spec
    from .plugins.hookspecs import hookimpl as hookimpl
    from .probe.further.concepts import Concepts as Concepts
    from .probe.probe import Probe as Probe
    from .renderers.colour import heat_at as heat_at
    from .renderers.colour import highest as highest
    from .results.explainer import PreparedExplainer as PreparedExplainer
    from .results.explanation import Explanation as Explanation
    from .results.files import load_raw as load_raw
    from .results.originals import Original as Original
    from .studio.callbacks import MapLogger as MapLogger
    from .studio.callbacks import map_callback as map_callback
    from .target_layer.listing import layers as layers


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f".{_HOMES[name]}", __name__), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
