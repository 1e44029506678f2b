"""A data set's explanations as a gallery: confident mistakes first, in a list of any length."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from threading import Event

import pytest
from starlette.testclient import TestClient

from camkit_core.errors import CamkitError
from helpers.studios import served

pytest.importorskip("pyarrow")

from camkit_core.datasets.report.report import dataset_report
from camkit_core.studio.gallery import Gallery, GalleryStudio
from helpers.made_dataset import made_dataset
from helpers.marked_dataset import marked_dataset

COUNT = 3001


@pytest.fixture(scope="module")
def gallery(tmp_path_factory):
    return Gallery(made_dataset(tmp_path_factory.mktemp("maps") / "maps", COUNT))


def test_confident_mistakes_come_first_and_what_failed_comes_last(gallery):
    rows = gallery.rows
    mistakes = [row for row in rows if row["mistake"]]
    assert rows[: len(mistakes)] == mistakes
    assert len(mistakes) == 300
    sure = [row["sure"] for row in mistakes]
    assert sure == sorted(sure, reverse=True)
    assert rows[-1]["error"] == "InputError: no picture"


def test_rows_are_filtered_by_class_note_and_mistake(gallery):
    every = gallery.some({})
    assert (every["total"], len(every["rows"])) == (COUNT, 500)
    cats = gallery.some({"class": "虎斑猫", "mistakes": True, "note": "untrained"})
    assert cats["total"] == len(cats["rows"]) > 3
    assert all(row["class"] == "虎斑猫" and row["mistake"] for row in cats["rows"])
    assert gallery.some({"from": 3000})["rows"] == [gallery.rows[-1]]


@pytest.mark.parametrize("asked", [{"from": -1}, {"from": "x"}, {"from": 1e9}, {"from": True}])
def test_a_wrong_place_is_told(gallery, asked):
    with pytest.raises(CamkitError, match="row's number"):
        gallery.some(asked)


def test_it_is_guarded_as_the_studio_is(gallery):
    studio = GalleryStudio(gallery, "token")
    client = TestClient(studio.guarded(), "http://127.0.0.1/token/", raise_server_exceptions=False)
    assert client.get("api/start").json()["count"] == COUNT
    assert client.get("http://127.0.0.1/other/api/start").status_code == 404
    assert client.get("api/start", headers={"host": "evil.example"}).status_code == 421
    for number in (-1, COUNT, "x", None, 1.5):
        assert client.post("api/open", json={"number": number}).status_code == 400
    assert client.post("api/rows", content=b"[]").status_code == 400


@pytest.fixture(scope="module")
def marked(tmp_path_factory):
    """A gallery, and the ids of rows whose maps lie in a corner."""
    folder = tmp_path_factory.mktemp("marked")
    ids = marked_dataset(folder, 160)
    return Gallery(folder), ids


def test_the_cluster_that_stands_out_is_told_and_its_rows_are_a_filter(marked):
    gallery, ids = marked
    with pytest.raises(CamkitError, match="cluster that was found"):
        gallery.some({"cluster": 0})
    found = gallery.clusters({})
    first = found["clusters"][0]
    assert "'disc' stands out" in found["said"]
    assert (first["class"], first["stands_out"]) == ("disc", True)
    assert "lower right corner" in first["words"]
    assert {row["id"] for row in gallery.some({"cluster": 0})["rows"]} == ids
    assert gallery.some({"cluster": 0, "class": "cross"})["total"] == 0
    assert gallery.some({"cluster": None})["total"] == 160
    for wrong in (-1, len(found["clusters"]), "0", True):
        with pytest.raises(CamkitError, match="cluster that was found"):
            gallery.some({"cluster": wrong})


def test_the_clusters_are_those_of_the_report(marked):
    gallery, _ = marked
    report = dataset_report(gallery.dataset)
    listed = gallery.clusters({})["clusters"]
    assert [each["size"] for each in listed] == [len(each.positions) for each in report.clusters]


def test_a_gallery_answers_while_clusters_are_looked_for(marked, monkeypatch):
    gallery, _ = marked
    begun, wait = Event(), Event()

    def slow(asked: dict) -> dict:
        begun.set()
        wait.wait(20)
        return {}

    monkeypatch.setattr(gallery, "clusters", slow)
    studio = GalleryStudio(gallery, "token")
    client = TestClient(studio.guarded(), "http://127.0.0.1/token/")
    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(client.post, "api/clusters", json={})
        assert begun.wait(20)
        assert client.post("api/rows", json={}).json()["total"] == 160
        wait.set()
        assert answer.result(20).json() == {}


def test_a_click_finds_clusters_and_shows_the_one_that_stands_out(marked, chromium):
    gallery, ids = marked
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    with chromium.new_context(viewport={"width": 1000, "height": 800}) as tab:
        page = tab.new_page()
        page.goto(served(GalleryStudio(gallery, "token")))
        page.get_by_role("button", name="Find clusters").click()
        page.get_by_text("'disc' stands out").wait_for()
        page.get_by_label("Cluster").select_option("0")
        page.get_by_text(f"{len(ids)} rows").wait_for()
        assert "lower right corner" in page.locator("#found").inner_text()
        assert not page.get_by_role("button", name="Find clusters").is_visible()
        assert page.locator("#rows li .id").first.inner_text() in ids
        assert [each["id"] for each in axe.run(page).response["violations"]] == []


def test_a_long_list_has_few_elements_and_a_click_opens_a_row(gallery, chromium):
    url = served(GalleryStudio(gallery, "token"))
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    with chromium.new_context(viewport={"width": 1000, "height": 800}) as tab:
        page = tab.new_page()
        errors: list[str] = []
        page.on("pageerror", lambda error: errors.append(str(error)))
        page.goto(url)
        page.get_by_role("button", name=gallery.rows[0]["id"]).click()
        page.locator(".card .label", has_text=gallery.rows[0]["class"]).wait_for()
        assert page.locator("#rows li").count() < 40
        page.locator("#list").evaluate("list => { list.scrollTop = list.scrollHeight }")
        page.get_by_role("button", name=gallery.rows[-1]["id"]).wait_for()
        assert page.locator("#rows li").count() < 40
        page.get_by_label("mistakes alone").check()
        page.get_by_text("300 rows").wait_for()
        found = axe.run(page).response["violations"]
        assert [(each["id"], each["nodes"][0]["html"]) for each in found] == []
        assert errors == []
