"""The report counts what there is, puts sure mistakes first, and shows it on one page."""

from __future__ import annotations

import json
from html.parser import HTMLParser

import numpy as np
import pytest
from PIL import Image

import camkit_core as camkit
from camkit_core.cli import main
from camkit_core.datasets import manifest
from camkit_core.datasets.report.page.pictures import heatmap
from camkit_core.datasets.report.report import dataset_report
from camkit_core.datasets.report.words import sentences
from camkit_core.datasets.shards import ShardWriter
from camkit_core.errors import ArgumentTypeError, InputError, PathError
from helpers.explained_rows import made_rows

IDS = [f"{'ab'[n % 2]}/{n:03d}.png" for n in range(60)]
EVIL = "<script>alert(1)</script>"


def write(folder, ids=IDS, **columns):
    """A data set whose model says class 0 of the first half, class 1 of the others."""
    half = len(ids) // 2
    said = [0] * half + [1] * (len(ids) - half)
    given = {
        "class_index": said, "class_name": [f"kind {n}" for n in said], "top_class": said,
        "top_name": [f"kind {n}" for n in said],
        "top_probability": [0.5 + n / 1000 for n in range(len(ids))],
    }  # fmt: skip
    manifest.agree(folder, {"model": EVIL, "source": {"root": str(folder / "photos")}})
    with ShardWriter(folder, lambda: {"notes": {"tie": "a tie"}}) as writer:
        writer.add(made_rows(ids, **{**given, **columns}))
        nothing = ["map", "grid", "input_size", "score", "class_index", "class_name", "scale"]
        failed = {**dict.fromkeys(nothing), "error": "InputError: no picture"}
        writer.add(made_rows(["x/bad.png"], **failed))
    return folder


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    maps = np.random.default_rng(0).random((60, 16)).astype(np.float16)
    maps[5] = -1
    notes = [["tie"], *[[]] * 59]
    return write(tmp_path_factory.mktemp("maps"), map=list(maps), notes=notes)


def test_rows_blank_maps_errors_and_notes_are_counted(folder):
    counts = dataset_report(folder).counts
    assert (counts.rows, counts.images) == (61, 61)
    assert counts.blank["gradcam"].rows == 1
    assert counts.blank["gradcam"].examples == ["b/005.png"]
    assert counts.errors["InputError"].examples == ["x/bad.png: InputError: no picture"]
    assert counts.notes["tie"].rows == 1


def test_without_labels_mistakes_cannot_be_told(folder):
    report = dataset_report(folder)
    assert report.mistakes is None
    assert any("No labels are known" in line for line in sentences(report))
    assert str(report).splitlines() == list(sentences(report))
    assert repr(report).startswith("<DatasetReport of ")


def labels(tmp_path, text):
    path = tmp_path / "labels.csv"
    path.write_text(text, encoding="utf-8")
    return path


FORMS = {
    "ids and numbers": lambda name, n: f"{name},{n}",
    "names of classes": lambda name, n: f"{name},KIND_{n}",
    "names of files alone": lambda name, n: f"{name.split('/')[1]};kind {n}",
    "without endings": lambda name, n: f"{name.split('/')[1][:-4]}\t{n}",
    "another folder": lambda name, n: f"/data/set\\{name.split('/')[1]},{n}",
}


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("heading", [False, True])
def test_labels_of_a_table_find_mistakes_the_surest_first(folder, tmp_path, form, heading):
    true = [0] * 29 + [1] * 29 + [0, 0]  # row 29 and the last two are mistakes
    lines = [FORMS[form](name, n) for name, n in zip(IDS, true, strict=True)]
    mark = next(mark for mark in ",;\t" if mark in lines[0])
    head = [f"file{mark}label"] if heading else []
    report = dataset_report(folder, labels=labels(tmp_path, "\n".join([*head, *lines])))
    assert (report.mistakes.images, report.mistakes.wrong) == (60, 3)
    assert [each.image for each in report.mistakes.surest] == [IDS[59], IDS[58], IDS[29]]
    assert report.mistakes.surest[0].answer == "kind 1"
    assert report.mistakes.surest[0].label.casefold().replace("_", " ") == "kind 0"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "is empty"),
        ("file,label\n", "no lines below it"),
        ("nope.png,0\n", "names none of the pictures: it has 'nope.png'"),
        ("a/000.png,zebra\n", "'zebra' is the name of none of its classes"),
        ("a,b,c\n1,2,3\n", "expected two, a file and its label"),
        ("file,label\na/000.png,0\nb/001.png\n", "line 3"),
    ],
)
def test_a_table_that_is_none_is_told(folder, tmp_path, text, told):
    with pytest.raises(InputError, match=told):
        dataset_report(folder, labels=labels(tmp_path, text))


