"""A data set's explanations as a gallery: confident mistakes first, in a list of any length."""

from __future__ import annotations

import pytest
from starlette.testclient import TestClient

from camkit_core.errors import CamkitError
from helpers.studios import browser, served

pytest.importorskip("pyarrow")

from camkit_core.studio.gallery import Gallery, GalleryStudio
from helpers.made_dataset import made_dataset

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


def test_a_long_list_has_few_elements_and_a_click_opens_a_row(gallery):
    url = served(GalleryStudio(gallery, "token"))
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    with browser() as chromium:
        page = chromium.new_page(viewport={"width": 1000, "height": 800})
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
