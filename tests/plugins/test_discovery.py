"""Plugins are found in metadata, and imported when they are used."""

from __future__ import annotations

import importlib
import importlib.util
import sys
import threading
from importlib import metadata

import pytest

from camkit_core.plugins import Registry, get_registry
from helpers.fake_packages import GOOD, GOOD_CODE, HOOK, Install
from helpers.registries import names


def test_a_package_is_listed_from_its_metadata(install: Install) -> None:
    install("camkit-good", GOOD, "0.3", camkit_good=GOOD_CODE)
    row = Registry().find("method", "mycam")
    assert (row.origin, row.value, row.status) == ("camkit-good 0.3", "camkit_good:mycam", "")
    assert row.qualified == "camkit-good:mycam"
    assert row.summary == "Sum the channels."
    assert "camkit_good" not in sys.modules


def test_only_the_plugin_that_is_asked_for_is_imported(install: Install) -> None:
    install("camkit-good", GOOD, camkit_good=GOOD_CODE)
    install("camkit-other", "[camkit.methods]\nother = camkit_other:f\n", camkit_other="f = print")
    assert Registry().find("method", "MyCam").load().__name__ == "mycam"
    assert "camkit_good" in sys.modules
    assert "camkit_other" not in sys.modules


def test_the_docstring_of_a_submodule_is_read_without_importing_its_package(
    install: Install,
) -> None:
    site = install("camkit-deep", "[camkit.methods]\ndeep = camkit_deep.sub.mod:Deep.run\n")
    (site / "camkit_deep" / "sub").mkdir(parents=True)
    (site / "camkit_deep" / "__init__.py").write_text("raise SystemExit")
    source = 'class Deep:\n  def run(self):\n    """\n    Two words.\n\n    More."""\n'
    (site / "camkit_deep" / "sub" / "mod.py").write_text(source)
    importlib.invalidate_caches()
    assert Registry().find("method", "deep").summary == "Two words."
    assert "camkit_deep" not in sys.modules


@pytest.mark.parametrize("source", ["from math import sqrt as mycam", "def mycam(:", "\0"])
def test_without_a_docstring_the_package_speaks_for_itself(install: Install, source: str) -> None:
    install("camkit-good", GOOD, camkit_good=source)
    assert Registry().find("method", "mycam").summary == "About camkit-good"


def test_the_scan_runs_once_and_again_only_if_it_failed(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry, scans, real = Registry(), [], metadata.distributions

    def distributions(**where: object) -> object:
        scans.append(1)
        if len(scans) == 1:
            raise OSError("the disk is away")
        return real(**where)

    monkeypatch.setattr(metadata, "distributions", distributions)
    with pytest.raises(OSError, match="the disk is away"):
        registry.problems()
    assert names(registry) == names(registry) == names(Registry())
    assert len(scans) == 3  # one that failed, one for each registry


def test_a_plugin_may_use_the_registry_while_it_is_imported(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("camkit_core.plugins.registry._default", Registry())
    asks = f"from camkit_core.plugins import get_registry\nget_registry().problems()\n{HOOK}"
    install("camkit-hook", "[camkit]\nmine = camkit_hook\n", camkit_hook=asks)
    assert "hooky-a" in names(get_registry())
    assert get_registry().problems() == ()


def test_threads_see_one_registry(install: Install) -> None:
    install("camkit-hook", "[camkit]\nmine = camkit_hook\n", camkit_hook=HOOK)
    registry, origins = Registry(), []
    ask = lambda: origins.append(registry.find("method", "hooky-a").origin)  # noqa: E731
    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert origins == ["camkit-hook 1.0"] * 16
