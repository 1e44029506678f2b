"""The checks of the kit hold for each way in which camkit explains, while it compiles as well."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from camkit_core.testing import Check, explainer, method_checks
from camkit_core.testing.ground_truth.known_maps import by_formula, check_closed_form
from camkit_core.testing.networks import conv_net, some_images

WAYS: list[Any] = ["prepared", "compiled"]  # the kit's own tests explain


def _checks(method: str, *names: str) -> list[Any]:
    every = {way: method_checks(explain=explainer(method, way)) for way in WAYS}
    return [
        pytest.param(check, id=f"{method}, {way}, {check.name}")
        for way, checks in every.items()
        for check in checks
        if check.name in names or not names
    ]


@pytest.mark.parametrize(
    "check",
    [
        *_checks("gradcam"),
        *_checks("ablationcam", "untouched", "batch", "chunks"),
        *_checks("scorecam", "random-states", "permutation"),
    ],
)
def test_a_promise_of_methods_holds_each_way(uncompiled: list[Any], check: Check) -> None:
    check()


@pytest.mark.filterwarnings("ignore:blank map")
@pytest.mark.parametrize("way", WAYS)
def test_maps_are_those_of_the_formula_each_way(uncompiled: list[Any], way: Any) -> None:
    for method in by_formula(np.ones((1, 1, 1)), np.ones(1)):
        [outcome] = check_closed_form(method, method, way=way)
        assert outcome.verdict == "ok", outcome


def test_compiled_means_compiled(uncompiled: list[Any]) -> None:
    model: Any = conv_net()
    handle = model.stem.register_forward_hook(lambda *_: None)
    with pytest.raises(AssertionError, match="ran eagerly, not compiled: the model has hooks"):
        explainer("gradcam", "compiled")(model, some_images())
    handle.remove()
    explainer("gradcam", "compiled")(model, some_images())
    assert len(uncompiled) == 1
