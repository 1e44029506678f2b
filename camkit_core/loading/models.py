"""The source of a model's name: a plugin by the prefix, or a factory of the user's own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from ..errors import InputTypeError, PluginError, UnknownName, shown
from ..inputs.models.load import LoadedModel, load_source, preprocessing_for
from ..inputs.models.names_file import ClassNames
from ..inputs.models.preprocessing import Preprocessing
from ..inputs.models.source import ModelSource
from ..inputs.models.sources.own import own_source
from ..inputs.models.sources.suggestions import unknown_model
from ..plugins import Contribution, get_registry
from ..plugins.blame import kind_of
from ..plugins.lookup import blaming_plugin

if TYPE_CHECKING:
    import torch

T = TypeVar("T")
_WITHOUT_PREFIX = ("torchvision", "timm")  # whose models are found by their names alone


def load_model(
    name: str,
    weights: str | Path | None = "DEFAULT",
    device: str | torch.device = "cpu",
    class_names: ClassNames | None = None,
    *,
    size: int | Sequence[int] | None = None,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
) -> LoadedModel:
    """The model of a name, ready to be explained: `explain(load_model("resnet50"), "photo.jpg")`.

    Args:
        name: of a model of torchvision or timm; `source:name` for one of a source of
            `camkit list-sources`; or `package.module:factory` for your own. A name that both
            torchvision and timm know is torchvision's; `timm:resnet50` chooses the library.
        weights: DEFAULT for the library's best, none for random ones (the same each time), or
            a checkpoint file, which also decides the number of classes. `file.pth#ema` takes
            those of its weights that are at `ema`, where it has more than one.
        device: where the model goes.
        class_names: a file with one name in a line or JSON, or the names; in place of the names in
            the checkpoint or the library.
        size: (H, W) or one number, in place of the input size the weights were trained for.
        mean: of the colours, one number or three, in place of the usual mean.
        std: of the colours, one number or three, in place of the usual one.

    Raises:
        UnknownName: if no source knows the model; it gives the closest names.
        CamkitError: if the weights cannot be downloaded or read, or are of another architecture;
            if the class names do not fit the model, or the device does not exist.
    """
    if not isinstance(name, str):
        raise InputTypeError(f"expected a model by its name, got {shown(name)}")
    load = partial(
        load_source,
        name=name,
        weights=weights,
        device=device,
        class_names=class_names,
        size=size,
        mean=mean,
        std=std,
    )
    return _with_source(name, load)


def preprocessing_named(
    name: str, size: Any = None, mean: Any = None, std: Any = None
) -> Preprocessing:
    """How `load_model` prepares pictures for the model of a name; the model is not built."""
    return _with_source(name, partial(preprocessing_for, name=name, size=size, mean=mean, std=std))


def _with_source(name: str, use: Callable[[ModelSource], T]) -> T:
    """What `use` makes of the source of a name."""
    found = _by_prefix(name)
    if found is None:
        return use(own_source(name) if ":" in name else _without_prefix(name))
    plugin, rest = found
    with blaming_plugin(f"source {plugin.name!r} ({plugin.origin})", plugin.origin):
        return use(_made(plugin, rest))


def _by_prefix(name: str) -> tuple[Contribution, str] | None:
    """The source that the prefix names, and the rest of the name; None if it names none."""
    parts = name.split(":")
    for count in (1, 2):  # "source:name", and "distribution:source:name"
        prefix, rest = ":".join(parts[:count]), ":".join(parts[count:])
        if len(parts) > count and prefix:
            with suppress(UnknownName):
                return get_registry().find("source", prefix), rest
    return None


def _made(plugin: Contribution, name: str) -> ModelSource:
    source = plugin.load()(name)
    if not isinstance(source, ModelSource):
        raise PluginError(
            f"source {plugin.name!r} ({plugin.origin}) must return a ModelSource, and returned a "
            f"{kind_of(source)}"
        )
    return source


def _without_prefix(name: str) -> ModelSource:
    for each in _WITHOUT_PREFIX:
        with suppress(UnknownName):
            return _made(get_registry().find("source", each), name)
    raise unknown_model(name)
