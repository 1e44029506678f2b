"""`camkit demo`: two things in one picture, each explained by several methods."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from itertools import product

import pytest
from PIL import Image

from camkit_core.cli import demo, demo_photos, main
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


@pytest.fixture(scope="module")
def photos():
    """Both classes in the joined photos, by all methods of the demo but the dearest."""
    return demo_photos.explain_photos([*FIVE, *demo_photos.SUCCESSORS[:-1]])


def test_each_map_lies_on_its_own_photo(photos):
    measured = demo_photos.shares(photos)
    sys.stdout.write("\n".join(demo_photos.in_words(photos)))
    assert all(min(values) > 0.65 for values in measured.values())
    good = set(measured) - {"gradcam++"}  # which counts every channel alike
    assert {"gradcam", "xgradcam", "ablationcam", "scorecam", "finercam"} <= good
    assert all(min(measured[method]) >= 0.8 for method in good)


def test_the_network_is_given_the_whole_of_both_photos(photos):
    (original,) = photos[0, 0].originals
    assert original.window.whole
    assert original.pixels.shape == (300, 600, 3)
    assert photos[0, 0].images.shape == (1, 3, 224, 448)


def test_maps_are_drawn_at_full_size_unless_a_side_is_given(photos):
    assert demo_photos.drawn(photos).width > 6 * 600
    assert demo_photos.drawn(photos, 60).width < 6 * 80


def test_the_photos_come_with_licences_and_shares_in_the_record(
    photos, tmp_path, monkeypatch, capsys
):
    monkeypatch.setattr(demo_photos, "explain_photos", lambda: photos)
    assert main(["demo", "--side", "60", "--output", str(tmp_path / "demo.png")]) == 0
    out, err = capsys.readouterr()
    assert out.strip() == str(tmp_path / "demo.png")
    assert "gradcam: tiger cat 9" in err
    with Image.open(tmp_path / "demo.png") as picture:
        record = json.loads(picture.text["camkit"])
    assert record["model"] == demo_photos.MODEL
    assert record["weights"].startswith("efficientnet-lite0-57934424.pth sha256:")
    assert record["options"] == {
        name: demo_photos.OPTIONS[name] for name in ("scorecam", "refinecam")
    }
    assert "CC0" in record["licences"]["coffee"]
    assert "Apache" in record["licences"]["efficientnet-lite0"]
    assert record["shares"]["gradcam"][0] > 0.8


def test_without_the_extra_the_scene_is_drawn_and_one_line_says_how_to_get_photos(
    tmp_path, capsys, monkeypatch
):
    monkeypatch.setitem(demo.PARTS, "no_such_library", "no-such-library")
    assert main(["demo", "--output", str(tmp_path / "made" / "demo.png")]) == 0
    out, err = capsys.readouterr()
    assert err.count("\n") == 1
    assert err.endswith(
        "for real photos and a real network: python -m pip install no-such-library\n"
    )
    with Image.open(out.strip()) as picture:
        assert json.loads(picture.text["camkit"])["method"] == FIVE


def test_another_architecture_is_an_option(tmp_path, capsys):
    assert main(["demo", "--arch", "resnet", "--output", str(tmp_path / "demo.png")]) == 0
    assert capsys.readouterr().err == ""
    with Image.open(tmp_path / "demo.png") as picture:
        assert "resnet" in json.loads(picture.text["camkit"])["adapter"]


def test_an_unwritable_output_is_one_line(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["demo", "--output", str(tmp_path / "file" / "demo.png")]) == 2
    error = capsys.readouterr().err
    assert "cannot write" in error
    assert error.count("\n") == 1


def test_a_file_type_that_cannot_be_written_is_refused_before_torch_is_imported():
    name = "demo.npz"
    program = "import sys; from camkit_core.cli import main; code = main(sys.argv[1:])"
    check = f"{program}; assert 'torch' not in sys.modules; sys.exit(code)"
    done = subprocess.run(
        [sys.executable, "-c", check, "demo", "--output", name], capture_output=True, text=True
    )
    assert done.returncode == 2, done.stderr
    assert done.stderr.count("\n") == 1
    assert f"cannot write the picture to {name!r}; expected --output as a file" in done.stderr


@pytest.mark.parametrize("side", ["0", "-3", "4001", "large"])
def test_a_side_that_cannot_be_drawn_is_refused_before_any_work(side, capsys, monkeypatch):
    monkeypatch.setattr(demo_photos, "explain_photos", None)
    assert main(["demo", f"--side={side}"]) == 2
    assert "argument --side: expected a number from 1 " in capsys.readouterr().err
