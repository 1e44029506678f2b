"""`camkit plugins`, and the options that choose plugins."""

from __future__ import annotations

import json
import sys

import pytest

from camkit_core.cli import main
from camkit_core.errors import UnknownName
from camkit_core.plugins import Registry, get_registry
from helpers.fake_packages import GOOD, GOOD_CODE, HOOK, Install
from helpers.registries import OWN, Capture


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
        ["camkit", "0.1.0", "2 methods, 1 adapters, 0 renderers, 0 metrics, 0 sources  built in"],
        [
            "camkit-evil",
            "1.0",
            f"{'method gradcam':58}shadowed",
        ],
        ["camkit-gone", "1.0", f"{'method gone':58}missing"],
        [
            "camkit-good",
            "0.3",
            f"{'method mycam':58}declared",
        ],
        [
            "camkit-hook",
            "1.0",
            f"{'hooks mine':58}disabled",
        ],
    ]
    assert err == ""
    assert "camkit_good" not in sys.modules


def checked(capsys: Capture, seconds: str) -> dict[str, str]:
    """The status of each row, from the command."""
    assert main(["plugins", "--check", "--json", "--seconds", seconds]) == 1
    rows = json.loads(capsys.readouterr().out)["plugins"]
    return {row["name"]: row["status"] for row in rows}


def test_plugins_are_checked_each_in_a_process_of_its_own(fresh: Install, capsys: Capture) -> None:
    dies = "[camkit.methods]\naborts = camkit_dies:f\nlives = camkit_lives:f\n"
    fresh("camkit-dies", dies, camkit_dies="import os; os.abort()", camkit_lives="f = print")
    fresh(
        "camkit-exits", "[camkit.methods]\nexits = camkit_x:f\n", camkit_x="import os; os._exit(3)"
    )
    fresh(
        "camkit-quits", "[camkit.methods]\nquits = camkit_q:f\n", camkit_q="raise SystemExit('no')"
    )
    fresh("camkit-good", GOOD, camkit_good=GOOD_CODE)
    statuses = checked(capsys, "60")
    assert statuses["aborts"] == "failed: crashed (SIGABRT)"
    assert statuses["lives"] == statuses["mycam"] == statuses["gradcam"] == "ok"
    assert statuses["exits"] == "failed: ended the process with exit code 3"
    assert (
        "plugin camkit-quits 1.0 (quits = camkit_q:f) failed with SystemExit: no"
        in statuses["quits"]
    )


def test_a_plugin_that_hangs_is_given_up_after_its_time(fresh: Install, capsys: Capture) -> None:
    fresh("camkit", "[camkit.methods]\n", "0.1.0", root="none of its own, which import torch")
    fresh("camkit-good", GOOD, camkit_good=GOOD_CODE)
    fresh(
        "camkit-hangs",
        "[camkit.methods]\nhangs = camkit_h:f\n",
        camkit_h="import time; time.sleep(600)",
    )
    statuses = checked(capsys, "2")
    assert statuses["hangs"] == "failed: did not finish within 2 s"
    assert statuses["mycam"] == "ok"
    assert "gradcam" not in statuses
