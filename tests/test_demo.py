"""`camkit demo`: each class's map lies on its own object, for all five methods."""

from __future__ import annotations

import json
from itertools import product

import numpy as np
import pytest
import torch
from PIL import Image

from camkit_core import compare
from camkit_core.cli import main
from camkit_core.demo.demo import METHODS, explain_scene
from camkit_core.demo.network import CLASSES, WEIGHTS, demo_network, preprocess, record_of
from camkit_core.demo.scene import DEMO_KINDS, DEMO_SEED, make_scene
from camkit_core.demo.train import TEST_SEED


def grown(mask, pixels=5):
    """A mask and what lies within some pixels of it."""
    wide = torch.from_numpy(mask)[None, None].float()
    return torch.nn.functional.max_pool2d(wide, 2 * pixels + 1, 1, pixels)[0, 0] > 0


@pytest.fixture(scope="module")
def demo():
    return explain_scene()[0]


@pytest.mark.parametrize(("row", "method"), list(product(range(2), METHODS)))
def test_each_map_lies_on_its_own_object(demo, row, method):
    scene = make_scene(DEMO_SEED, DEMO_KINDS)
    own, other = (grown(scene.masks[CLASSES.index(kind)]) for kind in DEMO_KINDS)
    if row == 1:
        own, other = other, own
    heat = demo[row, method].heatmap[0]
    assert own.flatten()[heat.argmax()]
    assert heat[own].sum() > 4 * heat[other].sum()


def test_maps_lie_on_their_objects_in_most_scenes():
    network, hits = demo_network(), []
    for seed in range(8):
        kinds = [
            str(kind) for kind in np.random.default_rng(seed).choice(CLASSES, 2, replace=False)
        ]
        scene = make_scene(TEST_SEED + 500_000 + seed, kinds)
        targets = [CLASSES.index(kind) for kind in kinds]
        found = compare(network, preprocess(scene.image), METHODS[:4], targets)
        for row, target in enumerate(targets):
            own = grown(scene.masks[target]).flatten()
            hits += [bool(own[one.heatmap[0].argmax()]) for one in found.rows[row]]
    assert np.mean(hits) > 0.85


def test_the_shipped_accuracy_is_reproduced():
    network, right = demo_network(), []
    for seed in range(100):
        scene = make_scene(TEST_SEED + seed)
        with torch.no_grad():
            right.append((network(preprocess(scene.image))[0] > 0).numpy() == scene.labels)
    assert np.mean(right) == pytest.approx(float(record_of()["test_accuracy"]), abs=0.03)


def test_a_scene_depends_on_its_seed_alone():
    first, again, other = make_scene(3), make_scene(3), make_scene(4)
    assert (first.image == again.image).all()
    assert (first.image != other.image).any()


def test_objects_do_not_touch():
    for seed in range(20):
        assert make_scene(seed).masks.sum(0).max() <= 1


def test_the_weights_are_small():
    assert WEIGHTS.stat().st_size < 2_000_000


def test_the_command_writes_the_picture_and_prints_its_path(tmp_path, capsys):
    assert main(["demo", "--output", str(tmp_path / "made" / "demo.png")]) == 0
    path = capsys.readouterr().out.strip()
    with Image.open(path) as picture:
        assert picture.width > picture.height > 200
        assert json.loads(picture.text["camkit"])["method"] == list(METHODS)


def test_an_unwritable_output_is_one_line(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    assert main(["demo", "--output", str(tmp_path / "file" / "demo.png")]) == 2
    error = capsys.readouterr().err
    assert "cannot write" in error
    assert error.count("\n") == 1
