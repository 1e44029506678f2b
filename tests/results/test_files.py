"""Raw values in files, of models in any dtype."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit


def network() -> nn.Module:
    torch.manual_seed(0)
    convolution = nn.Conv2d(3, 4, 3)
    return nn.Sequential(
        convolution, nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 5)
    ).eval()


def explained(dtype: torch.dtype | None) -> camkit.Explanation:
    images = torch.randn(2, 3, 8, 8, generator=torch.manual_seed(1))
    if dtype is not None:
        return camkit.explain(network().to(dtype), images, target=1, guided=True)
    with torch.autocast("cpu", torch.bfloat16):
        return camkit.explain(network(), images, target=1, guided=True)


@pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")
@pytest.mark.parametrize(
    ("dtype", "logits"),
    [
        (torch.bfloat16, np.float32),
        (None, np.float32),
        (torch.float16, np.float16),
        (torch.float64, np.float64),
    ],
)
def test_the_file_holds_the_values_of_a_model_of_any_dtype(
    dtype: torch.dtype | None, logits: type, tmp_path: Path
) -> None:
    """None: float32 under autocast to bfloat16."""
    explanation = explained(dtype)
    arrays, _ = camkit.load_raw(explanation.save(tmp_path / "a.npz"))
    assert arrays["logits"].dtype == logits
    for name in ("cam", "heatmap", "logits", "score", "target", "guided"):
        value: Tensor = getattr(explanation, name)
        assert arrays[name].tolist() == value.tolist(), name
    assert explanation.save(tmp_path / "a.png").exists()
