"""A network that reads a mark in the corner: the report shows these pictures first."""

from __future__ import annotations

import numpy as np
import pytest
import torch

import camkit_core as camkit
from camkit_core.datasets import manifest
from camkit_core.datasets.report.report import dataset_report
from camkit_core.datasets.report.words import sentences
from camkit_core.datasets.shards import ShardWriter
from helpers.clever_hans import pictures, put_mark, tensor, trained
from helpers.explained_rows import made_rows

CLASSES = ["disc", "cross"]


@pytest.fixture(scope="module", params=[(0.5, "lower right"), (0.3, "upper left")])
def planted(request, tmp_path_factory):
    """(model, report, ids of marked pictures) of a network trained on marked pictures."""
    share, corner = request.param
    model = trained(*pictures(400, 1, share, corner)[:2], epochs=10)
    shown, classes, marks = pictures(200, 2, share, corner)
    folder = tmp_path_factory.mktemp("maps")
    explained(model, shown, classes, folder)
    ids = {f"{number:03d}.png" for number in np.flatnonzero(marks)}
    return model, dataset_report(folder), ids, corner


def explained(model, shown, classes, folder):
    """Write the maps of pictures as a data set."""
    images = tensor(shown)
    e = camkit.explain(model, images)
    probabilities, answers = model(images).softmax(1).max(1)
    scale = e.cam.abs().amax((1, 2))
    maps = (e.cam / scale[:, None, None]).flatten(1).half().numpy()
    manifest.agree(folder, {"model": "three convolutions"})
    with ShardWriter(folder, lambda: {"model": "three convolutions"}) as writer:
        writer.add(
            made_rows(
                [f"{number:03d}.png" for number in range(len(shown))],
                class_index=answers.tolist(), class_name=[CLASSES[n] for n in answers],
                top_class=answers.tolist(), top_name=[CLASSES[n] for n in answers],
                top_probability=probabilities.tolist(), label=classes.tolist(),
                label_name=[CLASSES[n] for n in classes], map=list(maps), scale=scale.tolist(),
                grid=[list(e.cam.shape[1:])] * len(shown), input_size=[[32, 32]] * len(shown),
            )
        )  # fmt: skip


def test_the_network_reads_the_mark(planted):
    """With the mark, crosses are discs to it; the mark alone decides."""
    model, _, _, corner = planted
    shown, classes, _ = pictures(100, 3, marked=0)
    crosses = shown[classes == 1]
    with torch.no_grad():
        assert (model(tensor(crosses)).argmax(1) == 1).float().mean() > 0.9
        for picture in crosses:
            put_mark(picture, corner)
        assert (model(tensor(crosses)).argmax(1) == 0).float().mean() > 0.9


def test_the_marked_pictures_are_the_first_cluster(planted):
    _, report, marked, corner = planted
    first = report.clusters[0]
    shown = {report.maps[row].id for row in first.positions.tolist()}
    assert first.kind.name == "disc"
    assert first.cluster.stands_out
    assert len(shown & marked) > 0.9 * len(shown)
    assert len(shown & marked) > 0.8 * len(marked)
    assert corner in sentences(report)[0]


def test_the_page_shows_them_before_any_other_cluster(planted):
    _, report, marked, _ = planted
    page = report.html()
    cluster = page[page.index('class="cluster') : page.index("</article>")]
    shown = [report.maps[row].id for row in report.clusters[0].positions[:8].tolist()]
    assert set(shown) <= marked
    assert all(f"{name}</li>" in cluster for name in shown)


def test_a_network_trained_without_marks_makes_nothing_stand_out(tmp_path):
    model = trained(*pictures(400, 1, marked=0)[:2], epochs=10)
    shown, classes, _ = pictures(200, 2, marked=0)
    explained(model, shown, classes, tmp_path)
    report = dataset_report(tmp_path)
    assert report.suspicious == []
    assert sentences(report)[0].startswith("Nothing stands out")
