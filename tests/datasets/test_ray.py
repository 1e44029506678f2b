"""The Ray engine gives the rows of the local one; it is started once for these tests."""

from __future__ import annotations

import os
import pickle
import sys
from contextlib import nullcontext
from functools import partial

import numpy as np
import pytest
import torch

import camkit_core as camkit
from camkit_core.datasets import ray_cluster, ray_engine
from camkit_core.datasets.ray_actor import ExplainingActor, packed
from camkit_core.datasets.ray_cluster import Pool, pool_for
from camkit_core.errors import RunError, TargetError
from helpers.picture_folders import Tiny, transform

explained = partial(camkit.explain_dataset, Tiny(), transform=transform, batch_size=8)


@pytest.fixture(scope="module")
def two_cores():
    """A cluster of two cores in this machine, which the engine finds started."""
    paths = os.pathsep.join(filter(None, sys.path))
    settings = {"RAY_USAGE_STATS_ENABLED": "0", "RAY_AUTH_MODE": "disabled", "PYTHONPATH": paths}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in settings.items():
            patch.setenv(name, value)
        ray = pytest.importorskip("ray")
        ray.init(
            address="local",
            num_cpus=2,
            include_dashboard=False,
            log_to_driver=False,
            object_store_memory=1 << 28,
        )
        yield ray
        ray.shutdown()


def by_id(maps):
    return {row.id: row for row in maps}


def test_ray_gives_the_rows_of_the_local_engine_and_goes_on_with_its_shards(
    two_cores, photos, tmp_path
):
    local = by_id(explained(photos, tmp_path / "local", labels="folders"))
    explained(photos, tmp_path / "ray", shard=(1, 2), labels="folders", workers=0)
    maps = explained(photos, tmp_path / "ray", engine="ray", labels="folders")
    assert two_cores.is_initialized()  # who started it, ends it
    assert len(maps) == 60
    others = by_id(maps)
    same = ("class_index", "top_class", "label_name", "error", "grid", "layer", "notes", "target")
    for name, row in local.items():
        assert [row.values[key] for key in same] == [others[name].values[key] for key in same]
        if row.error is None:
            steps = np.abs(np.subtract(row.values["map"], others[name].values["map"]))
            assert steps.max() <= 2**-10
    assert (
        maps.metadata["notes"].keys()
        == camkit.open_dataset(tmp_path / "local").metadata["notes"].keys()
    )


class Alone:
    """What Ray tells an actor that has one core."""

    def get_assigned_resources(self):
        return {"CPU": torch.get_num_threads()}

    def get_accelerator_ids(self):
        return {}


def test_a_question_that_fails_in_an_actor_fails_where_it_was_asked(photos, tmp_path, monkeypatch):
    ray = pytest.importorskip("ray")
    monkeypatch.setattr(ray, "get", lambda sent: pickle.loads(pickle.dumps(sent)))
    monkeypatch.setattr(ray, "get_runtime_context", Alone)
    monkeypatch.setattr(ray_engine, "cluster", lambda job: nullcontext(Pool(1, 1, 0)))
    monkeypatch.setattr(ray_engine, "data_context", nullcontext)

    def answers(job, running, pool):
        """As Ray gives them, of an actor in this process."""
        actor = ExplainingActor(packed(job))
        for block in ray_engine._tables(job, running, pool.actors):
            for answer in actor(block):
                yield from answer.to_pylist()

    monkeypatch.setattr(ray_engine, "_answers", answers)
    with pytest.raises(TargetError, match="out of range: the model has 3 classes"):
        explained(photos, tmp_path / "wrong", "gradcam", 7, engine="ray")
    assert len(explained(photos, tmp_path / "right", engine="ray")) == 60


def test_each_free_gpu_has_an_actor_and_where_there_is_none_each_free_core():
    assert pool_for({"CPU": 8, "GPU": 2}, {"CPU": 8, "GPU": 2}, None) == Pool(2, 4, 1)
    assert pool_for({"CPU": 8}, {"CPU": 5.5}, None) == Pool(5, 1, 0)
    assert pool_for({"CPU": 8}, {"CPU": 8}, 3) == Pool(3, 1, 0)


@pytest.mark.parametrize(
    ("whole", "free", "told"),
    [
        ({"CPU": 8}, {}, "none of its 8 CPUs free"),
        ({"CPU": 8, "GPU": 2}, {"CPU": 8}, "none of its 2 GPUs free"),
        ({"CPU": 1, "GPU": 2}, {"GPU": 2}, "none of its 1 CPUs free"),
    ],
)
def test_a_cluster_without_room_is_refused_in_place_of_waiting_for_ever(whole, free, told):
    with pytest.raises(RunError, match=told):
        pool_for(whole, free, None)


def test_the_cores_of_a_run_that_has_just_ended_are_waited_for(monkeypatch):
    monkeypatch.setattr(ray_cluster, "_STEP", 0.001)
    answers = iter([{}, {"CPU": 1}, {"CPU": 2}])
    assert ray_cluster._free({"CPU": 2}, lambda: next(answers)) == {"CPU": 2}
    monkeypatch.setattr(ray_cluster, "_PARTLY", 0)
    assert ray_cluster._free({"CPU": 2}, lambda: {"CPU": 1}) == {"CPU": 1}
