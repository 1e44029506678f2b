"""Passes that compute only the rows that reach the output: the same maps, and no row too few."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core.forward.needed import recorded
from helpers.class_tokens import ATTENDED, AVERAGED, LINEAR, PLAIN, gradient, lively, pictures
from helpers.tail_runs import QUIET

pytestmark = QUIET
SHORT = ATTENDED | LINEAR
WHOLE = PLAIN | {name: AVERAGED[name] for name in ("averaged", "class token and average")}
EVERY = SHORT | WHOLE


def rows_of(model: nn.Module) -> list[int]:
    """How many rows each linear layer behind the last attention gets, from now on."""
    rows: list[int] = []
    calls = F.linear

    class Watch(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None):
            if func is calls:
                rows.append(args[0].shape[:-1].numel())
            return func(*args, **(kwargs or {}))

    return rows, Watch()


def asked(model: nn.Module, images: Tensor, target: Any = 1) -> dict[str, Any]:
    found: dict[str, Any] = {}

    def method(probe: camkit.Probe) -> Tensor:
        found.update(layer=probe.recording.layer, gradient=probe.raw_gradients)
        return probe.activations.sum(1)

    found["score"] = camkit.explain(model, images, method, target).score
    return found


@pytest.mark.parametrize("name", EVERY)
def test_gradients_are_those_of_all_rows_in_each_pass(name: str) -> None:
    model, images = lively(EVERY[name]), pictures()
    first, second, third = (asked(model, each) for each in (images, images.flip(3), images))
    for found, given in ((first, images), (second, images.flip(3))):
        expected = gradient(model, given, found["layer"])
        assert (found["gradient"] - expected).abs().max() <= 1e-12 * expected.abs().max()
    assert torch.equal(first["gradient"], third["gradient"])
    assert torch.equal(first["score"], third["score"])


@pytest.mark.parametrize("name", SHORT)
def test_the_second_pass_is_short(name: str) -> None:
    model, images = lively(SHORT[name]), pictures()
    asked(model, images)
    rows, watch = rows_of(model)
    with watch:
        asked(model, images)
    assert min(rows[-3:]) == 2
    assert max(rows[-3:]) <= 4  # of 2 images, one row or two


@pytest.mark.parametrize(("images", "short"), [(2, False), (40, True)])
def test_the_second_pass_stays_whole_where_little_can_be_won(
    images: int, short: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("camkit_core.forward.needed.plan.LEAST_WORK", 20_000)
    model = lively(SHORT["timm"])
    asked(model, pictures(images))
    rows, watch = rows_of(model)
    with watch:
        asked(model, pictures(images))
    assert (rows[-3] == images) == short  # of the MLP, for a token an image


def test_behind_a_head_of_zeros_no_plan_is_tried_until_its_weights_change(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tried: list[bool] = []
    planned = recorded.plan_of
    monkeypatch.setattr(recorded, "plan_of", lambda *args: tried.append(True) or planned(*args))
    model, images = lively(SHORT["timm"]), pictures()
    nn.init.zeros_(model.head.weight)
    asked(model, images)
    before = len(tried)
    asked(model, images)
    assert len(tried) == before > 0
    nn.init.normal_(model.head.weight)
    asked(model, images)
    rows, watch = rows_of(model)
    with watch:
        asked(model, images)
    assert max(rows[-3:]) == 2


def test_methods_that_run_tails_beside_it_change_no_bit() -> None:
    model, images = lively(ATTENDED["timm"]), pictures()
    alone = camkit.explain(model, images, "gradcam", 1)
    beside = camkit.compare(model, images, ["gradcam", "ablationcam"], [1])[0, 0]
    assert torch.equal(alone.cam, beside.cam)


class Watched(nn.Module):
    """A vision transformer whose `norm` is followed by something more."""

    def __init__(self, more: Callable[[Tensor], Tensor]) -> None:
        super().__init__()
        self.vit, self.more = lively(ATTENDED["timm"]), more

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.vit.forward_features(images)
        return self.vit.head(self.more(tokens)[:, 0])


def explained(model: nn.Module, images: Tensor) -> Tensor:
    adapter = camkit.Adapter(model.vit.blocks[-1].norm1, camkit.tokens_to_grid(4, 4, 1))
    return camkit.explain(model, images, "gradcam", 1, adapter=adapter).cam


def expected_map(model: nn.Module, images: Tensor) -> Tensor:
    slope = gradient(model, images, "vit.blocks.1.norm1")[:, 1:].mean(1)
    kept: list[Tensor] = []
    handle = model.vit.blocks[-1].norm1.register_forward_hook(lambda *each: kept.append(each[2]))
    with torch.no_grad():
        model(images)
    handle.remove()
    return (kept[0][:, 1:] @ slope[:, :, None]).view(-1, 4, 4)


def test_another_way_than_planned_is_noticed() -> None:
    ways = {"more": lambda tokens: tokens}
    model, images = Watched(lambda tokens: ways["more"](tokens)), pictures()
    explained(model, images)
    ways["more"] = lambda tokens: tokens - tokens.mean(1, keepdim=True)
    for _ in range(2):
        expected = expected_map(model, images)
        assert torch.allclose(explained(model, images), expected, rtol=1e-10, atol=1e-12)


OWN = torch.library.Library("camkit_tests", "FRAGMENT")
OWN.define("linear(Tensor features) -> Tensor")
OWN.impl("linear", lambda features: features * 2, "CompositeImplicitAutograd")


def test_an_operator_with_the_name_of_a_linear_layer_needs_no_weight() -> None:
    model, images = Watched(torch.ops.camkit_tests.linear), pictures()
    for _ in range(2):
        expected = expected_map(model, images)
        assert torch.allclose(explained(model, images), expected, rtol=1e-10, atol=1e-12)


def test_a_tensor_that_the_model_knows_by_two_names_keeps_the_plan() -> None:
    def more(tokens: Tensor) -> Tensor:
        same = F.dropout(tokens, 0.5, training=False)
        return tokens + same.contiguous() * 2

    model, images = Watched(more), pictures()
    expected = expected_map(model, images)
    rows, watch = rows_of(model)
    for _ in range(2):
        rows.clear()
        with watch:
            found = explained(model, images)
        assert torch.allclose(found, expected, rtol=1e-10, atol=1e-12)
    assert max(rows[-3:]) == 2  # of 2 images, one row each


def test_a_pass_that_is_made_anew_gets_the_images_as_they_were() -> None:
    class Overwriting(Watched):
        def forward(self, images: Tensor) -> Tensor:
            tokens = self.vit.forward_features(images)
            images.zero_()
            return self.vit.head(self.more(tokens)[:, 0])

    ways = {"more": lambda tokens: tokens}
    model, images = Overwriting(lambda tokens: ways["more"](tokens)), pictures()
    before = images.clone()
    explained(model, images)
    ways["more"] = lambda tokens: tokens - tokens.mean(1, keepdim=True)
    found = explained(model, images)
    assert torch.equal(images, before)
    expected = expected_map(Watched(ways["more"]), images)
    assert torch.allclose(found, expected, rtol=1e-10, atol=1e-12)


def test_rows_read_behind_the_back_of_the_plan_are_noticed() -> None:
    """A scripted function is seen by no mode of torch's."""

    def mixed(tokens: Tensor) -> Tensor:
        return tokens.detach().mean(1, keepdim=True) + 0 * tokens.detach()

    script = torch.jit.script(mixed)
    model, images = Watched(lambda tokens: tokens + script(tokens)), pictures()
    for given in (images, images.flip(2), images):
        expected = expected_map(model, given)
        assert torch.allclose(explained(model, given), expected, rtol=1e-10, atol=1e-12)


