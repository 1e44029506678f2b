"""A method cannot change what the others see, nor the images, nor the explanations."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

import camkit_core as camkit
from camkit_core import PluginError, Probe
from camkit_core.pytree import own_copy
from camkit_core.testing.networks import attending, conv_net, some_images
from helpers.mutants.given import GREEDY

OTHERS = ("gradcam", "hirescam", "eigencam", "scorecam", "ablationcam")


def sums(probe: Probe) -> Tensor:
    """The map of a method that is only there to be one more."""
    return probe.activations.sum(1)


def compared(method: Any, others: tuple[str, ...] = OTHERS, **settings: Any) -> list[Tensor]:
    """The values of the others' explanations, beside a method that comes first."""
    images = some_images()
    before = images.clone()
    comparison = camkit.compare(
        conv_net(), images, [method, *others], [1, 2, 1], "layer", **settings
    )
    assert torch.equal(images, before)
    explanations = [row[column] for row in comparison.rows for column in range(1, len(others) + 1)]
    return [
        value for e in explanations for value in (e.cam, e.logits, e.score, e.images, e.heatmap)
    ]


@pytest.fixture(scope="module", params=[{}, {"eigen_smooth": True, "aug_smooth": True}])
def beside_sums(request: pytest.FixtureRequest) -> tuple[dict[str, Any], list[Tensor]]:
    """Settings, and what the others give with them beside a method that edits nothing."""
    torch.manual_seed(0)
    return request.param, compared(sums, **request.param)


@pytest.mark.parametrize("name", list(GREEDY))
def test_an_edit_of_what_a_method_is_given_is_its_own(
    name: str, beside_sums: tuple[dict[str, Any], list[Tensor]]
) -> None:
    settings, expected = beside_sums
    assert all(map(torch.equal, compared(GREEDY[name], **settings), expected))


def attention_first(probe: Probe) -> Tensor:
    for tensor in (*probe.attention.probabilities, *probe.attention.gradients):
        tensor.numpy()[:] = 0.5
    return sums(probe)


def full_gradients_first(probe: Probe) -> Tensor:
    probe.full_gradients.images.zero_()
    for tensor in probe.full_gradients.biases:
        tensor.zero_()
    return sums(probe)


def runs_first(probe: Probe) -> Tensor:
    for _ in range(2):
        probe.ablated_scores().zero_()
        probe.guided_gradients()[0].zero_()
        probe.hessian_times_activations.zero_()
        probe.of_probabilities().activations.zero_()
        for stage in probe.stages():
            stage.activations.zero_()
    return sums(probe)


@pytest.mark.parametrize(
    ("method", "others"),
    [
        (attention_first, ("attention_rollout", "chefer", "legrad")),
        (full_gradients_first, ("fullgrad",)),
        (runs_first, ("ablationcam", "guided_backprop", "shapleycam", "refinecam", "gradcam++")),
    ],
)
def test_so_is_what_takes_more_passes(method: Any, others: tuple[str, ...]) -> None:
    attends = "chefer" in others
    if attends:
        with attending():
            found, expected = compared(method, others), compared(sums, others)
    else:
        found, expected = compared(method, others), compared(sums, others)
    assert all(map(torch.equal, found, expected))


def test_a_tensor_that_a_method_keeps_changes_nothing_later() -> None:
    kept: list[Tensor] = []

    def keeps(probe: Probe) -> Tensor:
        for tensor in kept:
            tensor.zero_()
        kept.extend([probe.activations, probe.gradients, probe.images, torch.ones(2, 8, 8)])
        return kept[-1]

    assert all(map(torch.equal, compared(keeps), compared(sums)))
    comparison = camkit.compare(conv_net(), some_images(), [keeps], [1, 2], "layer")
    assert bool((comparison[0, 0].cam == 1).all())


def test_an_attribute_that_a_method_sets_is_seen_by_no_other() -> None:
    def sets(probe: Probe) -> Tensor:
        probe.activations = probe.gradients = torch.zeros_like(probe.activations)
        probe.batch_size = 1
        return sums(probe)

    assert all(map(torch.equal, compared(sets), compared(sums)))


@pytest.mark.parametrize(
    ("edit", "what"),
    [
        (lambda probe: probe.recording.raw.detach().numpy().fill(0), "probe.recording.raw"),
        (lambda probe: probe.recording.raw.data.mul_(2), "probe.recording.raw"),
        (lambda probe: probe.recording.images.zero_(), "probe.recording.images"),
        (lambda probe: probe.recording.output.detach().add_(1), "probe.recording.output"),
    ],
)
def test_a_recording_that_a_method_changes_is_put_back_and_the_method_named(
    edit: Callable[[Probe], Any], what: str
) -> None:
    def edits(probe: Probe) -> Tensor:
        edit(probe)
        return sums(probe)

    images = some_images()
    before = images.clone()
    with pytest.raises(PluginError, match=rf"^method 'edits' \(given\) changed {what}, which"):
        camkit.compare(conv_net(), images, [edits, "gradcam"], [1], "layer")
    assert torch.equal(images, before)


def test_a_method_that_changes_a_parameter_is_named() -> None:
    model = conv_net()

    def trains(probe: Probe) -> Tensor:
        with torch.no_grad():
            model.stem[0].weight.mul_(2)
        return sums(probe)

    with pytest.raises(
        PluginError,
        match=r"method 'trains' \(given\) changed the model's parameter 'stem.0.weight'",
    ):
        camkit.explain(model, some_images(), trains, 1, "layer")


def test_a_method_that_puts_a_parameter_back_may_change_it() -> None:
    model = conv_net()

    def borrows(probe: Probe) -> Tensor:
        with torch.no_grad():
            before = model.stem[0].weight.clone()
            model.stem[0].weight.zero_()
            model.stem[0].weight.copy_(before)
        return sums(probe)

    assert camkit.explain(model, some_images(), borrows, 1, "layer").method == "borrows"


@pytest.mark.parametrize(
    "tensor",
    [
        torch.arange(24.0).view(2, 3, 4),
        torch.arange(24.0).view(2, 3, 4).permute(2, 0, 1),
        torch.arange(40.0).view(2, 5, 4)[:, 1:],
        torch.arange(2.0)[:, None, None].expand(2, 3, 4),
        torch.arange(2.0)[:, None, None].expand(2, 3, 4).permute(1, 0, 2)[:, :1],
        torch.tensor(3.0),
    ],
)
def test_a_copy_is_read_in_the_order_of_the_original(tensor: Tensor) -> None:
    copied = own_copy(tensor)
    assert torch.equal(copied, tensor)
    several = [axis for axis, size in enumerate(tensor.shape) if size > 1]
    assert [copied.stride(axis) for axis in several] == [tensor.stride(axis) for axis in several]
    assert copied.untyped_storage().data_ptr() != tensor.untyped_storage().data_ptr()