def test_labels_that_are_not_there_are_told(folder, tmp_path):
    with pytest.raises(PathError, match="cannot read labels"):
        dataset_report(folder, labels=tmp_path / "no.csv")


def test_labels_of_the_data_set_are_used(tmp_path):
    write(tmp_path, label=[0] * 60, label_name=["kind 0"] * 60)
    mistakes = dataset_report(tmp_path).mistakes
    assert (mistakes.images, mistakes.wrong, len(mistakes.surest)) == (60, 30, 24)
    sure = [each.probability for each in mistakes.surest]
    assert sure == sorted(sure, reverse=True)


def test_an_image_with_several_targets_and_methods_is_one_mistake(tmp_path):
    ids = [each for each in IDS[:20] for _ in range(4)]
    asked = {"target": ["top1", "top1", "top2", "top2"] * 20, "method": ["a", "b"] * 40}
    write(tmp_path, ids, label=[0] * 80, **asked)
    mistakes = dataset_report(tmp_path).mistakes
    assert (mistakes.images, mistakes.wrong) == (20, 10)
    assert len({each.image for each in mistakes.surest}) == len(mistakes.surest)


def test_classes_are_measured_over_all_their_maps(tmp_path):
    maps = np.zeros((60, 16), np.float16)
    maps[:30, 5], maps[30:, 15] = 1, 0.5  # inside, and in the lower right corner
    write(tmp_path, map=list(maps))
    inner, corner = dataset_report(tmp_path).classes
    assert (inner.kind.name, inner.maps) == ("kind 0", 30)
    assert (inner.border, inner.entropy, inner.off) == pytest.approx((0, 0, 1), abs=1e-5)
    assert corner.centre == pytest.approx((0.875, 0.875))
    assert corner.mean.sum() == pytest.approx(1)
    assert corner.border == pytest.approx(1 - 0.6**2, abs=1e-5)