def test_values_that_decide_are_read_whole() -> None:
    def decided(tokens: Tensor) -> Tensor:
        return tokens * (2 if float(tokens[:, 1].sum()) > 0 else 3)

    model, images = Watched(decided), pictures(1)
    for given in (images, -images, images):
        expected = expected_map(model, given)
        assert torch.allclose(explained(model, given), expected, rtol=1e-10, atol=1e-12)


def test_an_image_with_nan_leaves_the_plan_alone() -> None:
    model, images = lively(ATTENDED["timm"]), pictures()
    broken = images.clone()
    broken[0] = torch.nan
    asked(model, broken)
    expected = gradient(model, images, "blocks.1.norm1")
    for _ in range(2):
        found = asked(model, images)["gradient"]
        assert (found - expected).abs().max() <= 1e-12 * expected.abs().max()
    again = asked(model, broken)["gradient"]
    assert torch.allclose(again[1], expected[1], rtol=1e-9, atol=1e-12)


def test_an_image_with_nan_between_changes_no_bit() -> None:
    model, images = lively(ATTENDED["timm"]), pictures()
    first = asked(model, images)["gradient"]
    asked(model, images * torch.nan)
    assert torch.equal(asked(model, images)["gradient"], first)


def test_a_model_that_makes_other_calls_gets_another_plan() -> None:
    model, images = lively(ATTENDED["timm"]), pictures()
    asked(model, images)
    model.norm.eps = 0.1
    fresh = asked(copy.deepcopy(model), images)["gradient"]
    for _ in range(2):
        assert torch.equal(asked(model, images)["gradient"], fresh)


def test_a_hook_sees_every_row() -> None:
    model, images = lively(ATTENDED["timm"]), pictures()
    asked(model, images)
    shown: list[Tensor] = []
    model.blocks[-1].mlp.register_forward_hook(lambda *each: shown.append(each[2]))
    asked(model, images)  # whether the hook mixes images is found out on others
    shown.clear()
    with torch.no_grad():
        model(images)
    asked(model, images)
    assert len(shown) >= 2
    for each in shown[1:]:
        assert torch.allclose(each.detach(), shown[0], rtol=1e-9, atol=1e-12)
