"""What a notebook shows of explanations, comparisons and verdicts: blocks of HTML."""

from __future__ import annotations

import re
from dataclasses import replace
from html import escape

import numpy as np
import pytest
import torch

import camkit_core as camkit
from camkit_core import Comparison, Original
from camkit_core.testing.networks import conv_net, some_images
from helpers.html_tags import Tags
from helpers.made_up import judgement

EVIL = "<img src=x onerror=alert(1)>&"
NUMBERS = {"insertion": {"a": np.linspace(0.2, 0.9, 8), "edges": np.linspace(0.1, 0.8, 8)}}


@pytest.fixture(scope="module")
def made():
    return judgement(NUMBERS)


@pytest.fixture(scope="module")
def one(made):
    return made.explanations["a"][0]


@pytest.fixture(scope="module")
def judged(made):
    return Comparison(((made.explanations["a"][0],),), ("a",), made)


@pytest.fixture(scope="module", params=["one", "judged", "verdict"])
def shown(request, one, judged):
    return {"one": one, "judged": judged, "verdict": judged.verdict}[request.param]


def test_a_block_needs_nothing_from_elsewhere(shown):
    text = shown._repr_html_()
    assert "http" not in text
    assert "url(" not in text
    assert "<script" not in text
    assert all(img["src"].startswith("data:image/jpeg;base64,") for img in Tags(text).every("img"))


def test_colours_are_those_of_the_notebook(shown):
    style = re.search(r"<style>(.*?)</style>", shown._repr_html_(), re.S)[1]
    assert re.findall(r"#[0-9a-f]{3,6}|: (?:white|black)", style) == []
    rules = re.findall(r"^([^{}\n]+) \{", style, re.M)
    assert all(part.strip().startswith(".camkit") for rule in rules for part in rule.split(","))


def test_an_explanation_shows_each_picture_and_its_map_with_class_and_score(one):
    text = one._repr_html_()
    images = Tags(text).every("img")
    assert [image["alt"] for image in images[:2]] == ["image 0", "a, class 0 2.50"]
    assert "<figcaption>class 0 2.50</figcaption>" in text
    assert len(images) == 2 * 6
    assert "The first 6 of 8 images." in text


def test_a_picture_from_a_file_is_named(one):
    pixels = np.zeros((16, 16, 3), np.uint8)
    named = replace(one, originals=(Original(pixels, pixels, None, "cat.jpg"),) * 8)
    assert "<figcaption>cat.jpg, class 0 2.50</figcaption>" in named._repr_html_()


def test_a_blank_map_says_why_once_and_is_not_painted(one):
    reason = "nothing speaks for it"
    blank = replace(one, reasons=(reason,) * 8, notes=(f"image 0: {reason}", "another note"))
    text = blank._repr_html_()
    assert text.count(reason) == 6
    assert "<li>another note</li>" in text
    first, second, *_ = Tags(text).every("img")
    assert first["src"] == second["src"]


def test_names_from_outside_stay_text(one):
    evil = replace(one, method=EVIL, layer=EVIL, adapter=EVIL, notes=(EVIL,), reasons=(EVIL,) * 8)
    evil = replace(evil, class_names=[EVIL] * 9, provenance={EVIL: {EVIL: EVIL}})
    for text in (evil._repr_html_(), Comparison(((evil,),), (EVIL,))._repr_html_()):
        assert all("onerror" not in image for image in Tags(text).every("img"))
        assert escape(EVIL) in text


def test_a_detector_is_shown_with_its_boxes(one):
    box = {"boxes": torch.tensor([[2.0, 2, 9, 9]]), "labels": torch.tensor([1])}
    boxes = [{**box, "scores": torch.tensor([0.9])}] * 8
    plain, drawn = (
        Tags(each._repr_html_()).every("img")[1] for each in (one, replace(one, boxes=boxes))
    )
    assert drawn["src"] != plain["src"]


def test_a_comparison_is_a_table_of_targets_and_methods(one):
    text = Comparison(((one, one), (one, one)), ("a", "b"))._repr_html_()
    assert len(Tags(text).every("th")) == 3 + 6
    assert len(Tags(text).every("td")) == 2 * 6
    assert "The first 6 of 16 rows." in text


def test_a_judged_comparison_begins_with_the_recommendation(judged):
    text = judged._repr_html_()
    places = [text.index(escape(sentence)) for sentence in judged.verdict]
    assert min(places) == places[-1] < text.index("<img")
    assert "higher is better" in text[text.rindex("<img") :]
    Tags(text)


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_images_of_any_channels_are_shown(channels):
    images = torch.rand(1, channels, 16, 16)
    model = torch.nn.Sequential(torch.nn.Conv2d(channels, 3, 1), conv_net())
    bright = lambda probe: probe.activations.abs().sum(1)  # noqa: E731 - a map without blanks
    text = camkit.explain(model, images, bright, target=0, layer="0")._repr_html_()
    assert "no evidence" not in text
    assert len(Tags(text).every("img")) == 2


def test_a_usual_comparison_is_light():
    methods = ["gradcam", "layercam", "hirescam", "xgradcam", "gradcam++"]
    images = torch.nn.functional.interpolate(some_images(1), (224, 224))
    several = camkit.compare(conv_net(), images, methods, [0, 1], "layer")
    assert len(several._repr_html_()) < 300_000
