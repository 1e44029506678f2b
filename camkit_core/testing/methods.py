"""The checks of methods: of their maps, and of what they leave behind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial

from torch import Tensor

from ..plugins.facts import Method
from .checks import Check, checks_of, installed, run_all
from .explainers import Explainer, explainer
from .facts import facts_check
from .given import given_check
from .import_cost import imports_nothing_heavy
from .maps import MAPS
from .networks import attending
from .side_effects import SIDE_EFFECTS


def method_checks(
    method: str | Callable[..., Tensor] | None = None, /, *, explain: Explainer | None = None
) -> list[Check]:
    """Every check of a method.

    Args:
        method: a function of a `Probe`, or the name of an installed one. What it states of
            itself (see `camkit_core.Method`) counts: a check in its `expected_failures` has to
            fail, so has "target" if it needs no class; if it needs attention, the checks'
            networks have attention.
        explain: in place of it, anything that explains `model.layer`, as another library may.

    Raises:
        CamkitError: for a method that is not installed.
    """
    if (method is None) == (explain is None):
        raise TypeError("pass a method, or explain=")
    if method is None:
        assert explain is not None
        return checks_of([*MAPS, *SIDE_EFFECTS], explain, {})
    function = method if callable(method) else installed("method", method)
    facts = Method.of(function)
    checks = checks_of([*MAPS, *SIDE_EFFECTS], explainer(method), _expected_failures(facts))
    checks.append(given_check(function))
    if facts.needs == "attention":
        checks = [replace(check, test=partial(_attending, check.test)) for check in checks]
    checks.append(facts_check(function))
    if isinstance(method, str):
        checks.append(imports_nothing_heavy(method))
    return checks


def _expected_failures(facts: Method) -> Mapping[str, str]:
    of_class = {} if facts.needs_class else {"target": "it reads no class"}
    return {**of_class, **facts.expected_failures}


def _attending(test: Callable[[], None]) -> None:
    with attending():
        test()


def check_method(method: str | Callable[..., Tensor]) -> None:
    """Run every check of a method; AssertionError lists those that fail."""
    run_all(
        f"method {method if isinstance(method, str) else method.__name__!r}", method_checks(method)
    )
