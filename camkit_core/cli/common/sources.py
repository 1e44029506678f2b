"""The source of a model's name: a plugin by the prefix, or a factory of the user's own."""

from __future__ import annotations

from contextlib import suppress
from typing import Any

from ...errors import InputTypeError, PluginError, UnknownName, shown
from ...inputs.models.load import LoadedModel, load_source
from ...inputs.models.source import ModelSource
from ...inputs.models.sources.own import own_source
from ...inputs.models.sources.suggestions import unknown_model
from ...plugins import Contribution, get_registry
from ...plugins.blame import kind_of
from ...plugins.lookup import blaming_plugin

_WITHOUT_PREFIX = ("torchvision", "timm")  # whose models are found by their names alone


def load_model(name: str, *weights: Any, **settings: Any) -> LoadedModel:
    """The model of a name, ready to be explained.

    Args:
        name: of a model of torchvision or timm; `source:name` for one of a source of
            `camkit list-sources`; or `package.module:factory` for your own. A name that both
            torchvision and timm know is torchvision's; `timm:resnet50` chooses the library.
        weights: as `load_source` takes them.
        settings: those of `load_source`.

    Raises:
        UnknownName: if no source knows the model; it gives the closest names.
        CamkitError: as `load_source`.
    """
    if not isinstance(name, str):
        raise InputTypeError(f"expected a model by its name, got {shown(name)}")
    found = _by_prefix(name)
    if found is None:
        source = own_source(name) if ":" in name else _without_prefix(name)
        return load_source(source, name, *weights, **settings)
    plugin, rest = found
    with blaming_plugin(f"source {plugin.name!r} ({plugin.origin})", plugin.origin):
        return load_source(_made(plugin, rest), name, *weights, **settings)


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
