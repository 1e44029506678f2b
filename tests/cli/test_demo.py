"""`camkit demo`: two glyphs of a scene, each explained by the five methods."""

from __future__ import annotations

import argparse
import json
from itertools import product

import pytest
from PIL import Image

from camkit_core.cli import main
from camkit_core.cli.demo import add_demo_command
from camkit_core.cli.demo_scene import KINDS, SEED, explain_scene
from camkit_core.testing.ground_truth.networks import FAMILIES, WEIGHTS
from camkit_core.testing.ground_truth.scenes import make_scene
from camkit_core.testing.ground_truth.scores import discrimination, energy, pointing

GRADIENTS = ("gradcam", "xgradcam")
FIVE = ["gradcam", "gradcam++", "xgradcam", "ablationcam", "scorecam"]


@pytest.mark.parametrize(("family", "row"), list(product(FAMILIES, range(2))))
def test_each_map_lies_on_its_own_glyph(family, row):
    explanations, _ = explain_scene(family, GRADIENTS)
    glyph, rival = (make_scene(SEED, KINDS).objects[number] for number in (row, 1 - row))
    for method in GRADIENTS:
        heat = explanations[row, method].heatmap[0].double().numpy()
        assert discrimination(heat, glyph.mask, rival.mask) > 0.65
        assert energy(heat, glyph.mask) > 0.01
        if family != "vit":  # its last block locates worse: docs/evaluation.md
            assert pointing(heat, glyph.box) == 1
            assert energy(heat, glyph.mask) > 0.1


def test_the_network_sees_both_glyphs():
    for family in FAMILIES:
        assert all(
            float(explanation.score) > 0 for explanation in explain_scene(family, ["gradcam"])[0]
        )


def test_the_command_offers_the_whole_zoo():
    parser = argparse.ArgumentParser()
    add_demo_command(parser.add_subparsers())
    for family in FAMILIES:
        assert parser.parse_args(["demo", "--arch", family]).arch == family


def test_the_weights_are_small():
    assert sum(path.stat().st_size for path in WEIGHTS.iterdir()) < 5_000_000


def test_the_command_writes_the_picture_and_prints_its_path(tmp_path, capsys):
    assert main(["demo", "--output", str(tmp_path / "made" / "demo.png")]) == 0
    path = capsys.readouterr().out.strip()
    with Image.open(path) as picture:
        assert picture.width > picture.height > 200
        assert json.loads(picture.text["camkit"])["method"] == FIVE


def test_another_architecture_is_an_option(tmp_path):
    assert main(["demo", "--arch", "resnet", "--output", str(tmp_path / "demo.png")]) == 0
    with Image.open(tmp_path / "demo.png") as picture:
        assert "resnet" in json.loads(picture.text["camkit"])["adapter"]


def test_an_unwritable_output_is_one_line(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["demo", "--output", str(tmp_path / "file" / "demo.png")]) == 2
    error = capsys.readouterr().err
    assert "cannot write" in error
    assert error.count("\n") == 1
