"""Tokens (L, N, C), as `nn.Transformer` has them unless told otherwise."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core import LayerError
from camkit_core.plugins import get_registry
from helpers.few_runs import FEW

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")
METHODS = [row.name for row in get_registry().contributions("method")]
MANY_RUNS = ("scorecam", "groupcam", "iscam", "sscam", "smoothgradcam++", "rise", "drise")


class Transformer(nn.Module):
    """Two blocks on a 4x4 grid of patches, and a head on the mean token."""

    def __init__(self, batch_first: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.batch_first = batch_first
        self.patches, self.first = nn.Conv2d(3, 8, 4, 4), nn.LayerNorm(8)
        self.blocks = nn.ModuleList(
            nn.TransformerEncoderLayer(8, 2, 16, 0.0, norm_first=True, batch_first=batch_first)
            for _ in range(2)
        )
        self.norm, self.head = nn.LayerNorm(8), nn.Linear(8, 5)
        self.double().eval()

    def forward(self, images: Tensor) -> Tensor:
        tokens = self.patches(images).flatten(2).permute(2, 0, 1)
        tokens = self.first(tokens.transpose(0, 1) if self.batch_first else tokens)
        for block in self.blocks:
            tokens = block(tokens)
        return self.head(self.norm(tokens).mean(1 if self.batch_first else 0))


def explained(batch_first: bool, method: str, count: int, layer: str, **options: Any) -> Tensor:
    def reshape(tokens: Tensor) -> Tensor:
        rows = tokens if batch_first else tokens.transpose(0, 1)
        return rows.transpose(1, 2).unflatten(2, (4, 4))

    images = torch.randn(16, 3, 16, 16, dtype=torch.float64, generator=torch.manual_seed(1))
    targets = [image % 5 for image in range(count)]
    return camkit.explain(
        Transformer(batch_first), images[:count], method, targets, layer, reshape, **options
    ).cam


@pytest.mark.parametrize("count", [1, 3, 16])  # there are 16 tokens
@pytest.mark.parametrize("method", [name for name in METHODS if name not in MANY_RUNS])
def test_maps_are_those_of_the_tokens_batch_first(method: str, count: int) -> None:
    given, wanted = (
        explained(first, method, count, "first", **FEW.get(method, {})) for first in (False, True)
    )
    assert torch.allclose(given, wanted, rtol=1e-6, atol=1e-9 * float(wanted.abs().max()))


@pytest.mark.parametrize("count", [1, 3, 16])
@pytest.mark.parametrize(
    ("layer", "ablate"),
    [("first", "zero"), ("first", "mean"), ("norm", "zero")],  # `norm` is read by an affine head
)
def test_channels_are_ablated_image_by_image(layer: str, ablate: str, count: int) -> None:
    given, wanted = (
        explained(first, "ablationcam", count, layer, ablate=ablate) for first in (False, True)
    )
    assert torch.allclose(given, wanted, rtol=1e-6, atol=1e-9 * float(wanted.abs().max()))


@pytest.mark.parametrize("method", ["gradcam", "reciprocam", "chefer"])
def test_without_a_reshape_transform_the_error_says_what_to_pass(method: str) -> None:
    images = torch.randn(3, 3, 16, 16).double()
    with pytest.raises(LayerError, match=r"reshape_transform="):
        camkit.explain(Transformer(False), images, method, 0, "first")
