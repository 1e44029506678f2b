"""Errors about methods, their options, and what was explained."""

from __future__ import annotations

from typing import Any

import pytest
import torch

import camkit_core as camkit
from camkit_core import (
    CamkitError,
    InputError,
    LayerError,
    UnknownName,
)
from helpers.wrong_calls import ask, net

pytestmark = pytest.mark.filterwarnings("ignore:.*torch.jit:FutureWarning")
METHODS = "ablationcam, .*, gradcam, gradcam.*, guided_backprop, .*, scorecam, .*, xgradcam"


# Methods and options


def test_an_unknown_method_is_answered_with_the_closest_and_all() -> None:
    with pytest.raises(
        UnknownName,
        match=rf"^no method named 'gradcma'\. Did you mean 'gradcam'\? Known: {METHODS}",
    ):
        ask(method="gradcma")


@pytest.mark.parametrize("methods", [[], "gradcam", ()])
def test_methods_are_a_list_with_at_least_one(methods: Any) -> None:
    with pytest.raises(CamkitError, match=r"^expected a list of methods, at least one.*; got "):
        camkit.compare(net(), torch.randn(1, 3, 8, 8), methods, layer="0")


def test_one_name_in_place_of_a_list_is_shown_in_one() -> None:
    with pytest.raises(CamkitError, match=r", as in \['gradcam'\]; got 'gradcam'$"):
        camkit.compare(net(), torch.randn(1, 3, 8, 8), "gradcam", layer="0")  # type: ignore[arg-type]
    with pytest.raises(CamkitError, match=r"; compare takes several$"):
        ask(method=["gradcam", "layercam"])


@pytest.mark.parametrize("targets", [1, "pug", None, lambda row: row[1]])
def test_targets_are_a_list(targets: Any) -> None:
    with pytest.raises(CamkitError, match=r"^expected a list of targets, .*; got "):
        camkit.compare(net(), torch.randn(1, 3, 8, 8), ["gradcam"], targets, layer="0")


def test_an_unknown_option_is_answered_with_those_the_methods_take() -> None:
    with pytest.raises(
        UnknownName,
        match=r"^no option of xgradcam named 'tole'\. Did you mean 'tol'\? Known: tol, variant$",
    ):
        ask(method="xgradcam", tole=1)
    with pytest.raises(UnknownName, match=r"^no option of gradcam named 'tol'\. Known: none$"):
        ask(tol=1)
    with pytest.raises(UnknownName, match=r"option of gradcam, scorecam named 'varian'"):
        camkit.compare(
            net(), torch.randn(1, 3, 8, 8), ["gradcam", "scorecam"], layer="0", varian="paper"
        )


def test_a_misspelt_keyword_of_explain_is_recognised() -> None:
    with pytest.raises(UnknownName, match=r"'aug_smoth'.*Did you mean 'aug_smooth'"):
        ask(aug_smoth=True)


def test_a_value_an_option_does_not_allow_is_answered_with_those_it_does() -> None:
    with pytest.raises(
        CamkitError,
        match=r"^xgradcam takes variant= one of 'paper', 'pytorch-grad-cam'; got 'papier'$",
    ):
        ask(method="xgradcam", variant="papier")
    with pytest.raises(
        CamkitError, match=r"^ablationcam takes ablate= one of 'zero', 'mean'; got 0$"
    ):
        ask(method="ablationcam", ablate=0)


@pytest.mark.parametrize(
    ("given", "shape"),
    [
        (lambda probe: None, "NoneType"),
        (
            lambda probe: probe.activations,
            r"\(2, 4, 6, 6\); probe\.channel_sum adds its channels up",
        ),
        (lambda probe: probe.activations.sum(1)[:1], r"\(1, 6, 6\)"),
        (lambda probe: probe.activations.sum(1).numpy(), "ndarray; torch.from_numpy makes .*"),
        (lambda probe: probe.scores, r"\(2,\)"),
    ],
    ids=["None", "all channels", "one image", "numpy", "scores"],
)
def test_a_method_must_return_a_map_for_each_image(given: Any, shape: str) -> None:
    given.__name__ = "mine"
    with pytest.raises(
        CamkitError,
        match=rf"^method 'mine' \(given\) must return a map \(N, h, w\) for 2 images, and returned "
        rf"{shape}$",
    ):
        ask(method=given)


@pytest.mark.parametrize("batch_size", [0, -1, 2.5, "8"])
@pytest.mark.parametrize("method", ["gradcam", "scorecam"])
def test_the_batch_size_is_a_positive_number(batch_size: Any, method: str) -> None:
    with pytest.raises(CamkitError, match=f"takes batch_size= as an int.*got {batch_size!r}"):
        ask(method=method, batch_size=batch_size)


def test_signed_activations_are_refused_where_a_variant_is_not_defined_for_them() -> None:
    with pytest.raises(
        LayerError, match=r"^variant 'pytorch-grad-cam' is defined for activations >="
    ):
        ask(method="ablationcam", variant="pytorch-grad-cam")


# What was explained


def test_a_comparison_names_what_it_has() -> None:
    comparison = camkit.compare(
        net(), torch.randn(1, 3, 8, 8), ["gradcam", "xgradcam"], [1, 2], "0"
    )
    with pytest.raises(CamkitError, match=r"'gradcan'.*gradcam, xgradcam"):
        comparison[0, "gradcan"]
    with pytest.raises(IndexError):
        comparison[2, 0]


def test_an_explanation_has_no_more_images_than_it_was_given() -> None:
    explanation = ask()
    for index in (2, -3):
        with pytest.raises(InputError, match=rf"^no image {index}: the explanation has 2, counted"):
            explanation.render(index=index)
        with pytest.raises(InputError, match=rf"^no image {index}: "):
            explanation.save("never.png", index=index)


def test_an_unknown_renderer_and_its_options_are_answered_alike() -> None:
    with pytest.raises(UnknownName, match=r"^no renderer named 'overlai'\. Did you mean 'overlay'"):
        ask().render("overlai")
    with pytest.raises(UnknownName, match=r"^no option of overlay named 'alfa'\..* Known: "):
        ask().render("overlay", alfa=1)
