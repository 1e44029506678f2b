"""What a model's config and attributes hint at."""

from __future__ import annotations

from types import SimpleNamespace
from typing import ClassVar

import torch
from torch import Tensor, nn

from camkit_core.target_layer.hints import hints_of


def test_a_grid_that_the_model_states_goes_before_the_images_proportions() -> None:
    class Wide(nn.Module):
        feature_info: ClassVar = [{"reduction": 2}, {"reduction": 8}]

        def forward(self, images: Tensor) -> Tensor:
            return images

    hints = hints_of(Wide(), torch.zeros(1, 3, 36, 36))
    assert hints.grids == ((18, 18), (4, 4), (5, 5))
    assert str(hints.layout((1, 26, 8))) == "NLC 1 + 5x5"
    assert str(hints.layout((1, 17, 8))) == "NLC 1 + 4x4"


def test_a_config_states_patches_registers_and_latents() -> None:
    model = nn.Identity()
    model.config = SimpleNamespace(patch_size=8, num_register_tokens=8, num_latents=16)
    hints = hints_of(model, torch.zeros(1, 3, 32, 32))
    assert hints.prefixes[0] == 9
    assert str(hints.layout((1, 25, 4))) == "NLC 9 + 4x4"
    assert hints.layout((1, 16, 4)) is None
