"""What all errors have in common: their classes, and how unknown names are answered."""

from __future__ import annotations

import camkit_core as camkit
from camkit_core import (
    CamkitError,
    InputError,
    LayerError,
    NoAdapter,
    PluginError,
    TargetError,
    UnknownName,
)
from camkit_core.errors import unknown


def test_all_are_camkit_errors_and_a_missing_adapter_is_about_layers() -> None:
    for kind in (InputError, LayerError, PluginError, TargetError, UnknownName):
        assert issubclass(kind, CamkitError)
    assert issubclass(NoAdapter, LayerError)
    assert not issubclass(camkit.CamkitWarning, CamkitError)


def test_unknown_names_are_listed_with_the_closest() -> None:
    many = [f"name{index:02}" for index in range(50)]
    assert str(unknown("thing", "zzz", [])) == "no thing named 'zzz'. Known: none"
    assert str(unknown("thing", "NAME3", many)).startswith("no thing named 'NAME3'. Did you mean")
    assert str(unknown("thing", "x", many)).endswith("name38, name39, ...")
