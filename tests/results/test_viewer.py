"""Explanations to look into: what a browser is given of them, and the modules that draw it."""

from __future__ import annotations

import base64
import json
import re
import sys

import numpy as np
import pytest
import torch

import camkit_core as camkit
from camkit_core.errors import InputError
from camkit_core.results.viewer import widget as widget_module
from camkit_core.results.viewer.modules import joined, web_files
from camkit_core.results.viewer.record import best_classes, colour_tables, map_record
from camkit_core.results.viewer.saved import in_script, saved_page
from helpers.small_cnn import pictures, small

STUDIO = "camkit_core.studio"


@pytest.fixture
def explanation():
    return camkit.explain(small(), pictures(2), target=1, layer="body")


def test_a_map_is_sent_as_the_method_made_it(explanation):
    record = map_record(explanation, 1)
    grid = record["grid"]
    values = np.frombuffer(base64.b64decode(grid["values"]), "<f4")
    wanted = explanation.cam[1].float().numpy()
    assert np.array_equal(values.reshape(grid["rows"], grid["columns"]), wanted)
    assert record["target"] == 1
    assert record["picture"] is None
    json.dumps(record, allow_nan=False)


def test_where_a_map_lies_in_its_picture_is_sent():
    loaded = camkit.load_model("resnet18", "none", size=64)
    photo = np.zeros((100, 200, 3), np.uint8)
    record = map_record(camkit.explain(loaded, photo, target=0))
    window = camkit.explain(loaded, photo, target=0).originals[0].window
    assert record["picture"] == [100, 200]
    assert record["corner"] == list(window.corner)
    assert record["seen"] == list(window.box)


def test_a_signal_has_no_page():
    from torch import nn

    model = nn.Sequential(nn.Conv1d(1, 4, 3), nn.AdaptiveAvgPool1d(1), nn.Flatten()).eval()
    explained = camkit.explain(model, torch.rand(1, 1, 16), target=0, layer="0")
    with pytest.raises(InputError, match="maps of pictures"):
        map_record(explained)


def test_shares_are_probabilities_whatever_the_scores_are():
    def shares(*scores: float) -> list[float]:
        return [each["share"] for each in best_classes(torch.tensor(scores), None)]

    assert shares(1.0, 3.0) == pytest.approx([0.880797, 0.119203], abs=1e-5)
    assert shares(0.25, 0.75) == pytest.approx([0.75, 0.25])
    assert shares(0.0) == [0.5]
    assert best_classes(None, None) == []


def test_colour_maps_that_all_eyes_can_tell_come_first():
    tables = colour_tables()
    assert [*tables][:3] == ["inferno", "viridis", "cividis"]
    assert [*tables][-2:] == ["turbo", "jet"]
    assert {len(base64.b64decode(table)) for table in tables.values()} == {768}


def test_texts_in_a_script_can_not_end_it():
    assert "<" not in in_script({"name": "</script><script>alert(1)"})
    page = saved_page({"title": "</script>"}, "<b>")
    assert page.count("</script>") == 2
    assert "<title>&lt;b&gt;</title>" in page


def test_a_saved_pages_policy_knows_its_own_script_and_style_alone():
    page = saved_page({})
    policy = re.search(r'Content-Security-Policy" content="([^"]*)"', page)[1]
    assert "default-src 'none'" in policy
    assert policy.count("sha256-") == 2
    assert "unsafe" not in policy
    assert not re.search(r'(src|href)="', page)


def sources() -> dict[str, str]:
    return {**web_files(), **web_files(STUDIO)}


def test_modules_follow_the_rules_by_which_they_are_joined():
    declared: dict[str, str] = {}
    for name, text in web_files().items():
        if not name.endswith(".js"):
            continue
        imports = re.findall(r"^import .*$", text, re.MULTILINE)
        assert all(re.fullmatch(r'import \{[^}]*\} from "\./[\w.-]+";', each) for each in imports)
        assert len(re.findall(r"\bimport\b", text)) == len(imports)
        top = re.findall(
            r"^(?:export )?(?:async )?(?:function|class|const|let) (\w+)", text, re.MULTILINE
        )
        assert not set(top) & set(declared), name
        declared |= dict.fromkeys(top, name)


@pytest.mark.parametrize("first", ["saved.js", "widget.js"])
def test_joined_modules_import_nothing(first):
    script = joined(first, web_files())
    assert not re.search(r"^import ", script, re.MULTILINE)
    assert not re.search(r"^export (?!default)", script, re.MULTILINE)
    assert "class Stage" in script


def test_each_module_begins_with_what_it_is_for_and_stays_short():
    for name, text in sources().items():
        assert len(text.splitlines()) <= 290, name
        if name.endswith(".js"):
            assert text.startswith("// "), name
            assert not re.search(r"innerHTML|insertAdjacentHTML|document\.write|eval\(", text), name


def test_every_module_that_is_imported_is_there():
    for text in sources().values():
        for name in re.findall(r'from "\./([\w.-]+)"', text):
            assert name in sources()


def test_a_widget_holds_every_target_by_every_method():
    pytest.importorskip("anywidget")
    maps = camkit.compare(small(), pictures(2), ["gradcam", "hirescam"], [1, 3], layer="body")
    values = maps.widget(1).values
    told = [(each["method"], each["target"]) for each in values["maps"]]
    assert told == [("gradcam", 1), ("hirescam", 1), ("gradcam", 3), ("hirescam", 3)]
    assert values["picture"].startswith("data:image/jpeg;base64,")
    assert [each["target"] for each in values["best"]] == [1, 3]
    json.dumps(values, allow_nan=False)
    with pytest.raises(IndexError):
        maps.widget(2)


def test_a_widget_of_one_map(explanation):
    pytest.importorskip("anywidget")
    assert len(explanation.widget().values["maps"]) == 1


def test_a_widget_names_its_extra_where_anywidget_is_missing(explanation, monkeypatch):
    widget_module._viewer.cache_clear()
    monkeypatch.setitem(sys.modules, "anywidget", None)
    with pytest.raises(ImportError, match=r"camkit\[widget\]"):
        explanation.widget()