@pytest.fixture
def masks(tmp_path):
    """A mask of the left half for two pictures, with other endings."""
    half = np.zeros((40, 60), np.uint8)
    half[:, :30] = 255
    for name in ("a/000.bmp", "b/001.png"):
        (tmp_path / "masks" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(half).save(tmp_path / "masks" / name)
    return tmp_path / "masks"


def test_pointing_game_and_energy_are_those_of_the_masks(tmp_path, masks):
    maps = np.zeros((60, 16), np.float16)
    maps[0, [0, 4]], maps[1, 3] = 1, 1  # left, and right
    maps[2:] = 1
    (tmp_path / "maps").mkdir()
    write(tmp_path / "maps", map=list(maps))
    ((kind, found),) = dataset_report(tmp_path / "maps", masks=masks).grounding
    assert (kind.name, found.images, found.hits) == ("kind 0", 2, 1)
    assert found.energies[0] > 0.95
    assert found.energies[1] < 0.05
    assert found.areas == [0.5, 0.5]


def test_masks_of_other_pictures_are_told(folder, tmp_path):
    Image.new("L", (4, 4)).save(tmp_path / "other.png")
    with pytest.raises(InputError, match=r"there is 'other\.png'"):
        dataset_report(folder, masks=tmp_path)
    with pytest.raises(PathError, match="no folder of masks"):
        dataset_report(folder, masks=tmp_path / "none")
    (tmp_path / "empty").mkdir()
    with pytest.raises(InputError, match="no masks in"):
        dataset_report(folder, masks=tmp_path / "empty")


class Tags(HTMLParser):
    def __init__(self, page):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.found.append((tag, dict(attrs)))


def test_the_page_is_self_contained_and_escapes_what_is_not_its_own(folder):
    page = dataset_report(folder).html()
    tags = Tags(page).found
    assert EVIL not in page
    assert "script" not in {tag for tag, _ in tags}
    assert all(attrs["src"].startswith("data:") for tag, attrs in tags if tag == "img")
    assert all("alt" in attrs for tag, attrs in tags if tag == "img")
    assert not any(key in attrs for tag, attrs in tags for key in ("onload", "onclick"))
    assert {attrs["href"][1:] for tag, attrs in tags if tag == "a"} <= {
        attrs.get("id") for _, attrs in tags
    }


def test_the_page_draws_originals_that_are_there(tmp_path):
    write(tmp_path, label=[1] * 60)
    alone = dataset_report(tmp_path).html()
    for name in IDS:
        path = tmp_path / "photos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (50, 30), "green").save(path)
    drawn = dataset_report(tmp_path).html()
    assert drawn.count("<img") > 1.5 * alone.count("<img")
    assert 'alt="the picture" width="50" height="30"' in drawn


def test_the_data_is_valid_json_with_all_numbers(folder, tmp_path):
    report = dataset_report(folder, tmp_path / "report.json")
    data = json.loads((tmp_path / "report.json").read_text())
    assert data == json.loads(json.dumps(report.record()))
    assert (data["rows"], data["blank"]["gradcam"]["rows"]) == (61, 1)
    assert len(data["classes"]) == 2
    assert np.shape(data["classes"][0]["mean"]) == (4, 4)


def test_an_empty_data_set_has_a_report(tmp_path):
    manifest.agree(tmp_path, {})
    with ShardWriter(tmp_path, dict) as writer:
        writer.add(made_rows(["a"], error="X: y", map=[None], grid=[None]))
    report = dataset_report(tmp_path)
    assert sentences(report)[0].startswith("No class has the 20 maps")
    assert "could not be explained" in report.html()


def test_a_filtered_data_set_has_a_report_of_its_rows(folder):
    import pyarrow.compute as pc

    some = camkit.open_dataset(folder).filter(pc.field("top_class") == 1)
    report = dataset_report(some)
    assert report.counts.rows == 30
    assert [each.kind.name for each in report.classes] == ["kind 1"]
    assert report.html()


def test_what_is_no_data_set_is_told():
    with pytest.raises(ArgumentTypeError, match="got 3"):
        dataset_report(3)


def test_the_command_writes_page_and_data(folder, tmp_path, capsys):
    page = tmp_path / "new" / "report.html"
    assert main(["dataset-report", str(folder), "--output", str(page)]) == 0
    out = capsys.readouterr().out
    assert f"report: {page}" in out
    assert "1 map of gradcam have no evidence" in out or "1 map" in out
    assert main(["dataset-report", str(folder), "--output", str(page), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["rows"] == 61
    assert page.with_suffix(".json").exists()


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["nowhere"], "no folder of explanations"),
        ([".", "--output", "a.pdf"], "cannot write a report"),
    ],
)
def test_the_command_tells_errors_in_a_line(tmp_path, monkeypatch, capsys, words, told):
    monkeypatch.chdir(tmp_path)
    assert main(["dataset-report", *words]) == 2
    err = capsys.readouterr().err
    assert told in err
    assert err.count("\n") == 1


def test_the_command_exports(folder, tmp_path, capsys):
    assert main(["dataset-export", str(folder), "--output", str(tmp_path / "maps.npz")]) == 0
    assert (
        main(["dataset-export", str(folder), "--output", str(tmp_path / "b.json"), "--masks"]) == 0
    )
    assert np.load(tmp_path / "maps.npz")["id"].shape == (61,)
    assert (
        main(["dataset-export", str(folder), "--output", str(tmp_path / "m.npz"), "--masks"]) == 2
    )
    assert "--masks is an option of --format coco" in capsys.readouterr().err


def test_pictures_of_the_page_show_the_heatmap_of_their_row(folder):
    for row in camkit.open_dataset(folder)[:10]:
        assert np.allclose(heatmap(row), row.heatmap, atol=1e-6)


@pytest.mark.parametrize(
    ("grid", "size", "drawn"), [([16], [32], (32, 16)), ([4, 2, 2], [8, 8, 9], (9, 8))]
)
def test_signals_are_drawn_as_strips_and_volumes_from_the_front(tmp_path, grid, size, drawn):
    write(tmp_path, grid=[grid] * 60, input_size=[size] * 60, label=[1] * 60)
    page = dataset_report(tmp_path).html()
    assert 'width="{}" height="{}"'.format(*drawn) in page
