"""Which plugins are used: blocked, allowed, preferred; told by code, environment or command."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from camkit_core.cli import main
from camkit_core.errors import PluginError, UnknownName
from camkit_core.plugins import Registry, get_registry, using
from camkit_core.plugins.hookspecs import Spec, hookimpl
from helpers.fake_packages import GOOD, GOOD_CODE, HOOK, Install

Capture = pytest.CaptureFixture[str]
OWN = ["gradcam", "gradcam++"]


def usable(registry: Registry, kind: str = "method") -> list[str]:
    return [row.name for row in registry.contributions(kind) if row.status == ""]


def fancy(install: Install) -> None:
    for letter in ("a", "b"):
        entry = f"[camkit.methods]\nfancy = camkit_{letter}:fancy\n"
        install(f"camkit-{letter}", entry, **{f"camkit_{letter}": "def fancy(probe): ..."})


# By code


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
    ("choice", "said"),
    [
        ({"disable": ["nonexistent"]}, "camkit is told not to use 'nonexistent', and no such"),
        ({"only": ["nonexistent"]}, "camkit is told to use 'nonexistent'"),
        ({"prefer": {"gradcam": "nonexistent"}}, "camkit is told to prefer 'nonexistent'"),
        ({"disable": ["camkit:nonexistent"]}, "not to use 'camkit:nonexistent'"),
    ],
)
def test_a_choice_that_names_nothing_is_reported(
    install: Install, choice: dict[str, Any], said: str
) -> None:
    [problem] = Registry(**choice).problems()
    assert said in str(problem)


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
    assert [str(one) for one in registry.problems()] == [
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


# By the command


def listed(capsys: Capture, *arguments: str) -> list[str]:
    assert main([*arguments, "list-methods"]) == 0
    return names(capsys.readouterr().out)


def names(out: str) -> list[str]:
    """The methods of a list, without its headings."""
    return [line.split()[0] for line in out.splitlines() if line.startswith("  ")]


def test_the_command_does_without_plugins(fresh: Install, capsys: Capture) -> None:
    fresh("camkit-good", GOOD, camkit_good=GOOD_CODE)
    fresh("camkit-hook", "[camkit]\nmine = camkit_hook\n", camkit_hook=HOOK)
    assert listed(capsys) == [*OWN, "mycam", "hooky-a", "hooky-b"]
    assert main(["--no-plugins", "list-methods"]) == 0
    out, err = capsys.readouterr()
    assert names(out) == [*OWN, "mycam"]
    assert "camkit-good 1.0 (disabled)" in out
    assert err == ""
    assert "hooky-a" in listed(capsys, "--disable-plugin", "camkit-good")
    with pytest.raises(UnknownName):
        Registry(only=[]).find("method", "hooky-a")


def test_strict_lists_fail_where_something_is_left_out(fresh: Install, capsys: Capture) -> None:
    fresh("camkit-good", GOOD, camkit_good=GOOD_CODE)
    assert main(["list-methods", "--strict"]) == 0
    fresh("camkit-hook", "[camkit]\nmine = camkit_hook\n", camkit_hook="import nowhere")
    get_registry().refresh()
    assert main(["list-methods", "--strict"]) == 1
    assert main(["list-methods", "--strict", "--json"]) == 1


def test_a_slow_hook_plugin_is_named_and_works(fresh: Install, capsys: Capture) -> None:
    slow = f"import time; time.sleep(0.3)\n{HOOK}"
    fresh("camkit-slow", "[camkit]\nmine = camkit_slow\n", camkit_slow=slow)
    assert main(["list-methods", "--strict"]) == 0
    out, err = capsys.readouterr()
    assert "hooky-a" in out
    assert err.startswith("camkit: plugin camkit-slow 1.0 (camkit:mine): its import took 0.")
    assert "left out" not in err


# The list of plugins


def test_plugins_are_listed_with_their_status(fresh: Install, capsys: Capture) -> None:
    fresh("camkit-good", GOOD, "0.3", camkit_good=GOOD_CODE)
    fresh("camkit-gone", "[camkit.methods]\ngone = camkit_gone:f\n")
    fresh("camkit-evil", "[camkit.methods]\ngradcam = camkit_evil:f\n", camkit_evil="f = print")
    fresh("camkit-hook", "[camkit]\nmine = camkit_hook\n", camkit_hook="import nowhere")
    assert main(["--disable-plugin", "camkit-hook", "plugins"]) == 0
    out, err = capsys.readouterr()
    assert [line.split(None, 2) for line in out.splitlines()] == [
        ["camkit", "0.1.0", "2 methods, 1 adapters, 0 renderers, 0 metrics  built in"],
        ["camkit-evil", "1.0", "method gradcam                                 shadowed"],
        ["camkit-gone", "1.0", "method gone                                    missing"],
        ["camkit-good", "0.3", "method mycam                                   declared"],
        ["camkit-hook", "1.0", "hooks mine                                     disabled"],
    ]
    assert err == ""
    assert "camkit_good" not in sys.modules


def test_plugins_are_checked_each_in_a_process_of_its_own(fresh: Install, capsys: Capture) -> None:
    import json
    import os

    dies = "[camkit.methods]\naborts = camkit_dies:f\nlives = camkit_lives:f\n"
    fresh("camkit-dies", dies, camkit_dies="import os; os.abort()", camkit_lives="f = print")
    fresh(
        "camkit-exits", "[camkit.methods]\nexits = camkit_x:f\n", camkit_x="import os; os._exit(3)"
    )
    fresh("camkit-hangs", "[camkit.methods]\nhangs = camkit_h:f\n", camkit_h="while True: pass")
    fresh(
        "camkit-quits", "[camkit.methods]\nquits = camkit_q:f\n", camkit_q="raise SystemExit('no')"
    )
    fresh("camkit-good", GOOD, camkit_good=GOOD_CODE)
    here = os.pathsep.join(path for path in sys.path if path)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", here)
        assert main(["plugins", "--check", "--json", "--seconds", "8"]) == 1
    rows = json.loads(capsys.readouterr().out)["plugins"]
    found = {row["name"]: row["status"] for row in rows}
    assert found["aborts"] == "failed: crashed (SIGABRT)"
    assert found["lives"] == found["mycam"] == found["gradcam"] == "ok"
    assert found["exits"] == "failed: ended the process with exit code 3"
    assert found["hangs"] == "failed: did not finish within 8 s"
    assert (
        "plugin camkit-quits 1.0 (quits = camkit_q:f) failed with SystemExit: no" in found["quits"]
    )


# Nothing else is touched


def test_importing_camkit_scans_nothing(install: Install) -> None:
    import subprocess

    program = (
        "from importlib import metadata\n"
        "def refuse(*_, **__): raise AssertionError('scanned')\n"
        "metadata.distributions = refuse\n"
        "import camkit_core, camkit_core.cli, camkit_core.plugins\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.filterwarnings("error")
def test_broken_plugins_change_nothing_for_who_does_not_ask_for_them(
    fresh: Install, capfd: Any
) -> None:
    import torch

    import camkit_core as camkit
    from helpers.small_nets import small_net

    fresh("camkit-imp", "[camkit.methods]\nbroken = camkit_imp:f\n", camkit_imp="import nowhere")
    fresh("camkit-exit", "[camkit]\nmine = camkit_exit\n", camkit_exit="raise SystemExit")
    fresh("camkit-typo", "[camkit]\nmine = camkit_typo\n", camkit_typo="def camkit_method(): ...")
    net = small_net("resnet", torch.float32)
    assert camkit.explain(net.model, net.images, "gradcam", 1).method == "gradcam"
    assert capfd.readouterr() == ("", "")


def test_camkit_adds_nothing_to_pytest() -> None:
    from importlib import metadata

    assert not [one for one in metadata.entry_points(group="pytest11") if "camkit" in one.value]
