"""Signals (N, C, L), volumes and videos (N, C, D, H, W): the same formulas on other grids."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torchvision.models.video import r3d_18

import camkit_core as camkit
from camkit_core import load_raw
from camkit_core.inputs.images import as_batch
from camkit_core.inputs.prepare import Inputs
from camkit_core.layers.candidates import find_candidates
from camkit_core.layers.layout import layout_of
from camkit_methods import GradCAM
from helpers import naive
from helpers.toys import linear, tensor

pytestmark = pytest.mark.filterwarnings("ignore:blank map")

CONV: dict[int, Any] = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}
NORM: dict[int, Any] = {1: nn.BatchNorm1d, 2: nn.BatchNorm2d, 3: nn.BatchNorm3d}
POOL: dict[int, Any] = {
    1: nn.AdaptiveAvgPool1d, 2: nn.AdaptiveAvgPool2d, 3: nn.AdaptiveAvgPool3d
}  # fmt: skip
SIZES = {1: (13,), 2: (7, 12), 3: (5, 6, 8)}
METHODS = ["gradcam", "gradcam++", "xgradcam", "ablationcam", "scorecam", "guided_backprop"]


def network(*kernel: int) -> nn.Sequential:
    """Two convolutions of a kernel, the second of stride 2 where the kernel is wide, and a head.

    Its "3" and "6" are ReLUs after the first and the second.
    """
    torch.manual_seed(0)
    rank, around = len(kernel), tuple(side // 2 for side in kernel)
    halved = tuple(1 if side == 1 else 2 for side in kernel)
    model = nn.Sequential(
        CONV[rank](2, 4, kernel, padding=around), NORM[rank](4), nn.Tanh(), nn.ReLU(),
        CONV[rank](4, 5, kernel, halved, around), NORM[rank](5), nn.ReLU(),
        POOL[rank](halved), nn.Flatten(), nn.Linear(5 * 2 ** (sum(halved) - rank), 6),
        nn.Tanh(), nn.Linear(6, 3),
    ).double()  # fmt: skip
    for norm in (model[1], model[5]):
        nn.init.normal_(norm.bias)
        nn.init.uniform_(norm.running_mean, -0.2, 0.2)
    return model.eval()


def inputs(rank: int) -> Tensor:
    """Two inputs of a rank."""
    return torch.randn(2, 2, *SIZES[rank], dtype=torch.float64)


def close(given: Tensor, wanted: Tensor) -> bool:
    """Equal, of one shape, and not for being zero."""
    assert given.shape == wanted.shape
    assert bool(wanted.any())
    return bool((given - wanted).abs().max() <= 1e-9)


# Formulas


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
        one = images[image : image + 1]
        drops, seen = torch.zeros(2, 5, dtype=torch.float64)
        for channel in range(5):
            without = grid[image : image + 1].clone()
            without[:, channel] = 0
            drops[channel] = (model(one) - tail(without))[0, 1].detach()
            seed = grid[image, channel][None, None]
            mask = nn.functional.interpolate(seed, SIZES[rank], mode=mode)
            mask = (mask - mask.min()) / (mask.max() - mask.min())
            seen[channel] = model(one * mask)[0, 1].detach()
        for method, weights in (("ablationcam", drops), ("scorecam", seen.softmax(0))):
            e = camkit.explain(model, images, method, 1, "5")
            assert close(e.cam[image], torch.tensordot(weights, grid[image], 1))


@pytest.mark.parametrize("rank", [1, 2])
def test_a_linear_layer_along_the_last_axis_is_no_flat_head(rank: int) -> None:
    """Whatever reads one axis only cannot be read column by column of its weight."""
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
    """A layer that hands its input on; the gradient of class 0 is W / places at each place."""
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
    found = camkit.compare(model, A, list(wanted), [0], "0")
    for method, weights in wanted.items():
        assert close(found[0, method].cam[0], torch.tensordot(weights, A[0], 1))
    conserved = found[0, "xgradcam"].cam.sum() + 1
    assert float(conserved) == pytest.approx(float(found[0, 0].score), abs=1e-9)


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


# What is taken for what


@pytest.mark.parametrize(
    ("kernel", "shape", "batch"),
    [
        ((3,), (2, 2, 9), (2, 2, 9)),
        ((3,), (2, 9), (1, 2, 9)),
        ((3,), (2, 2, 7, 9), (2, 2, 7, 9)),
        ((3, 3), (2, 7, 9), (1, 2, 7, 9)),
        ((3, 3), (2, 2, 7, 9), (2, 2, 7, 9)),
        ((3, 3, 3), (2, 5, 7, 9), (1, 2, 5, 7, 9)),
        ((3, 3, 3), (2, 2, 5, 7, 9), (2, 2, 5, 7, 9)),
        ((), (2, 7, 9), (1, 2, 7, 9)),
        ((), (2, 2, 7, 9), (2, 2, 7, 9)),
    ],
)
def test_the_first_convolution_tells_a_single_input_from_a_batch(
    kernel: tuple[int, ...], shape: tuple[int, ...], batch: tuple[int, ...]
) -> None:
    model = network(*kernel) if kernel else nn.Sequential(nn.Flatten(), nn.Linear(9, 2))
    assert as_batch(torch.zeros(shape), model).shape == batch


@pytest.mark.parametrize(
    ("kernel", "shape"),
    [((3,), (9,)), ((3,), (1, 1, 2, 7, 9)), ((3, 3), (2, 2, 5, 7, 9)), ((3, 3, 3), (7, 9))],
)
def test_other_numbers_of_axes_are_refused(kernel: tuple[int, ...], shape: tuple[int, ...]) -> None:
    with pytest.raises(camkit.InputError, match=r"signals \(N, C, L\).*volumes \(N, C, D, H, W\)"):
        as_batch(torch.zeros(shape), network(*kernel))


@pytest.mark.parametrize(("rank", "letters"), [(1, "l"), (3, "d, h, w")])
def test_errors_speak_of_the_grid_that_is_expected(rank: int, letters: str) -> None:
    model, images = network(*[3] * rank), inputs(rank)
    with pytest.raises(camkit.LayerError, match=rf"expected activations \(N, C, {letters}\)"):
        camkit.explain(model, images, layer="8")
    with pytest.raises(camkit.CamkitError, match=rf"must return a map \(N, {letters}\)"):
        camkit.explain(model, images, lambda probe: probe.activations, layer="6")


def test_the_class_form_gives_arrays_of_the_inputs_shape() -> None:
    model, images = network(3), inputs(1)
    given = GradCAM(model=model, target_layers=[model[6]])(images, target_category=1)
    assert given.shape == (2, 13)


# The layer that is found


def found(model: nn.Module, images: Tensor) -> tuple[str, str]:
    e = camkit.explain(model, images)
    return e.layer, e.adapter.split(": ")[1].split(",")[0]


@pytest.mark.parametrize(("rank", "grid"), [(1, "NCL 7"), (3, "NCDHW 3x3x4")])
def test_of_a_convolutional_network_the_last_layer_before_pooling(rank: int, grid: str) -> None:
    head = POOL[rank](1), nn.Flatten(), nn.Linear(5, 3).double()
    model = nn.Sequential(*network(*[3] * rank)[:7], *head)
    assert found(model.eval(), inputs(rank)) == ("6", grid)


class Patches(nn.Module):
    """A transformer's frame: patches as tokens, after a class token, which reads them all."""

    def __init__(self, conv: nn.Module, width: int, prefix: int = 1) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed, self.token = conv, nn.Parameter(torch.randn(1, prefix, width))
        self.norm, self.mixed = nn.LayerNorm(width), nn.Linear(width, width)
        self.head = nn.Linear(width, 3)

    def forward(self, images: Tensor) -> Tensor:
        x = self.embed(images).flatten(2).transpose(1, 2)
        x = self.mixed(self.norm(torch.cat([self.token.expand(len(x), -1, -1), x], 1)))
        return self.head(x.softmax(1).square().mean(1))


