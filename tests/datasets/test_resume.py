"""A run goes on where it was, whoever stopped it: nothing twice, nothing left out."""

from __future__ import annotations

import os
import signal
import time
from functools import partial

import pytest
import torch
from torch.utils.data import TensorDataset

import camkit_core as camkit
from camkit_core.datasets.arrow import parquet
from camkit_core.datasets.shards import shards_in
from camkit_core.errors import ArgumentError, RunError
from helpers.picture_folders import BROKEN, Tiny, in_another_process, transform

explained = partial(camkit.explain_dataset, Tiny(), workers=0, transform=transform)
# Explains a folder slowly, and says when the first shard is there.
SLOW = """
import sys, time
from helpers.picture_folders import Tiny, transform
import camkit_core as camkit

def slowly(picture):
    time.sleep(0.02)
    return transform(picture)

try:
    camkit.explain_dataset(
        Tiny(), sys.argv[1], sys.argv[2], transform=slowly, batch_size=4, workers=1, shard_rows=8
    )
finally:
    print("ray" in sys.modules)
"""


@pytest.fixture(scope="module")
def done(photos, tmp_path_factory):
    """The output of a run that is done."""
    folder = tmp_path_factory.mktemp("done")
    explained(photos, folder)
    return folder


def ids(folder):
    return [row.id for row in camkit.open_dataset(folder)]


def counted(model):
    """The sizes of batches that a model runs from now on."""
    sizes = []
    model.body[0].register_forward_hook(lambda module, args, output: sizes.append(len(args[0])))
    return sizes


def test_what_is_done_is_not_done_again(photos, tmp_path):
    explained(photos, tmp_path, shard=(1, 2))
    half = len(ids(tmp_path))
    model = Tiny()
    sizes = counted(model)
    again = camkit.explain_dataset(
        model, photos, tmp_path, workers=0, transform=transform, batch_size=60
    )
    left = 60 - half
    assert sizes[0] <= left < 60
    assert len(again) == len(set(ids(tmp_path))) == 60


def test_all_shards_together_are_all_images(photos, tmp_path):
    for number in (1, 2, 3):
        explained(photos, tmp_path, shard=f"{number}/3")
    assert len(ids(tmp_path)) == len(set(ids(tmp_path))) == 60


@pytest.mark.parametrize("shard", [(0, 3), (4, 3), "3", "a/b", 3])
def test_a_shard_counts_from_one(shard, photos, tmp_path):
    with pytest.raises(ArgumentError, match="expected a shard as 3/16, the third of 16"):
        explained(photos, tmp_path, shard=shard)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"method": "layercam"}, r'its method is \["gradcam"\], and now it is \["layercam"\]'),
        ({"target": "0"}, r'its target is \["top1"\], and now it is \["0"\]'),
        ({"eigen_smooth": True}, "its settings is"),
        ({"dtype": "bfloat16"}, "its precision is"),
        ({"source": TensorDataset(torch.rand(2, 3, 32, 32))}, "its source is"),
    ],
    ids=["method", "target", "settings", "precision", "source"],
)
def test_another_run_in_the_same_output_is_refused(change, told, photos, done):
    with pytest.raises(ArgumentError, match=told):
        explained(**{"source": photos, "output": done, **change})
    assert len(ids(done)) == 60


def test_another_model_in_the_same_output_is_refused(photos, done):
    other = Tiny()
    with torch.no_grad():
        other.head[2].bias[0] += 1
    with pytest.raises(ArgumentError, match=r"its weights .* and now it is"):
        camkit.explain_dataset(other, photos, done, transform=transform)


def test_what_is_not_said_is_as_before(photos, tmp_path):
    explained(photos, tmp_path, "finercam", "top2", shard=(1, 2), alpha=0.3)
    again = explained(photos, tmp_path)
    assert len(again) == 120
    assert {(row.method, row.options) for row in again} == {("finercam", '{"alpha": 0.3}')}


def test_errors_are_tried_again_when_asked(photos, tmp_path):
    whole = (photos / "a/deep 0/000.jpg").read_bytes()
    place = tmp_path / "photos"
    for number in range(6):
        path = place / f"{number}.jpg"
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(whole if number % 2 else b"broken")
    output = tmp_path / "maps"
    explained(place, output, "gradcam,layercam")
    (place / "0.jpg").write_bytes(whole)
    assert sum(row.error is not None for row in explained(place, output)) == 6
    again = explained(place, output, retry_errors=True)
    assert sorted({row.id for row in again if row.error}) == ["2.jpg", "4.jpg"]
    assert sorted(ids(output)) == sorted(f"{number}.jpg" for number in range(6) for _ in "12")


def started(photos, output):
    """A run in another process that has written its first shard."""
    process = in_another_process(SLOW, str(photos), str(output))
    until = time.monotonic() + 60
    while not shards_in(output) and process.poll() is None and time.monotonic() < until:
        time.sleep(0.01)
    assert process.poll() is None, process.stderr.read()
    return process


def test_a_run_that_was_killed_goes_on(photos, tmp_path):
    process = started(photos, tmp_path)
    process.kill()
    process.communicate()
    kept = [parquet.read_table(path).num_rows for path in shards_in(tmp_path)]
    assert 0 < sum(kept) < 60
    camkit.explain_dataset(Tiny(), photos, tmp_path, transform=like_slowly(), workers=0)
    assert len(ids(tmp_path)) == len(set(ids(tmp_path))) == 60
    assert {row.id for row in camkit.open_dataset(tmp_path) if row.error} == set(BROKEN)
    assert not [name for name in os.listdir(tmp_path) if name.endswith(".tmp")]


def test_a_run_that_is_interrupted_keeps_what_it_did_and_a_second_one_meanwhile_is_refused(
    photos, tmp_path
):
    process = started(photos, tmp_path)
    with pytest.raises(RunError, match="another process is explaining the same images"):
        camkit.explain_dataset(Tiny(), photos, tmp_path, transform=like_slowly())
    process.send_signal(signal.SIGINT)
    assert process.communicate()[0] == "False\n"  # Ray is not imported, for which nobody asked
    assert 8 <= len(ids(tmp_path)) < 60


def like_slowly():
    """A transform that is called as that of `SLOW` is."""

    def slowly(picture):
        return transform(picture)

    slowly.__qualname__ = "slowly"
    return slowly
