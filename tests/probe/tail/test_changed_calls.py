"""A proof holds for the calls it was made with: another axis or layer needs another proof."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from helpers.small_cnn import close


class Softmaxed(nn.Module):
    """A softmax over one of the axes, between the layer and the head."""

    def __init__(self, axis: int) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.features, self.middle = nn.Conv2d(3, 4, 3), nn.Conv2d(4, 4, 3)
        self.head, self.axis = nn.Linear(4, 3), axis

    def forward(self, images: Tensor) -> Tensor:
        features = self.middle(self.features(images)).softmax(self.axis)
        return self.head((features * features).mean((2, 3)))


@pytest.mark.parametrize(("before", "now"), [(1, 0), (-1, -2), (1, -4)])
def test_a_changed_axis_needs_a_proof_of_its_own(before: int, now: int) -> None:
    images = torch.randn(4, 3, 8, 8)
    changed, fresh = Softmaxed(before).eval(), Softmaxed(now).eval()
    camkit.explain(changed, images, "ablationcam", 1, "features")
    changed.axis = now
    explained = camkit.explain(changed, images, "ablationcam", 1, "features")
    expected = camkit.explain(fresh, images, "ablationcam", 1, "features")
    assert close(explained.cam, expected.cam, 1e-6)
    assert explained.notes == expected.notes
