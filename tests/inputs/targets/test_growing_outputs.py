"""Outputs with a list that has an entry for each row, as language models return image features."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit


class Listing(nn.Module):
    """Class scores, and before them a list of each image's features."""

    def __init__(self, listing: bool = True) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.listing = listing
        self.conv, self.head = nn.Conv2d(3, 6, 3), nn.Linear(6, 4)

    def forward(self, images: Tensor) -> dict[str, Any]:
        maps = self.conv(images).relu()
        features = {"features": list(maps.flatten(2))} if self.listing else {}
        return {**features, "logits": self.head(maps.mean((2, 3)))}


@pytest.mark.parametrize("method", ["gradcam", "ablationcam", "scorecam"])
@pytest.mark.parametrize("count", [1, 2])
def test_a_list_that_grows_with_the_images_changes_no_map(method: str, count: int) -> None:
    images = torch.randn(count, 3, 8, 8, generator=torch.Generator().manual_seed(1))
    maps = [
        camkit.explain(model.eval(), images, method, lambda output: output["logits"][2]).cam
        for model in (Listing(), Listing(listing=False))
    ]
    assert torch.equal(*maps)
