"""Memory does not grow with the rows, and what needs no torch does not import it."""

from __future__ import annotations

import subprocess
import sys
import time
import tracemalloc

import numpy as np
import pytest

import camkit_core as camkit
from camkit_core.datasets import manifest
from camkit_core.datasets.arrow import arrow
from camkit_core.datasets.report import gathered, reading, sample
from camkit_core.datasets.report.truth import Truth
from camkit_core.datasets.shards import ShardWriter
from helpers.explained_rows import made_rows

ROWS = 500  # of a shard


def written(folder, shards):
    """A data set of so many shards, with maps of 14 x 14."""
    manifest.agree(folder, {"model": "made up"})
    with ShardWriter(folder, dict, most_rows=ROWS) as writer:
        for shard in range(shards):
            ids = [f"{shard}/{number}.png" for number in range(ROWS)]
            maps = np.random.default_rng(shard).random((ROWS, 196)).astype(np.float16)
            writer.add(made_rows(ids, map=list(maps), grid=[[14, 14]] * ROWS, label=[0] * ROWS))
    return folder


@pytest.fixture(scope="module")
def few(tmp_path_factory):
    return written(tmp_path_factory.mktemp("few"), 3)


@pytest.fixture(scope="module")
def many(tmp_path_factory):
    return written(tmp_path_factory.mktemp("many"), 30)


def test_nothing_is_read_ahead_of_whoever_takes_the_batches(many):
    before = arrow.total_allocated_bytes()
    batches = camkit.open_dataset(many).batches(["id", "map"], 100)
    next(batches)
    time.sleep(0.3)  # as somebody does who has work with the first
    held = arrow.total_allocated_bytes() - before
    assert held < 30 * ROWS * 196 * 2 / 3  # bytes of all maps


def peak_of_reading(folder):
    """The most that Python and NumPy hold while a report's rows are read."""
    read = reading.Reading(camkit.open_dataset(folder), Truth(), None)
    tracemalloc.start()
    read.read()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert read.counts.rows == len(read.maps)
    return peak


def test_ten_times_the_rows_take_no_more_memory_for_a_report(few, many, monkeypatch):
    monkeypatch.setattr(gathered, "ROWS", 250)
    monkeypatch.setattr(reading, "MOST", 50)
    monkeypatch.setattr(sample, "_WAITING", 200)
    peak_of_reading(few)  # what is imported and cached on the way is no part of it
    assert peak_of_reading(many) < 1.3 * peak_of_reading(few)


PROGRAM = """
import sys, camkit_core as camkit, pyarrow.compute as pc
folder = sys.argv[1]
maps = camkit.open_dataset(folder)
assert len(maps.filter(pc.field("class_index") == 1)) and maps[3].map.shape == (14, 14)
camkit.dataset_report(folder, folder + "/report.html")
camkit.export_dataset(folder, folder + "/maps.npz")
print("torch" in sys.modules)
"""


def test_opening_filtering_a_report_and_npz_import_no_torch(few):
    words = [sys.executable, "-c", PROGRAM, str(few)]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "False", done.stderr
