"""The layer and grid that adapters choose, family by family, and how the grid lies."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core.plugins import get_registry
from camkit_core.testing import check_adapter
from camkit_core.testing.random_weights import calibrated
from helpers.known_families import FAMILIES
from helpers.model_makers import Size

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")
CASES = [(name, size) for name, (_, _, grids) in FAMILIES.items() for size in grids]


def explained(model: nn.Module, image: Tensor) -> tuple[camkit.Explanation, Tensor]:
    """The explanation of an image, and the gradients (C, h, w) that its method reads."""
    kept: list[Tensor] = []

    def look(probe: camkit.Probe) -> Tensor:
        kept.append(probe.gradients[0])
        return probe.activations.sum(1)

    explanation = camkit.compare(model, image, ["gradcam", look])[0, 0]
    return explanation, kept[0]


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("name", "size"), CASES, ids=[f"{n} {h}x{w}" for n, (h, w) in CASES])
def test_a_family_is_known(name: str, size: Size) -> None:
    make, layer, grids = FAMILIES[name]
    torch.manual_seed(0)
    images = torch.randn(4, 3, *size)
    model = make(size)
    calibrated(model, images)
    e, gradients = explained(model, images[:1])
    assert e.layer == layer
    assert e.adapter.startswith(("timm", "torchvision", "transformers"))
    assert e.cam.shape[1:] == grids[size]
    assert bool(e.cam.isfinite().all())
    assert bool(e.cam.amax() > e.cam.amin())
    assert float((gradients != 0).any(0).float().mean()) >= 0.9
    adapter = get_registry().adapter_for(type(model))
    assert adapter is not None
    check_adapter(adapter.load(), model, [size])
