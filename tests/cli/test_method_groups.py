"""`camkit list-methods`: a method of any package stands in the group that it states."""

from __future__ import annotations

import json
import sys
from importlib import metadata
from types import SimpleNamespace

import pytest

from camkit_core import Method, Probe, hookimpl
from camkit_core.cli import main
from camkit_core.plugins import Registry, get_registry, source, using
from camkit_core.plugins.method_groups import GROUPS, OTHERS, grouped, methods_of
from camkit_core.testing.ground_truth.tier1_run import usual_methods
from helpers.fake_packages import Install

Capture = pytest.CaptureFixture[str]
# In the order in which `camkit list-methods` has them.
CAMKIT = {
    "the five": ["gradcam", "gradcam++", "xgradcam", "ablationcam", "scorecam"],
    "gradient": [
        "hirescam",
        "layercam",
        "gradcam_elementwise",
        "eigengradcam",
        "smoothgradcam++",
        "finercam",
        "shapleycam",
        "refinecam",
        "segeigencam",
        "sess",
        "smoothgrad",
        "fullgrad",
        "guided_backprop",
    ],
    "gradient-free": [
        "eigencam",
        "kpcacam",
        "fem",
        "dff",
        "reciprocam",
        "groupcam",
        "sscam",
        "iscam",
        "rise",
        "drise",
    ],
    "attention": ["attention_rollout", "chefer", "legrad"],
    "baselines": ["randomcam"],
}
LAB = """\
from camkit_core import Method

@Method(group="gradient", needs="tail", position_wise=True)
def lab_gradient(probe):
    "Gradients, as the lab has them."

@Method(group="of the lab", needs_class=False)
def lab_own(probe):
    "The lab's own."

def lab_plain(probe):
    "States nothing."

@Method(group=["gradient"])
def lab_wrong(probe):
    "States no text."

@Method(group="  two\\n lines ", costly=True)
def lab_odd(probe):
    "States a group of two lines."

@Method(group="baselines")
def lab_random(probe):
    "Another baseline."
"""
NAMES = ["lab_gradient", "lab_own", "lab_plain", "lab_wrong", "lab_odd", "lab_random"]
ENTRIES = "".join(f"{name} = camkit_lab:{name}\n" for name in NAMES)


@pytest.fixture
def lab(fresh: Install) -> Registry:
    """A registry that sees a package of six methods, beside camkit's own."""
    fresh("camkit-lab", f"[camkit.methods]\nnowhere = nothing.there:f\n{ENTRIES}", camkit_lab=LAB)
    return Registry()


def by_heading(out: str) -> dict[str, list[str]]:
    """The names under each heading of a list."""
    groups: dict[str, list[str]] = {}
    for line in out.splitlines():
        if line.startswith("  "):
            list(groups.values())[-1].append(line.split()[0])
        else:
            groups[line.partition(":")[0]] = []
    return groups


def names_of(registry: Registry) -> dict[str, list[str]]:
    groups = grouped(registry.contributions("method"))
    return {group: [row.name for row in members] for group, members in groups.items()}


def test_camkits_own_stand_in_their_groups_as_declared() -> None:
    rows = [row for row in get_registry().contributions("method") if row.distribution == "camkit"]
    groups = grouped(rows)
    assert tuple(groups) == GROUPS
    assert {group: [row.name for row in members] for group, members in groups.items()} == CAMKIT


def test_without_metadata_the_groups_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "distributions", lambda **_: iter(()))
    assert names_of(Registry()) == CAMKIT


def test_without_source_the_groups_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(source, "_source_file", lambda module: None)
    monkeypatch.setattr(metadata, "distributions", lambda **_: iter(()))
    assert names_of(Registry()) == CAMKIT


def test_a_method_of_a_package_stands_in_the_group_that_it_states(
    lab: Registry, capsys: Capture
) -> None:
    with using(lab):
        assert main(["list-methods"]) == 0
    groups = by_heading(capsys.readouterr().out)
    assert groups["gradient"] == ["lab_gradient"]
    assert groups["of the lab"] == ["lab_own"]
    assert groups["baselines"] == ["lab_random"]
    assert groups["two lines"] == ["lab_odd"]
    assert groups[OTHERS] == ["lab_plain", "lab_wrong", "nowhere"]
    assert list(groups) == [
        "the five",
        "gradient",
        "baselines",
        "two lines",
        "of the lab",
        OTHERS,
    ]
    assert "camkit_lab" not in sys.modules


def test_as_json_a_list_says_what_methods_state(lab: Registry, capsys: Capture) -> None:
    with using(lab):
        assert main(["list-methods", "--json"]) == 0
    rows = {row["name"]: row for row in json.loads(capsys.readouterr().out)["methods"]}
    keys = ("group", "needs", "needs_class", "position_wise")

    def stated(name: str) -> list[object]:
        return [rows[name][key] for key in keys]

    assert stated("gradcam") == ["the five", "", True, False]
    assert stated("lab_gradient") == ["gradient", "tail", True, True]
    assert stated("lab_own") == ["of the lab", "", False, False]
    assert stated("lab_plain") == stated("nowhere") == [OTHERS, "", True, False]


def test_in_a_group_camkits_own_go_before_those_of_packages() -> None:
    @Method(group="gradient")
    def a_first_name(probe: Probe) -> None: ...

    registry = Registry()
    registry.register(SimpleNamespace(camkit_methods=hookimpl(lambda: [a_first_name])))
    assert names_of(registry)["gradient"] == [*CAMKIT["gradient"], "a_first_name"]


def test_what_is_costly_or_a_baseline_is_not_tried_on_every_network(lab: Registry) -> None:
    with using(lab):
        assert methods_of("baselines") == ("lab_random",)
        assert methods_of("no such group") == ()
        assert usual_methods() == [
            "gradcam",
            "gradcam++",
            "lab_gradient",
            "lab_own",
            "lab_plain",
            "lab_wrong",
        ]


def test_of_camkits_own_three_are_not_tried_on_every_network() -> None:
    listed = {name for names in CAMKIT.values() for name in names}
    assert listed - set(usual_methods()) == {"sscam", "iscam", "rise", "drise", "randomcam"}
