"""`camkit info`: what is known of a plugin."""

from __future__ import annotations

import json
from types import SimpleNamespace

import pytest

from camkit_core import Probe, hookimpl
from camkit_core.cli import main
from camkit_core.plugins import Registry, using
from camkit_core.plugins.docstrings import parsed

Capture = pytest.CaptureFixture[str]


def test_a_method_is_told_with_paper_cost_and_options(capsys: Capture) -> None:
    assert main(["info", "Grad-CAM++"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("gradcam++: a method of camkit ")
    assert "w = sum of alpha g over g > 0" in out
    assert "https://arxiv.org/abs/1710.11063" in out
    assert "1 run (runs of the model for one image)" in out
    assert "variant: one of 'paper', 'official', 'pytorch-grad-cam' (default 'paper')" in out
    assert "--method gradcam++ --set variant=paper" in out


def test_a_metric_is_told_with_its_direction(capsys: Capture) -> None:
    assert main(["info", "deletion"]) == 0
    out = capsys.readouterr().out
    assert "better   lower is better" in out
    assert "--metric deletion" in out


@pytest.mark.parametrize("name", ["overlay", "torchvision.models.resnet", "torchvision"])
def test_the_other_kinds_are_told_too(name: str, capsys: Capture) -> None:
    assert main(["info", name]) == 0
    assert capsys.readouterr().out.startswith(f"{name}: a")


def test_as_json_the_options_are_data(capsys: Capture) -> None:
    assert main(["info", "rise", "--json"]) == 0
    known = json.loads(capsys.readouterr().out)
    first = known["options"][0]
    assert known["cost"] == "4,000 runs"
    assert (first["name"], first["default"], first["what"]) == (
        "samples",
        "4000",
        "how many masks.",
    )


def test_an_unknown_name_is_suggested_across_the_kinds(capsys: Capture) -> None:
    assert main(["info", "insertoin"]) == 2
    assert "Did you mean insertion?" in capsys.readouterr().err
    assert main(["info", "insertion", "--kind", "method"]) == 2
    assert "no method named 'insertion'" in capsys.readouterr().err


def test_a_plugin_without_a_word_of_itself_is_told(capsys: Capture) -> None:
    def mute(probe: Probe, *, depth: int) -> None: ...

    registry = Registry()
    registry.register(SimpleNamespace(camkit_methods=hookimpl(lambda: [mute])))
    with using(registry):
        assert main(["info", "mute"]) == 0
    assert "depth: an integer (it has to be given)" in capsys.readouterr().out


def test_a_docstring_is_read_by_its_parts() -> None:
    doc = parsed("One\n    line.\n\n    More.\n\n    Args:\n        a: first,\n            on.")
    assert (doc.summary, doc.text) == ("One line.", ("More.",))
    assert doc.arguments == {"a": "first, on."}
    assert parsed(None).summary == ""
