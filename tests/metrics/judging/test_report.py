"""The report: one page that needs nothing else, says what the numbers say, and trusts no name."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from html import escape
from pathlib import Path

import numpy as np
import pytest
import torch

from camkit_core import CamkitError, Comparison, InputError
from camkit_core.metrics.judging.baselines import BASELINES
from camkit_core.metrics.judging.report.page import html, save
from camkit_core.metrics.judging.report.pictures import ROWS
from camkit_core.metrics.judging.report.record import as_json, record
from camkit_core.metrics.judging.verdict import verdict
from camkit_core.plugins import get_registry
from helpers.html_tags import Tags
from helpers.made_up import judgement

EIGHT = np.linspace(0.2, 0.9, 8)


class Page(Tags):
    """The tags of a page, and the text of each cell; fails where tags do not match."""

    void = frozenset({"meta", "img", "br"})

    def __init__(self, text: str) -> None:
        self.rows: list[list[str]] = []
        super().__init__(text)

    def handle_starttag(self, tag, attrs):
        super().handle_starttag(tag, attrs)
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")

    def handle_data(self, data):
        if {"td", "th"} & set(self._open):
            self.rows[-1][-1] += data


@pytest.fixture(scope="module")
def judged():
    insertion = {"a": EIGHT, "b": EIGHT - 0.01 * EIGHT, "edges": EIGHT - 0.3}
    return judgement(
        {"insertion": insertion, "area": {"a": EIGHT, "b": EIGHT}}, seconds={"a": 0.5, "b": 5}
    )


@pytest.fixture(scope="module")
def page(judged):
    return Page(html(judged))


def test_the_page_needs_nothing_from_elsewhere(judged, page):
    text = html(judged)
    assert "http" not in text
    assert "url(" not in text
    assert page.every("script") == page.every("link") == []
    sources = [image["src"] for image in page.every("img")]
    assert sources
    assert all(source.startswith("data:image/jpeg;base64,") for source in sources)


def test_pictures_have_words_headers_have_a_scope_and_links_lead_somewhere(page):
    assert all(image["alt"] for image in page.every("img"))
    assert all(cell["scope"] in ("row", "col", "rowgroup") for cell in page.every("th"))
    marked = [attributes["id"] for _, attributes in page.tags if "id" in attributes]
    assert len(set(marked)) == len(marked)
    assert {link["href"] for link in page.every("a")} <= {f"#{name}" for name in marked}
    boxes = [box for box in page.every("div") if box.get("class") == "scroll"]
    assert len(boxes) == len(page.every("table")) == 3
    assert all(box["tabindex"] == "0" and box["aria-label"] for box in boxes)


def luminance(colour: str) -> float:
    """Relative luminance, as WCAG 2.1 defines it."""
    shares = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [
        share / 12.92 if share <= 0.04045 else ((share + 0.055) / 1.055) ** 2.4 for share in shares
    ]
    return sum(w * share for w, share in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


@pytest.mark.parametrize("ink", ["ink", "muted", "accent"])
@pytest.mark.parametrize("paper", ["paper", "raised", "tint"])
def test_all_text_has_the_contrast_of_wcag_in_light_dark_and_print(judged, ink, paper):
    schemes = re.findall(r":root \{(.*?)\}", html(judged), re.S)
    assert len(schemes) == 3
    for scheme in schemes:
        colours = dict(re.findall(r"--(\w+): (#\w{6})", scheme))
        low, high = sorted(luminance(colours[name]) for name in (ink, paper))
        assert (high + 0.05) / (low + 0.05) >= 4.5


def test_there_is_a_picture_for_each_image_and_each_map_of_it(page):
    assert len(page.every("img")) == 8 * (1 + 3)
    assert page.every("img")[1]["alt"] == "a for 0.jpg, class 0: highest at the upper left"


def test_the_best_is_marked_and_only_the_best(page):
    rows = {row[0]: row[1:] for row in page.rows if len(row) == 3}
    assert rows["map"][0].startswith("insertion ↑")
    assert rows["map"][1] == "areaa check"
    assert rows["a"][0].startswith("0.550● (best)")
    assert "best" not in rows["b"][0] + rows["a"][1] + rows["edges"][0]
    assert rows["edges"][1] == "no value-"


def test_a_method_level_with_the_best_has_a_mark_of_its_own():
    noise = np.array([1, -1] * 4) * 0.1
    page = Page(html(judgement({"insertion": {"a": EIGHT + 0.01, "b": EIGHT + noise}})))
    assert "(level with the best)" in next(row for row in page.rows if row[0] == "b")[1]


def test_missing_values_are_counted():
    values = [0.5, math.nan, 0.7, 0.5, 0.6, 0.7, 0.4, math.nan]
    page = Page(html(judgement({"insertion": {"a": values, "b": EIGHT}})))
    assert "(6 of 8 images)" in next(row for row in page.rows if row[0] == "a")[1]


def test_an_empty_map_says_why_under_the_untouched_picture():
    nothing = {"a": torch.zeros(1, 4, 4)}
    made = judgement({"insertion": {"a": [0.5]}}, maps=nothing)
    text = html(made)
    assert "<small>no evidence: no positive evidence</small>" in text
    plain, shown = (image["src"] for image in Page(text).every("img"))
    assert plain == shown


def test_a_baseline_is_labelled_as_what_it_is():
    page = Page(html(judgement({"insertion": {"a": [0.5], "uniform": [0.4]}})))
    assert "uniformbaseline: one everywhere" in page.rows[0]
    assert page.every("img")[2]["alt"] == "uniform for 0.jpg, class 0: one everywhere"


def test_the_score_stands_below_a_picture_once():
    made = judgement({"insertion": {"a": [0.5]}})
    assert "<small>score 2.50</small>" in html(made)
    assert "score 2.50" not in html(replace(made, names=["0.jpg, class 0 2.50"]))


def test_the_heading_names_the_weights_and_leaves_the_hash_to_the_provenance():
    provenance = {"weights": "mine.pth sha256:0123456789"}
    made = replace(judgement({"insertion": {"a": [0.5]}}), provenance=provenance)
    assert '<p class="meta">weights mine.pth, layer' in html(made)
    assert html(made).count("0123456789") == 1


def test_the_cost_is_given_against_the_cheapest(page):
    rows = [row for row in page.rows if len(row) == 6]
    assert rows[1][:3] == ["a", "500 ms", "1.0 times"]
    assert rows[2][:3] == ["b", "5.0 s", "10 times"]


def test_the_verdict_is_on_the_page_the_recommendation_first(judged):
    text = html(judged)
    places = [text.index(sentence) for sentence in verdict(judged)]
    assert min(places) == places[-1]


def test_names_from_outside_stay_text():
    evil = "<img src=x onerror=alert(1)>&$title"
    made = judgement({evil: {evil: [0.5]}})
    made = replace(made, names=[evil], provenance={"model": evil, evil: evil})
    page = Page(html(made))
    assert all("onerror" not in image for image in page.every("img"))
    assert page.rows[-1][0] == evil


def test_of_many_images_the_first_are_shown_and_the_rest_counted():
    values = np.full(ROWS + 6, 0.5)
    text = html(judgement({"insertion": {"a": values}}))
    assert text.count("<img ") == 2 * ROWS
    assert f"The first {ROWS} of {ROWS + 6} explained images" in text


def test_signals_have_no_pictures_but_all_else():
    made = judgement({"insertion": {"a": [0.5]}})
    (explanation,) = made.explanations["a"]
    signal = replace(explanation, cam=torch.ones(1, 4), images=torch.zeros(1, 3, 16))
    text = html(replace(made, explanations={"a": (signal,)}))
    assert "<img" not in text
    assert "The numbers" in text


def test_every_baseline_is_explained():
    numbers = {name: [0.5] for name in ("a", *BASELINES)}
    text = html(judgement({"insertion": numbers}))
    assert all(f"{name} is {escape(each.meaning)}" in text for name, each in BASELINES.items())


def test_every_metric_has_a_line_on_how_to_read_it():
    readings = {row.name: row.facts.reading for row in get_registry().contributions("metric")}
    assert all(text.endswith(".") for text in readings.values())
    text = html(judgement({name: {"a": [0.5]} for name in readings}))
    assert all(escape(reading) in text for reading in readings.values())


def test_the_data_has_every_number_and_null_for_none():
    made = judgement({"insertion": {"a": [0.5, math.nan], "edges": [0.25, 1.0]}}, targets=2)
    document = json.loads(as_json(made))
    assert document == record(made)
    (metric,) = document["metrics"]
    assert document["schema"] == 1
    assert metric["results"]["a"]["values"] == [0.5, None]
    assert metric["results"]["a"]["low"] is None
    assert metric["results"]["edges"]["mean"] == 0.625
    assert [row["target"] for row in document["explained"]] == [0, 1]
    assert [row["baseline"] for row in document["makers"]] == [False, True]
    assert document["verdict"] == list(verdict(made))


def test_the_file_name_says_what_is_written(judged, tmp_path: Path):
    assert save(judged, tmp_path / "r.html").read_text(encoding="utf-8") == html(judged)
    assert json.loads(save(judged, tmp_path / "r.json").read_text())["schema"] == 1
    with pytest.raises(InputError, match=r"cannot write 'r.txt': expected a name that ends in"):
        save(judged, tmp_path / "r.txt")
    with pytest.raises(InputError, match=r"cannot write .*No such file"):
        save(judged, tmp_path / "gone" / "r.html")


def test_a_comparison_that_was_judged_has_a_verdict_and_can_be_saved(judged, tmp_path: Path):
    comparison = Comparison(
        tuple(zip(*judged.explanations.values(), strict=True)), ("a", "b"), judged
    )
    assert comparison.verdict == verdict(judged)
    assert str(comparison.verdict).splitlines() == list(comparison.verdict)
    assert comparison.save(tmp_path / "r.html").read_text(encoding="utf-8") == html(judged)


def test_one_that_was_not_says_what_to_do(judged, tmp_path: Path):
    comparison = Comparison((), ("a", "b"))
    with pytest.raises(CamkitError, match="pass compare some metrics"):
        comparison.save(tmp_path / "r.html")
    with pytest.raises(CamkitError, match="pass compare some metrics"):
        _ = comparison.verdict
