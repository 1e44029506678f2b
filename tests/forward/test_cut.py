"""Where a pass is cut: a layer that never runs is refused with advice."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core import LayerError


def test_a_layer_called_by_its_forward_is_refused_with_advice() -> None:
    class Direct(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv, self.head = nn.Conv2d(3, 4, 3), nn.Linear(4, 5)

        def forward(self, images: Tensor) -> Tensor:
            return self.head(self.conv.forward(images).relu().mean((2, 3)))

    with pytest.raises(LayerError, match=r"call it as layer\(x\) .* runs no hooks"):
        camkit.explain(Direct(), torch.rand(2, 3, 8, 8), layer="conv")
