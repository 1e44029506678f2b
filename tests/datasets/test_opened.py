"""A folder of explanations opens lazily: rows, maps, filters and pictures."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import camkit_core as camkit
from camkit_core.datasets import manifest
from camkit_core.datasets.arrow import compute
from camkit_core.datasets.shards import ShardWriter
from camkit_core.errors import FileError, InputError
from camkit_core.maps import heatmaps
from helpers.explained_rows import made_rows

FACTS = {"model": "made up", "notes": {"tie": "a tie", "note-1": "something else"}}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three shards of 20 rows; the last row is an error, the first has notes."""
    place = tmp_path_factory.mktemp("maps")
    manifest.agree(place, {"model": "made up", "source": {"root": str(place)}})
    with ShardWriter(place, lambda: FACTS, most_rows=20) as writer:
        for shard in range(3):
            ids = [f"{shard}/{number:02d}.png" for number in range(20)]
            writer.add(made_rows(ids, seed=shard, notes=[["tie", "note-1"]] + [[]] * 19))
        failed = dict.fromkeys(["map", "grid", "score", "class_index", "class_name"])
        writer.add(made_rows(["bad.png"], error="InputError: no picture", **failed))
    return place


@pytest.fixture(scope="module")
def maps(folder):
    return camkit.open_dataset(folder)


def test_rows_keep_the_order_in_which_they_were_written(maps):
    assert len(maps) == 61
    assert [maps[index].id for index in (0, 19, 20, 59, -1)] == [
        *("0/00.png", "0/19.png", "1/00.png", "2/19.png", "bad.png"),
    ]
    assert [each.id for each in maps][:3] == [each.id for each in maps[:3]]


def test_a_row_has_its_columns_and_its_map(maps):
    row, given = maps[21], made_rows(["a"] * 20, seed=1)["map"].to_pylist()[1]
    assert (row.id, row.class_name, row.method, row.error) == (
        "1/01.png",
        "class 1",
        "gradcam",
        None,
    )
    assert row.map.dtype == np.float32
    assert np.array_equal(row.map, 2 * np.float32(given).reshape(4, 4))


def test_the_heatmap_is_that_of_an_explanation(maps):
    row = maps[5]
    expected = heatmaps(torch.from_numpy(row.map)[None], (32, 32))[0].numpy()
    assert np.array_equal(row.heatmap, expected)
    assert (row.heatmap.max(), row.heatmap.min()) == (1, 0)


def test_a_row_of_an_error_has_no_map_and_says_why(maps):
    with pytest.raises(InputError, match=r"bad\.png has no map.*InputError: no picture"):
        _ = maps[-1].heatmap


def test_a_filter_keeps_the_rows_for_which_it_holds(maps):
    field = compute.field
    chosen = maps.filter(field("class_name") == "class 2").filter(field("id") > "1")
    assert [each.id for each in chosen][:2] == ["1/02.png", "1/05.png"]
    assert [chosen[index].id for index in range(len(chosen))] == [each.id for each in chosen]
    assert chosen.table.count_rows() == len(chosen) == 12
    assert len(maps.filter(field("error").is_valid())) == 1


def test_the_table_reads_only_the_columns_asked_for(maps):
    table = maps.table.to_table(columns=["id", "score"])
    assert (table.column_names, table.num_rows) == (["id", "score"], 61)
    sizes = [batch.num_rows for batch in maps.batches(["id"], size=7)]
    assert (sum(sizes), max(sizes)) == (61, 7)


def test_notes_are_codes_with_a_sentence_each(maps):
    assert maps[0].notes == ["tie", "note-1"]
    assert maps[0].notes_in_words() == ["a tie", "something else"]


def test_a_row_is_drawn_on_its_picture_where_somebody_says_how_it_was_prepared(folder, maps):
    from PIL import Image
    from torchvision.transforms import Compose, Resize, ToTensor

    picture = Image.new("RGB", (96, 64), "white")
    transform = Compose([Resize((32, 32)), ToTensor()])
    assert maps.render(5, image=picture, transform=transform).size == (96, 64)
    assert maps.render(5).size == (32, 32)  # on grey: the picture is not there


def test_a_folder_without_explanations_is_refused(tmp_path):
    with pytest.raises(FileError, match="no folder of explanations"):
        camkit.open_dataset(tmp_path)


def test_a_run_that_has_just_begun_has_no_rows(tmp_path):
    manifest.agree(tmp_path, {"model": "a"})
    maps = camkit.open_dataset(tmp_path)
    assert (len(maps), list(maps)) == (0, [])
