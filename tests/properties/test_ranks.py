"""Signals (N, C, L), volumes and videos (N, C, D, H, W): the same formulas on other grids."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

import camkit_core as camkit
from helpers import naive
from helpers.ranked import CONV, METHODS, POOL, SIZES, close, inputs, network
from helpers.toys import linear, tensor

pytestmark = pytest.mark.filterwarnings("ignore:blank map")


@pytest.mark.parametrize("layer", ["3", "6"])
@pytest.mark.parametrize("rank", [1, 3])
def test_a_method_gives_its_formula_from_whole_runs_one_channel_at_a_time(
    rank: int, layer: str, method: str
) -> None:
    model, images = network(*[3] * rank), inputs(rank)
    e = camkit.explain(model, images, method, lambda row: row[1], layer)
    adapter = camkit.Adapter(model.get_submodule(layer))
    assert close(e.cam, naive.cam(method, model, images, adapter, lambda row: row[1]))
    assert e.heatmap.shape == (2, *SIZES[rank])


@pytest.mark.parametrize("rank", [1, 3])
def test_scorecam_and_ablationcam_by_hand(rank: int) -> None:
    """Each input masked, each channel zeroed, in a plain loop."""
    model, images = network(*[3] * rank), inputs(rank)
    grid, tail = model[:6](images).detach(), model[6:]
    mode = "linear" if rank == 1 else "trilinear"
    for image in range(2):
        single = images[image : image + 1]
        drops, masked = torch.zeros(2, 5, dtype=torch.float64)
        for channel in range(5):
            without = grid[image : image + 1].clone()
            without[:, channel] = 0
            drops[channel] = (model(single) - tail(without))[0, 1].detach()
            seed = grid[image, channel][None, None]
            mask = nn.functional.interpolate(seed, SIZES[rank], mode=mode)
            mask = (mask - mask.min()) / (mask.max() - mask.min())
            masked[channel] = model(single * mask)[0, 1].detach()
        for method, weights in (("ablationcam", drops), ("scorecam", masked.softmax(0))):
            e = camkit.explain(model, images, method, 1, "5")
            assert close(e.cam[image], torch.tensordot(weights, grid[image], 1))


@pytest.mark.parametrize("rank", [1, 2])
def test_a_linear_layer_along_the_last_axis_is_no_flat_head(rank: int) -> None:
    """The columns of this layer's weight belong to positions of one axis, not to channels."""
    torch.manual_seed(0)
    sides = SIZES[rank]
    along, head = nn.Linear(sides[-1], 6), nn.Linear(4 * 6 * sides[0] ** (rank - 1), 3)
    layers = CONV[rank](2, 4, 1), along, nn.Tanh(), nn.Flatten(), head
    model, images = nn.Sequential(*layers).double(), inputs(rank)
    e = camkit.explain(model, images, "ablationcam", lambda row: row[1], "0")
    adapter = camkit.Adapter(model[0])
    assert close(e.cam, naive.cam("ablationcam", model, images, adapter, lambda row: row[1]))


@pytest.mark.parametrize("rank", [1, 3])
def test_behind_pooling_and_a_linear_layer_the_weights_are_known(rank: int) -> None:
    """The layer returns its input; the gradient of class 0 is W / positions at each position."""
    W = [[2.0, -1.0, 0.5], [0.0, 1.0, 0.0]]
    identity = CONV[rank](3, 3, 1, bias=False, dtype=torch.float64)
    nn.init.dirac_(identity.weight)
    model = nn.Sequential(identity, POOL[rank](1), nn.Flatten(), linear(W, [1, 0]))
    A = torch.rand(1, 3, *SIZES[rank], dtype=torch.float64) + 0.1
    places, S = A[0, 0].numel(), A.flatten(2).sum(2)[0]
    g = tensor(W[0]) / places
    wanted = {
        "gradcam": g,
        "xgradcam": g,
        "ablationcam": g * S,
        "gradcam++": places * g.clamp(min=0) / (2 + S * g.clamp(min=0)),
    }
    comparison = camkit.compare(model, A, list(wanted), [0], "0")
    for method, weights in wanted.items():
        assert close(comparison[0, method].cam[0], torch.tensordot(weights, A[0], 1))
    conserved = comparison[0, "xgradcam"].cam.sum() + 1
    assert float(conserved) == pytest.approx(float(comparison[0, 0].score), abs=1e-9)


@pytest.mark.parametrize(
    ("kernel", "flat", "axis"), [((1, 3), (3,), 2), ((1, 3, 3), (3, 3), 2)], ids=["1-D", "3-D"]
)
@pytest.mark.parametrize(
    "settings",
    [
        {"layer": "6"},
        {"layer": "6", "eigen_smooth": True},
        {"layer": ["3", "6"], "aug_smooth": True, "guided": True},
    ],
    ids=["plain", "eigen smooth", "two layers, mirrored, guided"],
)
@pytest.mark.parametrize("method", METHODS)
def test_an_axis_of_one_place_changes_nothing(
    method: str,
    settings: dict[str, Any],
    kernel: tuple[int, ...],
    flat: tuple[int, ...],
    axis: int,
) -> None:
    """A 2-D network on (N, C, 1, L) is its 1-D twin; a 3-D one on a single frame its 2-D twin."""
    deep, plain = network(*kernel), network(*flat)
    with torch.no_grad():
        for mine, other in zip(deep.parameters(), plain.parameters(), strict=True):
            mine.copy_(other.view_as(mine))
    images = inputs(len(flat))
    wanted = camkit.explain(plain, images, method, 1, **settings)
    e = camkit.explain(deep, images.unsqueeze(axis), method, 1, **settings)
    assert close(e.score, wanted.score)
    assert close(e.cam, wanted.cam.unsqueeze(1))
    assert torch.allclose(e.heatmap, wanted.heatmap.unsqueeze(1))
    if wanted.guided is not None:
        assert e.guided is not None
        assert torch.allclose(e.guided, wanted.guided.unsqueeze(axis))


@pytest.mark.parametrize("rank", [1, 3])
def test_maps_of_several_layers_come_at_the_finest_grid(rank: int) -> None:
    e = camkit.explain(network(*[3] * rank), inputs(rank), layer=["6", "3"])
    assert e.cam.shape == (2, *SIZES[rank])


def test_heatmaps_are_resized_along_every_axis() -> None:
    cam = torch.zeros(1, 2, 1, 2)
    cam[0, 1, 0, 0] = 3
    large = camkit.upsample(cam, (4, 2, 4))
    step = tensor([0, 0.25, 0.75, 1]).float()
    assert torch.allclose(large[0, :, 1], 3 * step[:, None] * step.flip(0))
    assert torch.equal(camkit.unit_range(large)[0], large[0] / 3)