@pytest.mark.parametrize(
    ("conv", "shape", "grid"),
    [
        (nn.Conv1d(2, 8, 4, 4), (1, 2, 48), "NLC 1 + 12"),
        (nn.Conv3d(2, 8, (2, 4, 4), (2, 4, 4)), (1, 2, 6, 8, 12), "NLC 1 + 3x2x3"),
    ],
    ids=["1-D", "3-D"],
)
def test_tokens_lie_on_the_grid_they_were_cut_on(
    conv: nn.Module, shape: tuple[int, ...], grid: str
) -> None:
    model, images = Patches(conv, 8).eval(), torch.randn(shape)
    assert found(model, images) == ("mixed", grid)
    cam = camkit.explain(model, images, target=1).cam
    sides = cam.shape[1:]
    by_hand = camkit.explain(
        model, images, target=1, layer="mixed",
        reshape_transform=lambda x: x[:, 1:].transpose(1, 2).unflatten(2, sides),
    )  # fmt: skip
    assert torch.equal(cam, by_hand.cam)


def test_where_places_and_channels_are_as_many_nothing_is_guessed() -> None:
    model = Patches(nn.Conv1d(2, 8, 4, 4), 8, prefix=0).eval()
    assert found(model, torch.randn(1, 2, 32)) == ("embed", "NCL 8")


