"""Explanations in other tools' formats: NumPy's, COCO's, FiftyOne's."""

from __future__ import annotations

import contextlib
import io
import json
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

import camkit_core as camkit
from camkit_core.datasets import manifest
from camkit_core.datasets.export.export import export_dataset
from camkit_core.datasets.export.fiftyone_format import to_fiftyone
from camkit_core.datasets.shards import ShardWriter
from camkit_core.errors import ArgumentError, ImportFailed, InputError, UnknownName
from helpers.explained_rows import made_rows

WIDTH, HEIGHT = 80, 40


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Maps of two pictures of 80 x 40, of one that is gone, and an error."""
    place = tmp_path_factory.mktemp("data")
    for name in ("a", "b"):
        Image.new("RGB", (WIDTH, HEIGHT), "grey").save(place / f"{name}.png")
    maps = np.zeros((3, 4, 4), np.float16)
    maps[0, :2, :2] = 1  # upper left quarter
    maps[1, 0, 0], maps[1, 3, 3] = 1, 0.9  # two corners
    maps[2] = -1  # blank
    manifest.agree(place, {"source": {"root": str(place)}})
    with ShardWriter(place, dict) as writer:
        rows = {"map": list(maps.reshape(3, 16)), "scale": [1.0] * 3, "label": [0, 1, 2]}
        writer.add(made_rows(["a.png", "b.png", "gone.png"], **rows))
        nothing = dict.fromkeys(
            [
                "map",
                "grid",
                "input_size",
                "score",
                "probability",
                "class_index",
                "class_name",
                "scale",
            ]
        )
        writer.add(made_rows(["bad.png"], error="InputError: no picture", **nothing))
    return place


@pytest.fixture(scope="module")
def maps(folder):
    return camkit.open_dataset(folder)


def test_npz_has_an_array_of_each_column(maps, tmp_path):
    loaded = np.load(export_dataset(maps, tmp_path / "maps.npz"))
    assert loaded["id"].tolist() == ["a.png", "b.png", "gone.png", "bad.png"]
    assert loaded["map"].shape == (4, 4, 4)
    assert loaded["map"].dtype == np.float16
    for index in range(3):
        restored = loaded["map"][index] * loaded["scale"][index]
        assert restored.tolist() == maps[index].map.tolist()
    assert np.isnan(loaded["map"][3]).all()
    assert loaded["class_index"].tolist() == [0, 1, 2, -1]
    assert loaded["error"].tolist() == ["", "", "", "InputError: no picture"]
    assert np.isnan(loaded["score"][3])


def test_npz_of_several_grids_is_flat_with_starts(tmp_path):
    manifest.agree(tmp_path, {})
    with ShardWriter(tmp_path, dict) as writer:
        writer.add(made_rows(["a", "b"]))
        wide = [np.arange(6, dtype=np.float16)] * 2
        writer.add(made_rows(["c", "d"], map=wide, grid=[[2, 3]] * 2))
    loaded = np.load(export_dataset(tmp_path, tmp_path / "maps.npz"))
    starts = loaded["map_start"]
    assert starts.tolist() == [0, 16, 32, 38, 44]
    assert loaded["grid"].tolist() == [[4, 4], [4, 4], [2, 3], [2, 3]]
    assert loaded["map"][starts[2] : starts[3]].tolist() == [0, 1, 2, 3, 4, 5]


def opened_by_coco(path):
    from pycocotools.coco import COCO

    with contextlib.redirect_stdout(io.StringIO()):
        return COCO(str(path))


def test_boxes_are_in_the_pixels_of_the_original(maps, tmp_path):
    coco = opened_by_coco(export_dataset(maps, tmp_path / "boxes.json"))
    assert [(i["file_name"], i["width"], i["height"]) for i in coco.imgs.values()][:2] == [
        ("a.png", WIDTH, HEIGHT),
        ("b.png", WIDTH, HEIGHT),
    ]
    (first,) = coco.loadAnns(coco.getAnnIds(imgIds=[1]))
    assert first["bbox"] == pytest.approx([0, 0, WIDTH / 2, HEIGHT / 2], abs=1)
    assert first["category_id"] == 1
    assert first["score"] == pytest.approx(maps[0].probability, abs=1e-6)
    boxes = [each["bbox"] for each in coco.loadAnns(coco.getAnnIds(imgIds=[2]))]
    assert len(boxes) == 2
    assert boxes[1][0] + boxes[1][2] == pytest.approx(WIDTH)
    assert {c["name"] for c in coco.cats.values()} == {"class 0", "class 1", "class 2"}


def test_a_higher_threshold_makes_smaller_boxes(maps, tmp_path):
    areas = [
        json.loads(export_dataset(maps, tmp_path / "b.json", threshold=t).read_text())
        for t in (0.2, 0.9)
    ]
    assert areas[0]["annotations"][0]["area"] > areas[1]["annotations"][0]["area"]


def test_masks_are_run_lengths_that_pycocotools_reads(maps, tmp_path):
    coco = opened_by_coco(export_dataset(maps, tmp_path / "masks.json", masks=True))
    (first,) = coco.loadAnns(coco.getAnnIds(imgIds=[1]))
    mask = coco.annToMask(first)
    assert mask.shape == (HEIGHT, WIDTH)
    assert mask[: HEIGHT // 2 - 6, : WIDTH // 2 - 12].all()
    assert not mask[HEIGHT // 2 + 2 :].any()
    assert mask.sum() == pytest.approx(first["area"], rel=0.02)


def test_annotations_are_results_that_pycocotools_evaluates(maps, tmp_path):
    coco = opened_by_coco(export_dataset(maps, tmp_path / "boxes.json"))
    with contextlib.redirect_stdout(io.StringIO()):
        results = coco.loadRes(coco.loadAnns(coco.getAnnIds()))
    assert len(results.anns) == len(coco.anns) == 3


def test_a_crop_puts_boxes_where_the_model_looked(maps, tmp_path):
    """The model's input is the right half of the picture."""
    import torch

    def right_half(picture):
        half = picture.crop((picture.width // 2, 0, picture.width, picture.height))
        return torch.from_numpy(np.array(half.resize((32, 32)))).permute(2, 0, 1) / 255

    path = export_dataset(maps, tmp_path / "boxes.json", transform=right_half)
    first = json.loads(path.read_text())["annotations"][0]
    assert first["bbox"] == pytest.approx([WIDTH / 2, 0, WIDTH / 4, HEIGHT / 2], abs=2)


def test_a_picture_that_is_gone_has_the_size_of_the_input(folder, tmp_path):
    manifest.agree(tmp_path, {"source": {"root": "/nowhere"}})
    with ShardWriter(tmp_path, dict) as writer:
        writer.add(made_rows(["a.png"]))
    image = json.loads(export_dataset(tmp_path, tmp_path / "b.json").read_text())["images"][0]
    assert (image["width"], image["height"], image["of_input"]) == (32, 32, True)


class Samples(list):
    """What stands for `fiftyone.Dataset`, with its documented signatures."""

    def __init__(self, name=None, persistent=False, overwrite=False):
        super().__init__()
        self.name = name

    def add_samples(self, samples, expand_schema=True, dynamic=False, validate=True):
        self.extend(samples)
        return [str(number) for number in range(len(samples))]

    def export(self, export_dir=None, dataset_type=None, export_media=None, **settings):
        self.exported = export_dir, dataset_type, export_media


class Sample(dict):
    """`fiftyone.Sample`: fields are items."""

    def __init__(self, filepath, tags=None, metadata=None, **fields):
        super().__init__(fields, filepath=filepath)


@pytest.fixture
def stand_in(monkeypatch):
    def label(kind, *names):
        def made(**fields):
            assert set(fields) <= set(names), fields
            return SimpleNamespace(kind=kind, **fields)

        return made

    module = SimpleNamespace(
        Dataset=Samples,
        Sample=Sample,
        Heatmap=label("Heatmap", "map", "map_path", "range"),
        Classification=label("Classification", "label", "confidence", "logits"),
        types=SimpleNamespace(FiftyOneDataset="FiftyOneDataset"),
    )
    monkeypatch.setitem(sys.modules, "fiftyone", module)
    return module


def test_fiftyone_gets_a_heatmap_for_each_picture_that_is_there(maps, folder, stand_in):
    dataset = to_fiftyone(maps, "mine")
    assert dataset.name == "mine"
    assert [sample["filepath"] for sample in dataset] == [
        str(folder / "a.png"), str(folder / "b.png"),
    ]  # fmt: skip
    heat = dataset[0]["gradcam"]
    assert heat.range == [0, 1]
    assert heat.map.shape == (32, 64)
    assert heat.map[:14, :28].min() > 0.5
    assert heat.map[20:].max() < 0.5
    assert dataset[1]["ground_truth"].label == "class 1"


def test_without_fiftyone_the_error_says_how_to_get_it(maps, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "fiftyone", None)
    with pytest.raises(ImportFailed, match="pip install fiftyone"):
        export_dataset(maps, tmp_path / "folder", "fiftyone")


def test_fiftyone_without_any_picture_is_an_error(tmp_path, stand_in):
    manifest.agree(tmp_path, {})
    with ShardWriter(tmp_path, dict) as writer:
        writer.add(made_rows(["a.png"]))
    with pytest.raises(InputError, match="put them back"):
        export_dataset(tmp_path, tmp_path / "out", "fiftyone")


@pytest.mark.parametrize(
    ("output", "settings", "error", "told"),
    [
        ("maps", {}, InputError, "pass format= as npz, coco or fiftyone"),
        ("maps.json", {"format": "npz"}, InputError, r"ends in \.npz"),
        ("maps.npz", {"format": "voc"}, UnknownName, "Known: coco, fiftyone, npz"),
        ("maps.json", {"threshold": 0}, ArgumentError, "above 0 and at most 1"),
    ],
)
def test_what_cannot_be_written_is_told(maps, tmp_path, output, settings, error, told):
    with pytest.raises(error, match=told):
        export_dataset(maps, tmp_path / output, **settings)
