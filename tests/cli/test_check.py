"""`camkit check`."""

from __future__ import annotations

import json

import pytest

from camkit_core.cli import main
from helpers.fake_packages import Install

Capture = pytest.CaptureFixture[str]


def test_a_method_that_conforms(capsys: Capture) -> None:
    assert main(["check", "gradcam"]) == 0
    first, *checks, last = capsys.readouterr().out.splitlines()
    assert first == "gradcam"
    assert len(checks) == int(last.split()[0])
    assert last.endswith(" 0 failed, 0 expected failure, 1 skipped")


def test_a_method_that_does_not(fresh: Install, capsys: Capture) -> None:
    bad = "import torch\ndef bad(probe):\n    return probe.activations.sum(1) * torch.rand(1)\n"
    fresh("camkit-bad", "[camkit.methods]\nbad = camkit_bad:bad\n", camkit_bad=bad)
    assert main(["check", "bad", "gradcam", "--json"]) == 1
    bad, good = json.loads(capsys.readouterr().out)["plugins"]
    failed = {check["name"] for check in bad["checks"] if check["status"] == "failed"}
    assert {"repeat", "target"} <= failed
    assert not [
        check
        for check in good["checks"]
        if check["name"] != "light" and check["status"] == "failed"
    ]


def test_a_name_is_enough_whatever_its_kind(capsys: Capture) -> None:
    assert main(["check", "overlay", "--json"]) == 0
    (plugin,) = json.loads(capsys.readouterr().out)["plugins"]
    assert (plugin["name"], plugin["kind"]) == ("overlay", "renderer")
    assert main(["check", "overlai"]) == 2
    assert "Did you mean overlay?" in capsys.readouterr().err


def test_all_renderers(capsys: Capture) -> None:
    assert main(["check", "--all", "--kind", "renderer"]) == 0
    assert capsys.readouterr().out.count("checks: ") == 6


def test_an_adapter_is_checked_on_a_model(capsys: Capture) -> None:
    name = "torchvision.models.mnasnet"
    sizes = ["--size", "64", "--size", "64x96"]
    assert main(["check", name, "--kind", "adapter", "--model", "mnasnet0_5", *sizes]) == 0
    assert "strange-tokens" in capsys.readouterr().out
    assert main(["check", name, "--kind", "adapter"]) == 2
    assert "pass --model" in capsys.readouterr().err


def test_what_a_check_asks_is_said_once(capsys: Capture) -> None:
    of_another = ["torchvision.models.vgg", "--model", "test_resnet", "--size", "32"]
    assert main(["check", *of_another]) == 1
    line = capsys.readouterr().out.splitlines()[1]
    assert line.startswith("  FAILED   layer ")
    assert line.count("The layer is one of the model's") == 1
    assert "it failed with AttributeError" in line


@pytest.mark.parametrize("arguments", [[], ["--all", "--kind", "adapter"], ["nonsense"]])
def test_what_cannot_be_checked_is_one_line(arguments: list[str], capsys: Capture) -> None:
    assert main(["check", *arguments]) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
