"""A metric of another package: what it states counts as much as what camkit's own state."""

from __future__ import annotations

import json
import sys
from html import escape
from pathlib import Path

import pytest

import camkit_core as camkit
from camkit_core.cli import main
from camkit_core.plugins import get_registry
from camkit_core.plugins.facts import Metric
from camkit_core.testing import metric_checks, outcomes
from helpers.fake_packages import Install
from helpers.registries import Capture
from helpers.small_nets import small_net

ENTRY_POINTS = """\
[camkit.metrics]
lab_peak = camkit_lab:peak
lab_spread = camkit_lab:spread
lab_mass = camkit_lab:mass
"""
CODE = '''\
"""A lab's metrics."""

import lab_marker
from camkit_core import Metric


@Metric(
    higher_is_better=True,
    check=True,
    limit=2.0,
    failure="fails the peak check: its maps reach {value} & no more",
    reading="The heatmap's maximum. Below 2: the lab calls it flat.",
)
def peak(case):
    """The heatmap's maximum: (N,)."""
    return case.heatmaps.flatten(1).amax(1)


@Metric(higher_is_better=False, check=True, limit=-1.0, shortcut="spreading")
def spread(case):
    """How far a heatmap spreads: (N,)."""
    return case.heatmaps.flatten(1).std(1)


@Metric(
    higher_is_better=True,
    reading="The heatmap's sum.",
    rewards="lab_spread",
    unbeatable=("*",),
)
def mass(case):
    """The heatmap's sum: (N,)."""
    return case.heatmaps.flatten(1).sum(1)
'''
PEAK = "gradcam fails the peak check: its maps reach 1.000 & no more."
SPREAD = (
    "gradcam fails the lab spread check ({value}, and the limit is -1.0): spreading by itself does "
    "well on lab mass, so that says nothing for it."
)


@pytest.fixture
def lab(fresh: Install) -> None:
    """The lab's package, installed."""
    fresh("camkit-lab", ENTRY_POINTS, camkit_lab=CODE, lab_marker="")


def judged(*metrics: str) -> camkit.Comparison:
    """Grad-CAM judged by metrics."""
    net = small_net("resnet")
    return camkit.compare(net.model, net.images, ["gradcam"], metrics=metrics)


@pytest.mark.usefixtures("lab")
def test_it_is_listed_with_what_it_states_and_not_imported(capsys: Capture) -> None:
    assert main(["list-metrics"]) == 0
    (line,) = [row for row in capsys.readouterr().out.splitlines() if row.startswith("lab_peak")]
    assert line.endswith("camkit-lab 1.0")
    assert "  The heatmap's maximum.  " in line
    assert main(["list-metrics", "--json"]) == 0
    listed = json.loads(capsys.readouterr().out)["metrics"]
    assert [row["name"] for row in listed] == ["lab_mass", "lab_peak", "lab_spread"]
    assert [row["check"] for row in listed] == [False, True, True]
    assert [row["higher_is_better"] for row in listed] == [True, True, False]
    assert listed[0]["reading"] == "The heatmap's sum."
    assert "lab_marker" not in sys.modules


@pytest.mark.usefixtures("lab")
def test_the_registry_reads_all_that_it_states() -> None:
    peak = get_registry().find("metric", "lab_peak")
    assert peak.facts == Metric.of(peak.load())
    assert peak.facts.limit == 2.0


@pytest.mark.usefixtures("lab")
def test_a_method_fails_its_check_and_the_verdict_says_how() -> None:
    assert judged("lab_peak").verdict == (
        PEAK,
        "No map can be recommended: none passes the checks.",
    )


@pytest.mark.usefixtures("lab")
def test_a_shortcut_is_a_fault_where_a_metric_rewards_it() -> None:
    value = f"{float(judged('lab_spread').judgement.measures[0].values.mean()):.3f}"
    sentence = SPREAD.format(value=value)
    assert sentence not in judged("lab_spread").verdict
    assert sentence in judged("lab_mass", "lab_spread").verdict


@pytest.mark.usefixtures("lab")
def test_baselines_that_cannot_be_beaten_are_not_held_against_methods() -> None:
    assert not any("baseline" in sentence for sentence in judged("lab_mass").verdict)


@pytest.mark.usefixtures("lab")
def test_the_report_says_how_to_read_it_and_marks_the_check(tmp_path: Path) -> None:
    found = judged("lab_peak", "lab_mass")
    text = found.save(tmp_path / "report.html").read_text(encoding="utf-8")
    reading = "The heatmap's maximum. Below 2: the lab calls it flat."
    assert f"<dt>lab peak</dt><dd>{escape(reading)}</dd>" in text
    assert "lab peak<small>a check</small>" in text
    assert escape(PEAK) in text
    metrics = json.loads(found.save(tmp_path / "report.json").read_text())["metrics"]
    assert {metric["name"]: metric["ranks"] for metric in metrics} == {
        "lab_peak": False,
        "lab_mass": True,
    }


@pytest.mark.usefixtures("lab")
def test_what_it_states_passes_the_conformance_kit() -> None:
    for name in ("lab_peak", "lab_spread", "lab_mass"):
        (facts,) = [check for check in metric_checks(name) if check.name == "facts"]
        assert outcomes([facts])[0].status == "passed"


def test_a_function_that_was_never_installed_states_the_same() -> None:
    @camkit.Metric(higher_is_better=True, check=True, limit=2.0, reading="Always one.")
    def one_each(case: camkit.Case):
        return case.heatmaps.new_ones(len(case.images))

    net = small_net("resnet")
    found = camkit.compare(net.model, net.images, ["gradcam"], metrics=[one_each])
    assert found.verdict[0] == ("gradcam fails the one each check (1.000, and the limit is 2.0).")
