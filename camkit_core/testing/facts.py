"""The check of a method's facts: what it states of itself is well-formed, and holds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from ..engine import explain
from ..errors import CamkitError, quietly
from ..forward.counting import counting
from ..plugins.facts import Method, misstated
from .checks import Check, require
from .explainers import explainer
from .ground_truth.known_maps import Affine, check_closed_form
from .networks import CLASSES, ConvNet, attending, conv_net, seeded, some_images, token_net

Function = Callable[..., Tensor]
LONGEST = 40  # characters of a group, which is a heading
MANY = 10  # runs of the model for each channel, from which on a method is costly


def facts_check(function: Function) -> Check:
    """The check of a method's facts."""

    def test() -> None:
        facts = Method.of(function)
        _well_formed(function, facts)
        attention = attending() if facts.needs == "attention" else nullcontext()
        with attention, quietly():
            for stated, holds in STATEMENTS:
                if stated(facts):
                    holds(function)

    return Check("facts", "What it states of itself is well-formed, and holds", test)


def _well_formed(function: Function, facts: Method) -> None:
    wrong = misstated(Method, function)
    require(not wrong, "; ".join(wrong))
    group = facts.group
    short = group == " ".join(group.split()) and len(group) <= LONGEST
    require(short, f"its group {group!r} is no heading: one line of at most {LONGEST} characters")


def _asks_for_tail_runs(function: Function) -> None:
    rows = _rows(function, token_net())
    require(rows["tail"] > 0, "it states needs='tail', and asks for no tail run")


def _refuses_what_has_no_attention(function: Function) -> None:
    with seeded():
        network = ConvNet().eval()
    try:
        _cam(function, network, some_images())
    except CamkitError:
        return
    raise AssertionError("it states needs='attention', and explains a network that has none")


def _has_one_map_for_all_classes(function: Function) -> None:
    maps = [explainer(function)(conv_net(), some_images(), target) for target in range(CLASSES)]
    same = all(torch.allclose(heat, maps[0], rtol=1e-4, atol=1e-4) for heat in maps)
    require(same, "it states needs_class=False, and another class has another map")


def _has_one_map_for_all_layers(function: Function) -> None:
    network, images = conv_net(), some_images()
    late, early = (explain(network, images, function, 1, name).cam for name in ("layer", "stem"))
    same = late.shape == early.shape and torch.allclose(late, early, rtol=1e-4, atol=1e-4)
    require(same, "it states reads_layer=False, and another layer has another map")


def _is_zero_where_the_gradient_is(function: Function) -> None:
    images = some_images()
    right = _cam(function, LeftHalf(), images)[..., images.shape[-1] // 2 :]
    require(
        not right.any(),
        f"it states position_wise=True, and where the gradient is zero its map goes to "
        f"{float(right.abs().max()):.3g}",
    )


def _is_gradient_times_activation(function: Function) -> None:
    images = some_images().abs()
    with seeded():
        weights = torch.randn(CLASSES, images.shape[1])
    slope = weights[1] / images[0, 0].numel()
    expected = torch.tensordot(images, slope, ([1], [0]))
    cam = _cam(function, Affine(weights).eval(), images)
    same = cam.shape == expected.shape and torch.allclose(cam, expected, rtol=1e-3, atol=1e-6)
    require(same, "it states gradient_weighted=True, and its map is not gradient times activation")


def _takes_many_runs(function: Function) -> None:
    channels = 6
    rows = _rows(function, conv_net(channels))
    runs = (rows["forward"] + rows["tail"]) / len(some_images()) / channels
    require(runs >= MANY, f"it states costly=True, and takes {runs:.1f} runs for each channel")


def _gives_concepts(function: Function) -> None:
    found = explain(conv_net(), some_images(), function, 1, "layer").concepts
    require(found is not None, "it states concepts=True, and sets no probe.concepts")
    assert found is not None
    maps = found.maps
    require(
        bool(maps.isfinite().all()) and float(maps.min()) >= 0 and float(maps.max()) <= 1 + 1e-5,
        f"the maps of its concepts go from {float(maps.min()):.3g} to {float(maps.max()):.3g}",
    )


def _has_its_closed_form(function: Function) -> None:
    [outcome] = check_closed_form("it", function, Method.of(function).closed_form)
    require(outcome.verdict == "ok", f"its map is not that of its closed_form: {outcome}")


# When a fact is stated, and what then has to hold.
STATEMENTS: tuple[tuple[Callable[[Method], bool], Callable[[Function], None]], ...] = (
    (lambda facts: facts.needs == "tail", _asks_for_tail_runs),
    (lambda facts: facts.needs == "attention", _refuses_what_has_no_attention),
    (lambda facts: not facts.needs_class, _has_one_map_for_all_classes),
    (lambda facts: not facts.reads_layer, _has_one_map_for_all_layers),
    (lambda facts: facts.position_wise, _is_zero_where_the_gradient_is),
    (lambda facts: facts.gradient_weighted, _is_gradient_times_activation),
    (lambda facts: facts.costly, _takes_many_runs),
    (lambda facts: facts.concepts, _gives_concepts),
    (lambda facts: facts.closed_form is not None, _has_its_closed_form),
)


class LeftHalf(nn.Module):
    """A network whose scores read the left half of its grid, the images themselves, and no more."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Identity()
        self.weights = torch.arange(1.0, CLASSES + 1)

    def forward(self, images: Tensor) -> Tensor:
        """Class scores (N, 4)."""
        values = self.layer(images)[..., : images.shape[-1] // 2]
        scores: Tensor = values.square().mean((1, 2, 3))[:, None] * self.weights
        return scores


def _cam(function: Function, network: nn.Module, images: Tensor) -> Tensor:
    return explain(network, images, function, 1, "layer").cam


def _rows(function: Function, network: nn.Module) -> Counter[str]:
    """How many rows ran through a network, and through what follows its layer."""
    run: Any = explainer(function)
    with counting() as rows:
        run(network, some_images(), 1)
    return rows
