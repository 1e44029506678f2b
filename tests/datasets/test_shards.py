"""Shards are there whole or not at all, and what killed runs leave is ignored and swept."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

import pytest

from camkit_core.datasets import shards
from camkit_core.datasets.arrow import parquet
from camkit_core.datasets.schema import SCHEMA, metadata_of
from camkit_core.datasets.shards import ShardWriter, shards_in, sweep
from camkit_core.errors import PathError
from helpers.explained_rows import made_rows


def facts():
    return {"model": "a", "notes": {"tie": "a tie"}}


def test_rows_that_are_added_together_are_in_one_shard(tmp_path):
    with ShardWriter(tmp_path, facts, most_rows=5) as writer:
        for number in range(4):
            writer.add(made_rows([f"{number}/{each}" for each in range(3)]))
    counts = [parquet.read_metadata(path).num_rows for path in shards_in(tmp_path)]
    assert counts == [6, 6]
    assert writer.written == 12


def test_a_shard_is_written_after_some_time_however_few_rows_it_has(tmp_path):
    writer = ShardWriter(tmp_path, facts, most_seconds=0)
    writer.add(made_rows(["a"]))
    assert len(shards_in(tmp_path)) == 1


def interrupted(folder):
    with ShardWriter(folder, facts) as writer:
        writer.add(made_rows(["a"]))
        raise KeyboardInterrupt


def test_the_rows_left_are_written_after_an_error_too(tmp_path):
    with pytest.raises(KeyboardInterrupt):
        interrupted(tmp_path)
    assert len(shards_in(tmp_path)) == 1


def test_a_shard_has_the_schema_and_says_what_it_is_of(tmp_path):
    with ShardWriter(tmp_path, facts) as writer:
        writer.add(made_rows(["a"]))
    schema = parquet.read_schema(shards_in(tmp_path)[0])
    assert schema.equals(SCHEMA)
    assert metadata_of(schema) == {"schema": 1, **facts()}


def test_a_row_of_seven_by_seven_takes_less_than_400_bytes(tmp_path):
    import numpy as np

    maps = np.random.default_rng(0).uniform(-1, 1, (2000, 49)).astype(np.float16)
    ids = [f"n{number % 100:08d}/picture_{number:08d}.jpeg" for number in range(2000)]
    with ShardWriter(tmp_path, facts) as writer:
        writer.add(made_rows(ids, map=list(maps), grid=[[7, 7]] * 2000))
    assert shards_in(tmp_path)[0].stat().st_size / 2000 < 400


def test_nothing_is_left_of_a_shard_that_cannot_be_written(tmp_path, monkeypatch):
    def full(table, file):
        file.write(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(shards, "_write", full)
    writer = ShardWriter(tmp_path, facts)
    writer.add(made_rows(["a"]))
    with pytest.raises(PathError, match="No space left on device; make room, and start again"):
        writer.flush()
    assert list(tmp_path.iterdir()) == []


def of_process(number: int, host: str | None = None) -> str:
    return f".part-1.parquet.{host or socket.gethostname()}.{number}.tmp"


def dead_process() -> int:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def test_what_a_killed_run_left_is_no_shard_and_is_swept(tmp_path):
    half = tmp_path / of_process(dead_process())
    half.write_bytes(b"PAR1")
    assert shards_in(tmp_path) == []
    sweep(tmp_path)
    assert not half.exists()


def test_what_another_run_may_be_writing_is_not_swept(tmp_path):
    writing = [of_process(os.getppid()), of_process(dead_process(), host="elsewhere.example")]
    for name in writing:
        (tmp_path / name).touch()
    sweep(tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(writing)


def test_what_nobody_has_touched_for_hours_is_swept(tmp_path):
    old = tmp_path / of_process(1, host="elsewhere.example")
    old.touch()
    os.utime(old, (0, 0))
    sweep(tmp_path)
    assert not old.exists()
