"""Targets share runs of the model; fast runs are options, are measured, and are noted."""

from __future__ import annotations

import pytest
import torch
from torch import nn

import camkit_core as camkit
from camkit_core import CamkitError
from camkit_core.forward.chunks import out_of_memory, run_in_chunks
from camkit_methods.ablationcam import ablationcam

METHODS = ("ablationcam", "scorecam")


def network():
    """Four channels, a head that is not affine, three classes."""
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 4, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten()
    return nn.Sequential(*layers, nn.Linear(16, 8), nn.ReLU(), nn.Linear(8, 3)).eval()


def rows_through(module, run, before=0):
    """How many rows a module's forward computes while `run` runs, after runs that count nothing.

    Behind other code, all is found and proved anew; so the first run computes more rows.
    """
    rows, forward = [], module.forward

    def counted(x):
        rows.append(len(x) if x.ndim == 4 else x.numel() // x.shape[-1])
        return forward(x)

    module.forward = counted
    try:
        for _ in range(before):
            run()
        rows.clear()
        run()
    finally:
        del module.forward
    return sum(rows)


X = torch.rand(1, 3, 8, 8, generator=torch.Generator().manual_seed(1))


def test_score_cam_runs_its_masks_once_for_all_targets():
    model = network()

    def rows(targets):
        ask = lambda: camkit.compare(model, X, ["scorecam"], targets, "1")  # noqa: E731
        return rows_through(model[0], ask, before=1)

    assert rows([0, 1, 2]) == rows([0]) == 1 + 4


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("options", [{}, {"variant": "paper"}])
def test_shared_runs_give_each_target_its_own_map(method, options):
    model = network()
    together = camkit.compare(model, X, [method], [0, 1, 2], "1", **options)
    for target in range(3):
        alone = camkit.explain(model, X, method, target, "1", **options)
        assert torch.allclose(together[target, 0].cam, alone.cam, atol=1e-6)
    assert not torch.allclose(together[0, 0].cam, together[1, 0].cam)


def test_ablating_to_the_mean_is_not_answered_by_ablating_to_zero():
    model = network()
    zero, mean = (
        camkit.explain(model, X, "ablationcam", 0, "1", ablate=value) for value in ("zero", "mean")
    )
    assert not torch.allclose(zero.cam, mean.cam)


def test_bfloat16_is_near_and_says_how_near():
    model = network()
    exact = camkit.explain(model, X, "scorecam", 0, "1")
    fast = camkit.explain(model, X, "scorecam", 0, "1", fast="bfloat16")
    assert not exact.notes
    assert any(
        "fast runs (bfloat16)" in note and "differ by at most" in note for note in fast.notes
    )
    assert 0 < (fast.cam - exact.cam).abs().max() < 0.05 * exact.cam.abs().max()


def test_a_cap_takes_the_most_varied_channels_and_says_so():
    model = network()
    capped = camkit.explain(model, X, "scorecam", 0, "1", max_channels=2)
    assert any("scored 2 of 4 channels" in note for note in capped.notes)
    ran = rows_through(
        model[0], lambda: camkit.explain(model, X, "scorecam", 0, "1", max_channels=2), before=1
    )
    assert ran == 1 + 2
    everything = camkit.explain(model, X, "scorecam", 0, "1", max_channels=4)
    assert torch.equal(everything.cam, camkit.explain(model, X, "scorecam", 0, "1").cam)


@pytest.mark.parametrize("spread", [0.001, 100.0])
def test_a_cap_is_near_whether_scores_lie_together_or_apart(spread):
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 32, 3, padding=1), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten()
    model = nn.Sequential(*layers, nn.Linear(128, 3)).eval()
    nn.init.normal_(model[4].weight, std=spread)
    exact, capped = (
        camkit.explain(model, X, "scorecam", 0, "1", max_channels=count) for count in (None, 24)
    )
    assert 0 < (capped.heatmap - exact.heatmap).abs().max() < 0.02


def test_a_cap_below_one_is_refused():
    with pytest.raises(
        CamkitError, match=r"max_channels= as an integer of at least 1 .* or None; got 0"
    ):
        camkit.explain(network(), X, "scorecam", 0, "1", max_channels=0)


