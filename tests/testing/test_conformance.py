"""The conformance kit: it finds every seeded bug, and camkit's own plugins pass it."""

from __future__ import annotations

import unittest
from typing import Any

import pytest
import torch

from camkit_core import CamkitError, Method, Probe
from camkit_core.plugins import get_registry
from camkit_core.testing import (
    Check,
    adapter_checks,
    check_adapter,
    check_method,
    check_metric,
    check_renderer,
    method_checks,
    metric_checks,
    outcomes,
    parametrize,
    renderer_checks,
)
from camkit_core.testing.networks import token_net
from helpers import mutants
from helpers.false_facts import FALSE_FACTS, TRUE_FACTS, stating
from helpers.few_runs import shortened
from helpers.small_nets import FAMILIES, small_net

# Thousands of runs: tests/methods/test_rise.py runs the kit with fewer.
RANDOM = ("rise", "drise")
SHORT = ("sess", "sscam")
SIZES = [(16, 16), (16, 24), (32, 16)]


def built_in(kind: str) -> list[str]:
    """The names of camkit's own plugins of a kind."""
    rows = get_registry().contributions(kind)
    return [row.name for row in rows if row.distribution == "camkit" and row.name not in RANDOM]


def named(checks: list[Check], name: str) -> Check:
    [check] = [candidate for candidate in checks if candidate.name == name]
    return check


# Its own plugins


@pytest.mark.parametrize("method", [name for name in built_in("method") if name not in SHORT])
def test_every_method_of_camkit_passes(method: str) -> None:
    check_method(method)


@pytest.mark.parametrize("method", SHORT)
def test_a_method_of_many_runs_passes_with_fewer(method: str) -> None:
    check_method(shortened(method))
    named(method_checks(method), "light")()


@pytest.mark.parametrize("renderer", built_in("renderer"))
def test_every_renderer_of_camkit_passes(renderer: str) -> None:
    check_renderer(renderer)


@pytest.mark.parametrize("metric", built_in("metric"))
def test_every_metric_of_camkit_passes(metric: str) -> None:
    check_metric(metric)


@pytest.mark.parametrize("family", FAMILIES)
def test_the_adapters_of_small_networks_pass(family: str) -> None:
    model = small_net(family, torch.float32).model
    adapter = get_registry().adapter_for(type(model))
    assert adapter is not None
    check_adapter(adapter.load(), model, [(32, 32)] if family == "vit" else [(32, 32), (32, 48)])


# Seeded bugs


def test_the_method_that_bugs_are_seeded_in_passes() -> None:
    failed = [o for o in outcomes(method_checks(explain=mutants.correct)) if o.status == "failed"]
    assert failed == []


@pytest.mark.parametrize("name", list(mutants.METHODS))
def test_a_bug_seeded_in_a_method_is_caught(name: str) -> None:
    check, mutant = mutants.METHODS[name]
    with pytest.raises(AssertionError):
        named(method_checks(explain=mutant), check)()


def test_every_check_of_methods_has_a_bug_that_it_catches() -> None:
    checks = {check.name for check in method_checks(explain=mutants.correct)}
    assert checks - {check for check, _ in mutants.METHODS.values()} == {"device"}  # needs a GPU


def test_a_method_whose_facts_hold_passes() -> None:
    named(method_checks(stating(**TRUE_FACTS)), "facts")()


@pytest.mark.parametrize("name", list(FALSE_FACTS))
def test_a_fact_that_is_malformed_or_does_not_hold_is_caught(name: str) -> None:
    message, method = FALSE_FACTS[name]
    with pytest.raises(AssertionError, match=message):
        named(method_checks(method), "facts")()


@pytest.mark.parametrize("prefix", [0, 1, 5])
def test_the_adapter_that_bugs_are_seeded_in_passes(prefix: int) -> None:
    check_adapter(mutants.right_adapter, token_net(prefix), SIZES)


@pytest.mark.parametrize("name", list(mutants.ADAPTERS))
def test_a_bug_seeded_in_an_adapter_is_caught(name: str) -> None:
    check, prefix, mutant = mutants.ADAPTERS[name]
    with pytest.raises(AssertionError):
        named(adapter_checks(mutant, token_net(prefix), SIZES), check)()


