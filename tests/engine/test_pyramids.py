"""The levels of a pyramid: cut in one pass, each weighted by what it contributes to the score."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core import Adapter
from camkit_core.forward.counting import counting
from camkit_core.maps import upsample

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")
METHODS = ("gradcam", "hirescam", "layercam", "ablationcam", "scorecam", "eigencam")


class Pyramid(nn.Module):
    """Three levels, each made of the one before; class k reads the levels by the weights of row k.

    Level 1 is the image, each other level half the size of the one before.
    """

    weights = torch.tensor([[1.0, 0, 0], [0, 0, 2.0], [1.0, 2.0, -4.0], [0, 0, 0]])

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.third = nn.Identity(), nn.AvgPool2d(2), nn.AvgPool2d(2)

    def forward(self, images: Tensor) -> Tensor:
        first = self.first(images)
        second = self.second(first)
        third = self.third(second)
        means = [level[:, 0].mean((1, 2)) for level in (first, second, third)]
        return torch.stack(means, 1) @ self.weights.to(images).T


def pyramid(model: Pyramid) -> list[Adapter]:
    return [Adapter(model.first), Adapter(model.second), Adapter(model.third)]


def scene() -> Tensor:
    return torch.rand(2, 3, 8, 8, dtype=torch.float64, generator=torch.manual_seed(1))


def explained(target: Any, method: str = "hirescam", **settings: Any) -> camkit.Explanation:
    model = Pyramid()
    settings = {"adapter": pyramid(model), **settings}
    return camkit.explain(model, scene(), method, target, **settings)


@contextmanager
def runs_of(model: nn.Module) -> Iterator[list[int]]:
    runs: list[int] = []
    handle = model.register_forward_hook(lambda *_: runs.append(1))
    yield runs
    handle.remove()


def test_a_level_counts_by_its_share_of_gradient_times_activation() -> None:
    """Each level's mean of channel 0 is the same m, so the parts are w1 m, w2 m and w3 m."""
    explanation = explained(2)
    shares = explanation.provenance["level_shares"]
    assert list(shares) == ["first", "second", "third"]
    for level, share in zip(shares.values(), (1 / 7, 2 / 7, 4 / 7), strict=True):
        assert level == pytest.approx([share, share])
    red = scene()[:, 0]
    halves = [nn.functional.avg_pool2d(red, 2**k) if k else red for k in range(3)]
    units = [level / level.amax((1, 2), keepdim=True) for level in halves]
    signed = [sign * upsample(each, (8, 8)) for sign, each in zip((1, 1, -1), units, strict=True)]
    by_hand = sum(w / 7 * level for w, level in zip((1, 2, 4), signed, strict=True))
    torch.testing.assert_close(explanation.cam, by_hand)


@pytest.mark.parametrize("targets", [[2], [0, 1, 2]])
def test_one_backward_pass_gives_the_gradients_at_all_levels(targets: list[int]) -> None:
    """Each further pass would go through the heads once more, which take most of its time."""
    model = Pyramid()
    settings: dict[str, Any] = {"targets": targets, "adapter": pyramid(model)}
    camkit.compare(model, scene(), ["gradcam"], **settings)  # proofs take their own
    with counting() as counts:
        camkit.compare(model, scene(), ["gradcam", "hirescam"], **settings)
    assert counts["backward"] == len(targets) * len(scene())


@pytest.mark.parametrize("method", METHODS[:-1])
@pytest.mark.parametrize(("target", "level"), [(0, "first"), (1, "third")])
def test_a_level_that_the_score_does_not_read_adds_nothing(
    method: str, target: int, level: str
) -> None:
    """A level is cut off the others: "first", of which "third" is made, gets none of its part."""
    together = explained(target, method)
    alone = explained(target, method, adapter=None, layer=level)
    unit = alone.cam / alone.cam.abs().amax((1, 2), keepdim=True)
    torch.testing.assert_close(together.cam, upsample(unit, (8, 8)))
    assert together.layer == "first, second, third"


def test_a_method_that_asks_for_no_class_weighs_the_levels_alike() -> None:
    explanation = explained(0, "eigencam")
    shares = explanation.provenance["level_shares"].values()
    assert all(each == pytest.approx([1 / 3, 1 / 3]) for each in shares)
    without = explained(None, "eigencam", output=lambda output: {"boxes": output})
    torch.testing.assert_close(without.cam, explanation.cam)


def test_a_score_that_reads_no_level_is_blank_with_the_reason() -> None:
    explanation = explained(3)
    assert not bool(explanation.cam.any())
    assert "zero at every position of 'first, second, third'" in str(explanation.blank())


def test_several_targets_and_methods_take_one_forward_pass() -> None:
    model, images = Pyramid(), scene()[:1]
    with runs_of(model) as runs, counting() as passes:
        methods = ["gradcam", "hirescam", "layercam", "xgradcam"]
        camkit.compare(model, images, methods, [0, 1, 2], adapter=pyramid(model))
    assert (len(runs), passes["forward"]) == (1, 1)


@pytest.mark.parametrize("method", [*METHODS, "gradcam++", "smoothgradcam++"])
def test_the_layer_as_it_is_named_gives_the_same_map_to_the_last_bit(method: str) -> None:
    first = explained(2, method)
    again = explained(2, method, layer=first.layer)
    assert torch.equal(again.cam, first.cam)
    assert again.layer == first.layer
    listed = explained(2, method, layer=["third", "first", "second"])
    assert torch.equal(listed.cam, first.cam)


def test_layers_that_are_not_all_levels_keep_their_plain_mean() -> None:
    model = Pyramid()
    plain = camkit.explain(model, scene(), target=2, layer=["first", "second"], adapter=None)
    some = explained(2, "gradcam", layer=["first", "second"])
    assert torch.equal(some.cam, plain.cam)
    assert "level_shares" not in some.provenance


def test_what_reads_no_layer_is_run_once_and_is_as_of_one_layer() -> None:
    settings = {"samples": 20, "score": "score"}
    together = explained(2, "rise", **settings)
    alone = explained(2, "rise", adapter=None, layer="first", **settings)
    assert torch.equal(together.cam, alone.cam)
    assert together.layer == "first, second, third"


def test_edits_of_a_level_leave_the_others_as_they_are_and_run_the_tail_alone() -> None:
    model, images = Pyramid(), scene()[:1]
    settings = {"target": 2, "adapter": pyramid(model)}
    camkit.explain(model, images, "ablationcam", **settings)  # proves the tail
    with runs_of(model) as runs:
        explanation = camkit.explain(model, images, "ablationcam", **settings)
    assert len(runs) == 1
    by_hand = explained(2, "hirescam").cam[:1]  # the score is linear in channel 0
    torch.testing.assert_close(explanation.cam, by_hand)


def test_metrics_ask_for_one_layer() -> None:
    model = Pyramid()
    with pytest.raises(camkit.ArgumentError, match="these are 3; name one, such as layer='first'"):
        camkit.compare(model, scene(), targets=[2], adapter=pyramid(model), metrics=["area"])


def test_an_adapter_is_one_or_a_list() -> None:
    for wrong in ([], "first", [Adapter(nn.Identity()), 3]):
        with pytest.raises(camkit.CamkitError, match="a list of them for the levels of a pyramid"):
            explained(2, adapter=wrong)
