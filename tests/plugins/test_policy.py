"""Which plugins are used: blocked, allowed, preferred; by code or by the environment."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from camkit_core.errors import PluginError
from camkit_core.plugins import Registry, get_registry, using
from camkit_core.plugins.hookspecs import Spec, hookimpl
from helpers.fake_packages import GOOD, GOOD_CODE, Install
from helpers.registries import OWN, fancy, usable


def test_a_blocked_package_is_listed_and_never_imported(install: Install) -> None:
    install("camkit-good", GOOD, camkit_good=GOOD_CODE)
    registry = Registry(disable=["CamKit_GOOD"])
    assert usable(registry) == OWN
    row = registry.find("method", "mycam")
    assert row.status == "disabled"
    with pytest.raises(PluginError, match=r"'mycam' of camkit-good 1\.0 is installed but disabled"):
        row.load()
    assert "camkit_good" not in sys.modules


def test_a_blocked_hook_plugin_is_not_imported(install: Install) -> None:
    install("camkit-hook", "[camkit]\nmine = camkit_hook\n", camkit_hook="raise SystemExit")
    registry = Registry(disable=["camkit-hook"])
    assert usable(registry) == OWN
    assert registry.problems() == ()
    [(source, name, value)] = registry.blocked()
    assert (source.distribution, name, value) == ("camkit-hook", "mine", "camkit_hook")


def test_one_contribution_may_be_blocked_camkits_own_as_well(install: Install) -> None:
    both = "[camkit.methods]\none = camkit_x:f\ntwo = camkit_x:f\n"
    install("camkit-x", both, camkit_x="def f(probe): ...")
    assert usable(Registry(disable=["camkit-x:one", "camkit:gradcam"])) == ["gradcam++", "two"]


def test_all_third_parties_may_be_blocked_and_only_some_allowed(install: Install) -> None:
    fancy(install)
    install("camkit-good", GOOD, camkit_good=GOOD_CODE)
    assert usable(Registry(disable=["*"])) == OWN
    assert usable(Registry(only=[])) == OWN
    assert usable(Registry(only=["camkit-good"])) == [*OWN, "mycam"]
    assert usable(Registry(only=["camkit-a"])) == [*OWN, "fancy"]


def test_what_is_blocked_takes_part_in_no_clash(install: Install) -> None:
    fancy(install)
    assert Registry(disable=["camkit-a"]).find("method", "fancy").distribution == "camkit-b"


def test_a_preferred_package_gets_the_name_that_several_claim(install: Install) -> None:
    fancy(install)
    install("camkit-evil", "[camkit.methods]\ngradcam = camkit_evil:f\n", camkit_evil="f = print")
    registry = Registry(prefer={"fancy": "camkit_B", "GradCAM": "camkit-evil"})
    assert registry.find("method", "fancy").distribution == "camkit-b"
    assert registry.find("method", "gradcam").distribution == "camkit-evil"
    assert registry.find("method", "camkit:gradcam").status == "shadowed"


@pytest.mark.parametrize(
    ("choice", "message"),
    [
        ({"disable": ["nonexistent"]}, "camkit is told not to use 'nonexistent', and no such"),
        ({"only": ["nonexistent"]}, "camkit is told to use 'nonexistent'"),
        ({"prefer": {"gradcam": "nonexistent"}}, "camkit is told to prefer 'nonexistent'"),
        ({"disable": ["camkit:nonexistent"]}, "not to use 'camkit:nonexistent'"),
    ],
)
def test_a_choice_that_names_nothing_is_reported(
    install: Install, choice: dict[str, Any], message: str
) -> None:
    [problem] = Registry(**choice).problems()
    assert message in str(problem)


def test_registries_share_nothing(install: Install) -> None:

    alone = Registry(autoload=False)
    hook = hookimpl(lambda: [Spec("mine", dict)])
    alone.register(SimpleNamespace(camkit_methods=hook))
    assert usable(alone) == ["mine"]
    assert usable(Registry()) == OWN
    with using(alone):
        assert get_registry() is alone
    assert get_registry() is not alone


def test_what_is_registered_from_code_is_never_blocked(install: Install) -> None:

    registry = Registry(only=[], disable=["*"])
    hook = hookimpl(lambda: [Spec("mine", dict)])
    registry.register(SimpleNamespace(camkit_methods=hook))
    assert usable(registry) == [*OWN, "mine"]


def test_a_refreshed_registry_sees_what_was_installed_meanwhile(install: Install) -> None:
    registry = Registry()
    assert usable(registry) == OWN
    install("camkit-good", GOOD, camkit_good=GOOD_CODE)
    assert usable(registry) == OWN
    registry.refresh()
    assert usable(registry) == [*OWN, "mycam"]


# By the environment


def test_the_environment_says_which(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    fancy(install)
    install("camkit-good", GOOD, camkit_good=GOOD_CODE)
    monkeypatch.setenv("CAMKIT_DISABLE_PLUGINS", " camkit_GOOD , nonexistent,")
    monkeypatch.setenv("CAMKIT_PREFER", "fancy=camkit-b")
    registry = Registry()
    assert usable(registry) == [*OWN, "fancy"]
    assert registry.find("method", "fancy").distribution == "camkit-b"
    assert [str(problem) for problem in registry.problems()] == [
        "camkit is told not to use 'nonexistent', and no such plugin is installed"
    ]
    monkeypatch.setenv("CAMKIT_PLUGINS", "")
    assert usable(Registry()) == OWN
    monkeypatch.setenv("CAMKIT_PLUGINS", "camkit-a")
    assert Registry().find("method", "fancy").distribution == "camkit-a"


def test_a_preference_is_a_pair(install: Install, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CAMKIT_PREFER", "camkit-b")
    with pytest.raises(PluginError, match="must list name=distribution, not 'camkit-b'"):
        Registry().contributions("method")


def test_strictly_a_broken_plugin_is_an_error(
    install: Install, monkeypatch: pytest.MonkeyPatch
) -> None:
    install("camkit-hook", "[camkit]\nmine = camkit_hook\n", camkit_hook="import nowhere")
    assert usable(Registry()) == OWN
    monkeypatch.setenv("CAMKIT_STRICT_PLUGINS", "1")
    with pytest.raises(PluginError, match=r"camkit-hook 1\.0 .* No module named 'nowhere'"):
        Registry().contributions("method")
