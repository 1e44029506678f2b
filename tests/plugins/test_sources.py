"""Sources of models by other packages: found by their prefix, and named in what goes wrong."""

from __future__ import annotations

import sys

import pytest

from camkit_core import load_model
from camkit_core.cli import main
from camkit_core.errors import PluginError, UnknownName
from camkit_core.plugins import get_registry
from camkit_core.plugins.hookspecs import Spec, hookimpl
from helpers.fake_packages import Install
from helpers.mutants import right_source

LAB = """
from camkit_core import ModelSource, Preprocessing, UnknownName
from torch import nn

def lab(name):
    \"\"\"The models of our lab.\"\"\"
    if name == "broken":
        return 5
    if name == "fails":
        raise RuntimeError("the disk is full")
    if name != "tiny":
        raise UnknownName(f"lab has no model named {name!r}")
    build = lambda classes: nn.Sequential(nn.Flatten(), nn.Linear(192, classes or 2))
    shape = Preprocessing((8, 8))
    return ModelSource(build, lambda: (build(None), "v1"), shape, ("a", "b"), 2, "classification")
"""
DECLARED = "[camkit.sources]\nlab = camkit_lab:lab\n"


@pytest.fixture
def lab(fresh: Install) -> None:
    sys.modules.pop("camkit_lab", None)
    fresh("camkit-lab", DECLARED, "0.3", camkit_lab=LAB)


@pytest.mark.usefixtures("lab")
def test_a_source_is_listed_without_an_import_and_found_by_its_prefix(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["list-sources"]) == 0
    assert "lab " in capsys.readouterr().out
    assert "camkit_lab" not in sys.modules
    for name in ("lab:tiny", "LAB:tiny", "camkit-lab:lab:tiny"):
        loaded = load_model(name)
        assert (loaded.weights, loaded.class_names, loaded.name) == ("v1", ("a", "b"), name)


@pytest.mark.usefixtures("lab")
def test_what_it_raises_and_returns_names_it(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(PluginError, match=r"source 'lab' \(camkit-lab 0\.3\) must return a Model"):
        load_model("lab:broken")
    with pytest.raises(UnknownName, match="lab has no model named 'large'"):
        load_model("lab:large")
    assert main(["layers", "lab:fails"]) == 2
    err = capsys.readouterr().err
    assert "the disk is full" in err
    assert "in source 'lab' (camkit-lab 0.3)" in err
    assert len(err.splitlines()) == 1


class Plugin:
    @hookimpl
    def camkit_sources(self) -> list[Spec]:
        return [Spec("mine", right_source, "One model")]


def test_a_source_can_be_registered_from_code() -> None:
    plugin = Plugin()
    get_registry().register(plugin, "mine")
    try:
        assert load_model("mine:tiny").class_names == ("cat", "dog", "pug")
    finally:
        get_registry().unregister("mine")
    with pytest.raises(UnknownName, match="no module named 'mine'"):
        load_model("mine:tiny")
