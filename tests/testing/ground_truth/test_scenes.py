"""Glyph scenes: nothing but the arrangement of cells tells a class, and exchanges are exact."""

from __future__ import annotations

import numpy as np
import pytest

from camkit_core.testing.ground_truth.controls import Control, auc, scene_controls
from camkit_core.testing.ground_truth.scenes import CLASSES, NEUTRAL, arrangements, make_scene


def test_a_scene_depends_on_its_seed_alone():
    first, again, other = make_scene(3), make_scene(3), make_scene(4)
    assert (first.picture() == again.picture()).all()
    assert (first.picture() != other.picture()).any()


def test_a_scene_is_the_same_on_every_machine():
    """Trained weights and tables hold only for these pictures."""
    assert make_scene(0).picture().sum() == pytest.approx(1554812, abs=50)


@pytest.mark.parametrize("kind", [*CLASSES, NEUTRAL])
def test_every_arrangement_has_five_cells_in_three_by_three(kind):
    for cells in arrangements(kind):
        assert cells.sum() == 5
        assert max(cells.shape) <= 3


def test_turned_or_mirrored_a_glyph_is_of_its_class():
    keys = {(cells.shape, cells.tobytes()) for cells in arrangements("F")}
    for cells in arrangements("F"):
        turned, mirrored = np.rot90(cells).copy(), cells[:, ::-1].copy()
        assert (turned.shape, turned.tobytes()) in keys
        assert (mirrored.shape, mirrored.tobytes()) in keys


def test_no_arrangement_is_of_two_kinds():
    keys = [
        (cells.shape, cells.tobytes())
        for kind in (*CLASSES, NEUTRAL)
        for cells in arrangements(kind)
    ]
    assert len(keys) == len(set(keys))


def test_how_many_ways_there_are():
    """There are 126 ways to fill five of nine cells; only X stays the same under every turn."""
    ways = [len(arrangements(kind)) for kind in CLASSES]
    assert dict(zip(CLASSES, ways, strict=True)) == {
        "F": 8,
        "P": 8,
        "T": 4,
        "U": 4,
        "V": 4,
        "W": 4,
        "X": 1,
        "Z": 4,
    }


def test_objects_do_not_touch_and_are_always_three():
    for seed in range(20):
        scene = make_scene(seed)
        assert len(scene.objects) == 3
        assert sum(glyph.mask.astype(int) for glyph in scene.objects).max() == 1


def test_an_exchange_changes_the_glyph_alone_and_takes_its_label():
    scene = make_scene(5, ["F", "X", NEUTRAL])
    changed = (scene.picture() != scene.picture([0])).any(2)
    first = scene.objects[0]
    assert changed.any()
    assert not (changed & ~(first.mask | first.stand_in)).any()
    assert first.stand_in.sum() == first.mask.sum()
    assert scene.labels.tolist() == [name in ("F", "X") for name in CLASSES]


def test_the_mask_is_where_the_glyph_is():
    scene = make_scene(5, ["F", "X", NEUTRAL])
    assert (scene.mask("F") == scene.objects[0].mask).all()
    assert not scene.mask("Z").any()


def test_the_controls_pass():
    failed = [str(control) for control in scene_controls(800) if not control.passed]
    assert not failed


def test_a_control_that_finds_nothing_fails():
    assert not Control("what", float("nan"), 0, 1).passed


def test_auc_by_hand():
    # Of two positives and two negatives three pairs of four are in order.
    assert auc(np.array([0.1, 0.4, 0.35, 0.8]), np.array([False, False, True, True])) == 0.75
