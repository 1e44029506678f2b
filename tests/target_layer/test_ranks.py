"""The layer that is found in models of signals, volumes and videos."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torchvision.models.video import r3d_18

import camkit_core as camkit
from camkit_core.inputs.prepare import Inputs
from camkit_core.target_layer.search.search import search
from camkit_core.target_layer.shapes import layout_of
from helpers.ranked import POOL, inputs, network

pytestmark = pytest.mark.filterwarnings("ignore:blank map")


def chosen_layer(model: nn.Module, images: Tensor) -> tuple[str, str]:
    e = camkit.explain(model, images)
    return e.layer, e.adapter.split(": ")[1].split(",")[0]


@pytest.mark.parametrize(("rank", "grid"), [(1, "NCL 7"), (3, "NCDHW 3x3x4")])
def test_of_a_convolutional_network_the_last_layer_before_pooling(rank: int, grid: str) -> None:
    head = POOL[rank](1), nn.Flatten(), nn.Linear(5, 3).double()
    model = nn.Sequential(*network(*[3] * rank)[:7], *head)
    assert chosen_layer(model.eval(), inputs(rank)) == ("6", grid)


class Patches(nn.Module):
    """The frame of a transformer: patches as tokens behind a class token that reads them all."""

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
    assert chosen_layer(model, images) == ("mixed", grid)
    cam = camkit.explain(model, images, target=1).cam
    sides = cam.shape[1:]
    by_hand = camkit.explain(
        model, images, target=1, layer="mixed",
        reshape_transform=lambda x: x[:, 1:].transpose(1, 2).unflatten(2, sides),
    )  # fmt: skip
    assert torch.equal(cam, by_hand.cam)


def test_where_places_and_channels_are_as_many_the_calls_tell_which_is_which() -> None:
    model = Patches(nn.Conv1d(2, 8, 4, 4), 8, prefix=0).eval()
    assert chosen_layer(model, torch.randn(1, 2, 32)) == ("mixed", "NLC 8")


def test_channels_are_not_taken_for_places_after_a_pooling_that_no_layer_shows() -> None:
    """There are 8 channels at 8 positions before the pooling, and at 4 positions after it."""

    class Halved(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return x.unflatten(2, (-1, 2)).mean(3)

    head = nn.Flatten(), nn.Linear(32, 3)
    wide, narrow = nn.Conv1d(2, 8, 3, padding=1), nn.Conv1d(2, 4, 3, padding=1)
    images = torch.randn(1, 2, 8)
    assert chosen_layer(nn.Sequential(wide, Halved(), *head), images) == ("0", "NCL 8")
    widened = nn.Sequential(narrow, nn.Conv1d(4, 8, 1), Halved(), *head)
    assert chosen_layer(widened, images) == ("1", "NCL 8")


def test_before_a_convolution_that_mixes_tokens_they_are_places() -> None:
    model = Patches(nn.Conv1d(2, 8, 4, 4), 8, prefix=0).eval()
    model.mixed = nn.Conv1d(12, 12, 1)
    assert chosen_layer(model, torch.randn(1, 2, 48)) == ("norm", "NLC 12")


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
        str(candidate.name): str(candidate.layout)
        for candidate in search(Inputs(model, inputs(1).float())).candidates
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
