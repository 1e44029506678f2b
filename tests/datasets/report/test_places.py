"""Where a map's evidence lies: closed forms on maps that are known."""

from __future__ import annotations

import numpy as np
import pytest

from camkit_core.datasets.report.places import evidence, mass, places, resized


def one_cell(row: int, column: int, side: int = 7) -> np.ndarray:
    maps = np.zeros((1, side, side), np.float32)
    maps[0, row, column] = 3
    return mass(maps)


def even(height: int, width: int) -> np.ndarray:
    return mass(np.ones((1, height, width), np.float32))


@pytest.mark.parametrize(("height", "width"), [(7, 7), (10, 10), (3, 20), (50, 4)])
def test_an_even_map_has_the_borders_share_of_the_picture_at_the_border(height, width):
    found = places(even(height, width))
    assert found.border[0] == pytest.approx(1 - 0.8**2, abs=1e-5)
    assert found.entropy[0] == pytest.approx(1, abs=1e-5)
    assert found.centre[0] == pytest.approx([0.5, 0.5], abs=1e-5)


def test_a_map_of_one_cell_lies_there():
    found = places(one_cell(6, 0))
    assert found.entropy[0] == 0
    assert found.centre[0] == pytest.approx([0.5 / 7, 6.5 / 7])
    assert found.border[0] == pytest.approx(1 - (1 - 0.7) ** 2, abs=1e-5)  # 0.7 of a cell a side
    assert places(one_cell(3, 3)).border[0] == pytest.approx(0, abs=1e-6)


def test_a_blank_map_lies_nowhere():
    blank = mass(np.zeros((1, 4, 4), np.float32))
    found = places(blank)
    assert not blank.any()
    assert np.isnan(found.border[0])
    assert np.isnan(found.centre).all()


def test_evidence_is_what_is_positive_and_finite():
    flat = [[1, -2, np.nan, np.inf], [0, 0, 3, -1]]
    assert evidence(flat, (2, 2)).tolist() == [[[1, 0], [0, 0]], [[0, 0], [3, 0]]]


def test_a_signal_is_a_row_and_the_slices_of_a_volume_lie_on_one_another():
    assert evidence([[1, 2, 3]], (3,)).tolist() == [[[1, 2, 3]]]
    assert evidence([list(range(8))], (2, 2, 2)).tolist() == [[[4, 6], [8, 10]]]


def test_tiny_and_huge_maps_have_a_mass():
    tiny, huge = np.full((2, 2), 1e-38, np.float32), np.full((2, 2), 3e38, np.float32)
    assert mass(np.stack([tiny, huge])).tolist() == [[[0.25] * 2] * 2] * 2


@pytest.mark.parametrize("grid", [(3, 5), (14, 14), (7, 7), (1, 2)])
def test_on_another_grid_mass_keeps_its_sum_and_its_centre(grid):
    maps = mass(np.random.default_rng(0).random((3, 7, 7), dtype=np.float32))
    moved = resized(maps, grid)
    assert moved.sum((1, 2)) == pytest.approx([1, 1, 1], abs=1e-5)
    if min(grid) >= 7:
        assert places(moved).centre == pytest.approx(places(maps).centre, abs=1e-5)


def test_a_cell_of_twice_the_size_has_the_sum_of_its_four():
    maps = mass(np.arange(16, dtype=np.float32).reshape(1, 4, 4))
    expected = maps.reshape(1, 2, 2, 2, 2).sum((2, 4))
    assert resized(maps, (2, 2)) == pytest.approx(expected)