def test_every_check_of_adapters_has_a_bug_that_it_catches() -> None:
    checks = {check.name for check in adapter_checks(mutants.right_adapter, token_net(), SIZES)}
    assert checks == {check for check, _, _ in mutants.ADAPTERS.values()}


def test_the_renderer_that_bugs_are_seeded_in_passes() -> None:
    check_renderer(mutants.right_renderer)


@pytest.mark.parametrize("name", list(mutants.RENDERERS))
def test_a_bug_seeded_in_a_renderer_is_caught(
    name: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    check, mutant = mutants.RENDERERS[name]
    if "figure" in name:
        plt = pytest.importorskip("matplotlib.pyplot")
        plt.switch_backend("agg")
    with pytest.raises(AssertionError):
        named(renderer_checks(mutant), check)()


def test_every_check_of_renderers_has_a_bug_that_it_catches() -> None:
    checks = {check.name for check in renderer_checks(mutants.right_renderer)}
    assert checks == {check for check, _ in mutants.RENDERERS.values()}


def test_the_metric_that_bugs_are_seeded_in_passes() -> None:
    check_metric(mutants.right_metric)


def test_a_metric_that_is_a_check_with_a_limit_is_well_stated() -> None:
    named(metric_checks(mutants.WELL_STATED), "facts")()


@pytest.mark.parametrize("name", list(mutants.METRICS))
def test_a_bug_seeded_in_a_metric_is_caught(name: str) -> None:
    check, mutant = mutants.METRICS[name]
    with pytest.raises(AssertionError):
        named(metric_checks(mutant), check)()


def test_every_check_of_metrics_has_a_bug_that_it_catches() -> None:
    checks = {check.name for check in metric_checks(mutants.right_metric)}
    assert checks == {check for check, _ in mutants.METRICS.values()}


# The kit's own manners


def test_an_expected_failure_has_to_fail() -> None:
    def method(probe: Probe) -> torch.Tensor:
        return probe.activations.sum(1)

    method.expected_failures = {"target": "it reads no class", "batch": "it does not know why"}
    by_name = {outcome.name: outcome for outcome in outcomes(method_checks(method))}
    assert by_name["target"].status == "expected failure"
    assert by_name["target"].why == "it reads no class"
    assert by_name["batch"].status == "failed"
    assert "expected to fail (it does not know why)" in by_name["batch"].why
    assert len(by_name) == len(method_checks(mutants.correct))


def test_a_method_that_needs_no_class_fails_the_check_of_the_class_as_expected() -> None:
    @Method(needs_class=False)
    def method(probe: Probe) -> torch.Tensor:
        return probe.activations.sum(1)

    by_name = {outcome.name: outcome for outcome in outcomes(method_checks(method))}
    assert (by_name["target"].status, by_name["target"].why) == (
        "expected failure",
        "it reads no class",
    )
    assert by_name["facts"].status == "passed"


def test_a_failure_is_expected_of_a_check_that_there_is() -> None:
    def method(probe: Probe) -> torch.Tensor:
        return probe.activations.sum(1)

    method.expected_failures = {"everything": "please"}
    with pytest.raises(CamkitError, match="expected_failures names everything; the checks are"):
        method_checks(method)


def test_a_check_that_says_nothing_here_is_skipped() -> None:
    def skips() -> None:
        raise unittest.SkipTest("no GPU")

    [outcome] = outcomes([Check("device", "On a GPU", skips)])
    assert (outcome.status, outcome.why) == ("skipped", "no GPU")


def test_all_that_fails_is_listed_at_once() -> None:
    def method(probe: Probe) -> torch.Tensor:
        return probe.activations.sum(1) * torch.rand(1)

    with pytest.raises(AssertionError, match="method 'method' fails") as raised:
        check_method(method)
    assert {"repeat", "target"} <= {
        line.split(":")[0].strip() for line in str(raised.value).splitlines()[1:]
    } or "every class has the same map" in str(raised.value)


@parametrize(method_checks("gradcam"))
def test_checks_are_tests_of_a_plugins_own(check: Check) -> None:
    check()