def test_a_model_that_views_one_layout_only_is_run_in_that_layout():
    class Viewing(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer, self.head = nn.Conv2d(3, 4, 3, padding=1), nn.Linear(256, 3)

        def forward(self, x):
            return self.head(self.layer(x).relu().view(len(x), -1))

    model = Viewing().eval()
    views = camkit.explain(model, X, "scorecam", 0, "layer")
    model.forward = lambda x: model.head(model.layer(x).relu().flatten(1))
    assert torch.allclose(views.cam, camkit.explain(model, X, "scorecam", 0, "layer").cam)


def test_an_unknown_way_is_named():
    with pytest.raises(CamkitError, match="fast= of bfloat16, compile; got 'quick'"):
        camkit.explain(network(), X, "scorecam", 0, "1", fast=["quick"])


def test_running_out_of_memory_halves_the_chunk(monkeypatch):
    model = network()
    expected = camkit.explain(model, X, "scorecam", 0, "1").cam
    forward = model[0].forward

    def small(x):
        if len(x) > 1:
            raise torch.OutOfMemoryError("too much")
        return forward(x)

    monkeypatch.setattr(model[0], "forward", small)
    assert torch.allclose(camkit.explain(model, X, "scorecam", 0, "1").cam, expected, atol=1e-6)


def test_what_is_halved_stays_halved():
    sizes = []

    def run(rows):
        sizes.append(len(rows))
        if len(rows) > 3:
            raise torch.OutOfMemoryError("too much")
        return rows * 2

    rows = torch.arange(20.0)
    assert torch.equal(run_in_chunks(run, rows.split(10), 20, "rows"), rows * 2)
    assert sizes == [10, 5, 3, 3, 3, 1, 3, 3, 3, 1]


@pytest.mark.parametrize("batch_size", [4, 64])
def test_memory_that_runs_out_for_the_edits_themselves_halves_the_chunk_too(
    monkeypatch, batch_size
):
    expected = camkit.explain(network(), X, "scorecam", 0, "1").cam
    stack = torch.stack

    def small(tensors, *args):
        if len(tensors) > 2 and tensors[0].shape == X[0].shape:
            raise torch.OutOfMemoryError("too much")
        return stack(tensors, *args)

    monkeypatch.setattr(torch, "stack", small)
    halved = camkit.explain(network(), X, "scorecam", 0, "1", batch_size=batch_size).cam
    assert torch.allclose(halved, expected, atol=1e-6)


@pytest.mark.parametrize(
    "message",
    [
        "[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes",
        "MPS backend out of memory (MPS allocated: 9.06 GB)",
        "CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`",
    ],
)
def test_every_device_has_its_own_words_for_it(message):
    assert out_of_memory(RuntimeError(message))
    assert not out_of_memory(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))


@pytest.mark.parametrize("given", [0, 3, 5, 30])
def test_another_number_of_edits_than_said_is_an_error(given):
    def method(probe):
        edits = [probe.recording.raw.detach()] * given
        return probe.tail_scores(edits, 4).sum() * probe.activations.sum(1)

    with pytest.raises(CamkitError, match=f"expected 4 edits.*got {given}"):
        camkit.explain(network(), X, method, 0, "1", batch_size=2)


def without_a_word(probe):
    return ablationcam(probe)


@pytest.mark.parametrize(
    ("method", "passes"), [("gradcam", 1), ("ablationcam", 1 + 1), (without_a_word, 1 + 1 + 1)]
)
def test_what_follows_the_layer_is_noted_at_once_for_a_method_that_says_it_needs_it(method, passes):
    model, explanations = network(), []  # whose tail runs prove themselves with one more pass
    run = lambda: explanations.append(camkit.explain(model, X, method, 1, "1"))  # noqa: E731
    assert rows_through(model[0], run) == 1 + passes  # one finds how the layer lies
    expected = camkit.explain(model, X, "gradcam" if method == "gradcam" else "ablationcam", 1, "1")
    assert torch.equal(explanations[0].cam, expected.cam)
