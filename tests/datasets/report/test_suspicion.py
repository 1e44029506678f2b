"""A cluster of maps in one place stands out; objects that lie now here, now there, do not."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest

from camkit_core.datasets.report.places import mass
from camkit_core.datasets.report.suspicion import Cluster, clusters

SIDE = 8


def blobs(count, rng, where, width=1.3):
    """Maps (count, 8, 8) with a blob at a random place, or about a fixed one, and some noise."""
    y, x = np.mgrid[:SIDE, :SIDE]
    places = rng.uniform(1, SIDE - 2, (count, 2)) if where is None else np.tile(where, (count, 1))
    places = places + rng.normal(0, 0.05 if where is not None else 0, (count, 2))
    distance = (y - places[:, :1, None]) ** 2 + (x - places[:, 1:, None]) ** 2
    noise = rng.random((count, SIDE, SIDE)) * 0.15
    return mass(np.float32(np.exp(-distance / (2 * width**2)) + noise))


def classes(seed, marked, where=(0, 7), count=200):
    """Maps of three classes; of the first, a share has its blob in one place."""
    rng = np.random.default_rng(seed)
    number = int(marked * count)
    mixed = np.concatenate([blobs(number, rng, where), blobs(count - number, rng, None)])
    return [mixed, blobs(count, rng, None), blobs(count, rng, None)]


def first(found: list[list[Cluster]]) -> tuple[int, Cluster]:
    """The class and the cluster of the highest score."""
    return max(((n, c) for n, each in enumerate(found) for c in each), key=lambda x: x[1].score)


@pytest.mark.parametrize("marked", [0.1, 0.25, 0.5])
@pytest.mark.parametrize("where", [(0, 0), (7, 7), (0, 4)], ids=["corner", "other corner", "edge"])
def test_maps_in_one_place_stand_out_and_are_told_whole(marked, where):
    found = clusters(classes(0, marked, where))
    number, cluster = first(found)
    number_of_marks = int(marked * 200)
    assert number == 0
    assert cluster.stands_out
    assert (cluster.members < number_of_marks).mean() > 0.7
    assert (cluster.members < number_of_marks).sum() > 0.9 * number_of_marks
    assert cluster.here > marked * 0.8
    assert cluster.elsewhere < 0.05


@pytest.mark.parametrize("seed", range(3))
def test_objects_at_random_places_do_not_stand_out(seed):
    assert not first(clusters(classes(seed, 0)))[1].stands_out


def test_objects_in_four_places_do_not_stand_out_where_all_classes_have_them():
    rng = np.random.default_rng(0)
    places = [(1, 1), (1, 6), (6, 1), (6, 6)]
    all_classes = [
        np.concatenate([blobs(50, rng, place, width=1) for place in places]) for _ in range(3)
    ]
    assert not first(clusters(all_classes))[1].stands_out


def test_objects_of_one_class_in_the_centre_do_not_stand_out():
    rng = np.random.default_rng(0)
    centred = np.concatenate([blobs(100, rng, (3.5, 3.5)), blobs(100, rng, None)])
    assert not first(clusters([centred, blobs(200, rng, None)]))[1].stands_out


def test_noise_does_not_stand_out():
    rng = np.random.default_rng(0)
    noise = [mass(rng.random((150, 7, 7), dtype=np.float32)) for _ in range(4)]
    assert not first(clusters(noise))[1].stands_out


def test_of_a_single_class_a_corner_is_compared_with_the_other_corners():
    marked, plain = classes(0, 0.4)[:2]
    alone, none = clusters([marked])[0][0], clusters([plain])[0][0]
    assert np.isnan(alone.elsewhere)
    assert alone.stands_out
    assert not none.stands_out


def test_few_maps_make_no_clusters():
    assert clusters([classes(0, 0.5)[0][:19], classes(0, 0)[0][:0]]) == [[], []]


def test_the_same_maps_make_the_same_clusters():
    one, other = (clusters(classes(1, 0.3)) for _ in range(2))
    assert [[c.members.tolist() for c in x] for x in one] == [
        [c.members.tolist() for c in x] for x in other
    ]


def test_maps_that_are_all_the_same_are_no_error():
    same = np.tile(mass(np.ones((1, 4, 4), np.float32)), (40, 1, 1))
    assert not any(cluster.stands_out for each in clusters([same, same]) for cluster in each)


def test_clustering_takes_one_thread_also_where_nothing_was_loaded_before():
    code = (
        "from camkit_core.datasets.report.clusters import one_thread\n"
        "with one_thread():\n"
        "    import scipy.linalg, sklearn.cluster\n"
        "    from threadpoolctl import threadpool_info\n"
        "    print({each['num_threads'] for each in threadpool_info()})\n"
    )
    unlimited = {name: text for name, text in os.environ.items() if "_NUM_THREADS" not in name}
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=unlimited, check=True
    )
    assert told.stdout.strip() == "{1}"
