"""Plugins that implement hooks, and those registered from code."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pluggy
import pytest

from camkit_core.errors import CamkitDeprecation, PluginError
from camkit_core.plugins import Registry
from camkit_core.plugins.contribution import Source
from camkit_core.plugins.hookspecs import Spec, hookimpl
from camkit_core.plugins.registration import PluginSet
from helpers.fake_packages import HOOK, Install
from helpers.registries import code, names


def test_a_module_may_implement_the_hooks(install: Install) -> None:
    install("camkit-hook", "[camkit]\nmine = camkit_hook\n", "0.5", camkit_hook=HOOK)
    row = Registry().find("method", "hooky-a")
    assert (row.origin, row.summary) == ("camkit-hook 0.5", "From a hook")
    assert "camkit_hook_code" not in sys.modules


def test_what_is_declared_twice_in_the_same_words_counts_once(install: Install) -> None:
    entries = "[camkit]\nmine = camkit_hook\n[camkit.methods]\nhooky-a = camkit_hook_code:a\n"
    install("camkit-hook", entries, camkit_hook=HOOK, camkit_hook_code="def a(): ...")
    assert names(Registry()).count("hooky-a") == 1
    assert Registry().find("method", "hooky-a").status == ""


def test_what_is_registered_from_code_goes_first_until_it_is_unregistered(
    install: Install,
) -> None:
    def mine() -> None:
        """Do it my way."""

    registry, plugin = Registry(), code(camkit_methods=lambda: ())
    plugin.camkit_methods = hookimpl(lambda: [Spec("gradcam", mine)])
    registry.register(plugin)
    assert registry.find("method", "gradcam").load() is mine
    assert registry.find("method", "gradcam").summary == "Do it my way."
    assert registry.find("method", "camkit:gradcam").status == "shadowed"
    assert Registry().find("method", "gradcam").distribution == "camkit"
    registry.unregister(plugin)
    assert registry.find("method", "gradcam").distribution == "camkit"


def test_a_wrong_plugin_registered_from_code_is_an_error_and_leaves_nothing(
    install: Install,
) -> None:
    registry = Registry()
    with pytest.raises(PluginError, match="did you mean 'camkit_methods'"):
        registry.register(code(camkit_method=lambda: ()), "wrong")
    registry.register(code(camkit_methods=lambda: ()), "wrong")
    with pytest.raises(PluginError, match="'wrong' is registered already"):
        registry.register(code(camkit_methods=lambda: ()), "wrong")
    registry.unregister("wrong")
    with pytest.raises(PluginError, match="no plugin named 'wrong'"):
        registry.unregister("wrong")


def test_a_function_goes_by_its_own_name(install: Install) -> None:
    def mycam(probe: object) -> None:
        """Mine."""

    registry = Registry()
    registry.register(code(camkit_methods=lambda: [mycam]))
    assert registry.find("method", "mycam").load() is mycam


def test_the_latest_plugin_registered_from_code_wins(install: Install) -> None:
    registry = Registry()
    for target in (dict, list):
        hook = hookimpl(lambda target=target: [Spec("mine", target)])
        registry.register(SimpleNamespace(camkit_methods=hook))
    assert registry.find("method", "mine").load() is list


def test_an_object_may_implement_the_hooks_under_any_name(install: Install) -> None:
    source = (
        "from camkit_core.plugins.hookspecs import Spec, hookimpl\nclass Plugin:\n"
        "  @hookimpl(specname='camkit_methods')\n"
        "  def mine(self): return [Spec('obj', 'camkit_hook:f')]\nplugin = Plugin()\n"
    )
    install("camkit-hook", "[camkit]\nmine = camkit_hook:plugin\n", camkit_hook=source)
    assert "obj" in names(Registry())


def test_a_deprecation_names_the_package_and_is_shown(install: Install) -> None:
    old = pluggy.HookspecMarker("camkit")(
        lambda: None, warn_on_impl=CamkitDeprecation("camkit_methods will go")
    )
    plugins = PluginSet()
    plugins.manager = pluggy.PluginManager("camkit")
    plugins.manager.add_hookspecs(SimpleNamespace(camkit_methods=old))
    hook = hookimpl(lambda: [Spec("mine", dict)])
    with pytest.warns(CamkitDeprecation, match="plugin lab 1.0: camkit_methods will go"):
        plugins.add(SimpleNamespace(camkit_methods=hook), "lab", Source("lab", "1.0"))
    assert [row.name for row in plugins.all()] == ["mine"]
    assert issubclass(CamkitDeprecation, FutureWarning)  # which Python shows by default