def test_channels_are_not_taken_for_places_after_a_pooling_that_no_layer_shows() -> None:
    """As many channels, 8, as there are places before it; then 8 channels at 4 places."""

    class Halved(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.unflatten(2, (-1, 2)).mean(3)

    head = nn.Flatten(), nn.Linear(32, 3)
    wide, narrow = nn.Conv1d(2, 8, 3, padding=1), nn.Conv1d(2, 4, 3, padding=1)
    images = torch.randn(1, 2, 8)
    assert found(nn.Sequential(wide, Halved(), *head), images) == ("0", "NCL 8")
    widened = nn.Sequential(narrow, nn.Conv1d(4, 8, 1), Halved(), *head)
    assert found(widened, images) == ("0", "NCL 8")


def test_a_convolution_of_width_one_may_mix_tokens() -> None:
    model = Patches(nn.Conv1d(2, 8, 4, 4), 8, prefix=0).eval()
    model.mixed = nn.Conv1d(12, 12, 1)
    assert found(model, torch.randn(1, 2, 48)) == ("mixed", "NLC 12")


def test_a_convolution_over_channels_is_no_grid() -> None:
    """Efficient channel attention slides over the channels' means."""

    class Attention(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.slide = nn.Conv1d(1, 1, 3, padding=1)

        def forward(self, x: Tensor) -> Tensor:
            return x * self.slide(x.mean(2)[:, None]).transpose(1, 2)

    model = network(3).float()
    model[6] = nn.Sequential(nn.ReLU(), Attention())
    layouts = {
        one.name: str(one.layout) for one in find_candidates(Inputs(model, inputs(1).float()))
    }
    assert layouts["6.1"] == "NCL 7"
    assert "6.1.slide" not in layouts


@pytest.mark.parametrize(
    ("shape", "size", "latest", "layout"),
    [
        ((1, 512, 1, 4, 4), (4, 32, 32), (), "NCDHW 1x4x4"),
        ((1, 8, 7, 7, 768), (16, 224, 224), (), "NDHWC 8x7x7"),
        ((1, 512, 1, 1, 1), (4, 32, 32), (), "None"),
        ((1, 1569, 96), (16, 224, 224), (96, 8, 14, 14), "NLC 1 + 8x14x14"),
        ((1, 96, 1568), (16, 224, 224), (96, 8, 14, 14), "NCL 8x14x14"),
        ((1, 1568, 96), (16, 224, 224), (), "None"),
        ((1, 1568, 96), (16, 224, 224), (96, 8, 7, 7), "None"),
        ((1, 64, 125), (1000,), (32, 125), "NCL 125"),
        ((1, 125, 64), (1000,), (64, 125), "NLC 125"),
        ((1, 125, 125), (1000,), (64, 125), "None"),
        ((1, 125, 62), (1000,), (125, 125), "None"),
        ((1, 125, 1), (1000,), (64, 125), "None"),
        ((1, 125, 64), (1000,), (), "None"),
        ((1, 64, 5, 5), (1000,), (64, 125), "None"),
    ],
)
def test_a_shape_tells_its_layout(
    shape: tuple[int, ...], size: tuple[int, ...], latest: tuple[int, ...], layout: str
) -> None:
    assert str(layout_of(shape, size, latest=latest)) == layout


@pytest.mark.parametrize("method", ["gradcam", "xgradcam"])
def test_torchvisions_video_resnet_is_explained_by_default(method: str) -> None:
    model, videos = r3d_18().eval(), torch.randn(2, 3, 4, 32, 32)
    e = camkit.explain(model, videos, method)
    assert e.layer == "layer4"
    assert e.cam.shape == (2, 1, 2, 2)
    assert e.heatmap.shape == (2, 4, 32, 32)


# Pictures and files


@pytest.mark.parametrize(
    ("rank", "said"),
    [
        (1, r"cannot draw a map of shape \(13,\) as a picture; draw e.heatmap\[0\] as a line"),
        (3, r"cannot draw a map of shape \(5, 6, 8\) as a picture; draw e.heatmap\[0, t\] with"),
    ],
)
def test_what_is_no_picture_is_not_drawn(rank: int, said: str, tmp_path: Path) -> None:
    several = camkit.compare(network(*[3] * rank), inputs(rank), layer="6", guided=True)
    e, canvas = several[0, 0], torch.zeros(3, 8, 8)
    for draw in (
        lambda: e.render(),
        lambda: e.save(tmp_path / "e.png"),
        lambda: e.render("heatmap", image=canvas),
        lambda: e.render("guided_gradcam", image=canvas),
        lambda: several.render(),
    ):
        with pytest.raises(camkit.CamkitError, match=f"^{said}.*, or save a .npz$"):
            draw()
    assert e._repr_png_() is None
    assert several._repr_png_() is None


@pytest.mark.parametrize("rank", [1, 3])
def test_raw_values_are_saved_for_every_rank(rank: int, tmp_path: Path) -> None:
    e = camkit.explain(network(*[3] * rank), inputs(rank), layer="6", guided=True)
    arrays, _ = load_raw(e.save(tmp_path / "e.npz"))
    assert arrays["heatmap"].shape == (2, *SIZES[rank])
    assert arrays["guided"].shape == (2, 2, *SIZES[rank])
    assert torch.equal(torch.from_numpy(arrays["cam"]), e.cam)
