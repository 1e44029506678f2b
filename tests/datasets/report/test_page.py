"""The report in a browser: nothing scrolls sideways, and nobody is shut out, in any light."""

from __future__ import annotations

import numpy as np
import pytest
from PIL import Image

from camkit_core.datasets import manifest
from camkit_core.datasets.report.report import dataset_report
from camkit_core.datasets.shards import ShardWriter
from helpers.explained_rows import made_rows
from helpers.studios import browser

LONG = "a_very_long_folder_without_any_break/" * 3


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """A report with all parts: a cluster that stands out, mistakes, masks, errors, notes."""
    folder = tmp_path_factory.mktemp("maps")
    ids = [f"{LONG}{number}.png" for number in range(60)]
    maps = np.random.default_rng(0).random((60, 16)).astype(np.float16)
    maps[:15] *= 0.05
    maps[:15, 15] = 1
    maps[59] = 0
    classes = [0] * 30 + [1] * 30
    for name in ids[:20]:
        for root in ("photos", "masks"):
            (folder / root / name).parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (40, 30), "teal").save(folder / root / name)
    manifest.agree(folder, {"model": "m" * 90, "source": {"root": str(folder / "photos")}})
    with ShardWriter(folder, dict) as writer:
        said = {"class_index": classes, "top_class": classes, "top_name": [LONG] * 60}
        writer.add(
            made_rows(ids, map=list(maps), label=classes[::-1], notes=[["tie"]] * 60, **said)
        )
        writer.add(made_rows([f"{LONG}x"], error="InputError: " + LONG, map=[None], grid=[None]))
    report = dataset_report(folder, folder / "report.html", masks=folder / "masks")
    assert report.suspicious
    assert report.grounding
    return (folder / "report.html").as_uri()


@pytest.fixture(scope="module")
def chromium():
    with browser() as started:
        yield started


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(page, scheme, chromium):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright").Axe()
    with chromium.new_context(viewport={"width": 1280, "height": 800}, color_scheme=scheme) as tab:
        shown = tab.new_page()
        asked = []
        shown.on("request", lambda request: asked.append(request.url))
        shown.goto(page)
        shown.evaluate("document.querySelectorAll('details').forEach(each => each.open = true)")
        assert axe.run(shown).violations_count == 0
        for width in (1280, 400, 320):
            shown.set_viewport_size({"width": width, "height": 800})
            assert shown.evaluate("document.documentElement.scrollWidth") <= width
        assert not [url for url in asked if not url.startswith(("file:", "data:"))]
