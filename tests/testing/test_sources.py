"""The conformance kit of sources: it finds every seeded bug, and camkit's own sources pass it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from camkit_core.cli import main
from camkit_core.testing import check_source, outcomes, source_checks
from helpers import mutants
from helpers.hub_folders import classifier, detector, text_image

OWN: dict[str, Any] = {
    "torchvision": lambda folder: "squeezenet1_1",
    "timm": lambda folder: "test_resnet",
    "hf": lambda folder: str(classifier(folder)),
    "ultralytics": lambda folder: str(settings(folder)),
}


def settings(folder: Path) -> Path:
    """A small classifier, as ultralytics writes its architectures down."""
    rows = {"backbone": "Conv, [8, 3, 2]", "head": "Classify, [nc]"}
    lines = [f"{part}:\n  - [-1, 1, {row}]" for part, row in rows.items()]
    path = folder / "tiny-cls.yaml"
    path.write_text("\n".join(["nc: 3", *lines, ""]))
    return path


@pytest.mark.parametrize("source", OWN)
def test_the_sources_of_camkit_pass(source: str, tmp_path: Path) -> None:
    check_source(source, OWN[source](tmp_path))


def test_detectors_and_models_of_text_and_image_pass_too(tmp_path: Path) -> None:
    check_source("hf", str(detector(tmp_path / "boxes")))
    check_source("hf", str(text_image(tmp_path / "words")))


def test_the_source_that_bugs_are_seeded_in_passes() -> None:
    failed = [o for o in outcomes(source_checks(mutants.right_source, "tiny")) if o.why]
    assert failed == []


@pytest.mark.parametrize("name", list(mutants.SOURCES))
def test_a_bug_seeded_in_a_source_is_caught(name: str) -> None:
    wanted, mutant = mutants.SOURCES[name]
    (check,) = (each for each in source_checks(mutant, "tiny") if each.name == wanted)
    with pytest.raises(AssertionError):
        check()


def test_every_check_of_sources_has_a_bug_that_it_catches() -> None:
    checks = {check.name for check in source_checks(mutants.right_source, "tiny")}
    assert checks == {check for check, _ in mutants.SOURCES.values()}


def test_the_command_checks_a_source_on_a_model(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "timm", "--kind", "source", "--model", "test_resnet"]) == 0
    assert "7 checks: 7 passed" in capsys.readouterr().out.replace("7 ok", "7 passed")
    assert main(["check", "timm", "--kind", "source"]) == 2
    assert "a source is checked on a model: pass --model" in capsys.readouterr().err
