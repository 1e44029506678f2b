"""Each layout of a layer's output: every method gives what whole runs of the model give."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
import torchvision
from timm.models.hiera import Hiera
from timm.models.mlp_mixer import MlpMixer
from timm.models.swin_transformer import SwinTransformer
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core.forward.untouched import untouched
from camkit_core.inputs.prepare import Inputs
from camkit_core.target_layer.automatic import automatic
from helpers import naive

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")
METHODS = ("gradcam", "gradcam++", "xgradcam", "ablationcam", "scorecam")
TOKENS = {"img_size": (16, 24), "patch_size": 4, "num_classes": 4, "embed_dim": 16}
VIT = {**TOKENS, "depth": 2, "num_heads": 2}
SWIN = {"patch_size": 4, "embed_dim": 8, "num_classes": 4, "num_heads": (1, 2)}


class Patches(nn.Module):
    """Tokens (N, L, C) of a model without an adapter, merged two by two into a second stage."""

    def __init__(self) -> None:
        super().__init__()
        self.embed, self.norm = nn.Conv2d(3, 6, 4, 4), nn.LayerNorm(6)
        self.merge, self.last, self.tanh = nn.Linear(24, 12), nn.LayerNorm(12), nn.Tanh()
        self.head = nn.Linear(12, 4)

    def forward(self, images: Tensor) -> Tensor:
        grid = self.norm(self.embed(images).permute(0, 2, 3, 1)).relu()
        n, h, w, c = grid.shape
        fours = grid.view(n, h // 2, 2, w // 2, 2, c).transpose(2, 3).reshape(n, h * w // 4, 4 * c)
        return self.head(self.tanh(self.last(self.merge(fours))).mean(1))


def squeezed() -> nn.Module:
    """A SqueezeNet of 128 channels at its last layer, whose head has no closed form."""
    model = torchvision.models.squeezenet1_1(num_classes=4)
    model.features, model.classifier[1] = model.features[:5], nn.Conv2d(128, 4, 1)
    return model


LAYOUTS: dict[str, tuple[Callable[[], nn.Module], tuple[int, int]]] = {
    "NCHW": (squeezed, (24, 32)),
    "NHWC": (
        lambda: SwinTransformer(img_size=(32, 48), depths=(1, 1), window_size=2, **SWIN),
        (32, 48),
    ),
    "tokens": (lambda: MlpMixer(**{**TOKENS, "num_blocks": 2}), (16, 24)),
    "1 + tokens": (lambda: VisionTransformer(**VIT), (16, 24)),
    "5 + tokens": (lambda: VisionTransformer(**VIT, reg_tokens=4), (16, 24)),
    "tokens of stages": (Patches, (32, 48)),
    "tokens in mask units": (
        lambda: Hiera(img_size=(64, 96), stages=(1, 1, 1, 1), embed_dim=8, num_classes=4),
        (64, 96),
    ),
}


def made(layout: str) -> tuple[nn.Module, Tensor]:
    """A model of a layout with weights that are not zero, and two images; float64."""
    make, size = LAYOUTS[layout]
    torch.manual_seed(0)
    model = make().double().eval()
    for parameter in model.parameters():
        nn.init.normal_(parameter, std=0.3)
    return model, torch.randn(2, 3, *size, dtype=torch.float64)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("target", [2, lambda scores: scores[2]], ids=["class", "callable"])
def test_a_method_gives_what_whole_runs_give(layout: str, method: str, target: Any) -> None:
    """The layer is the automatic one. A class may be answered in closed form, a callable never."""
    model, images = made(layout)
    with untouched(model):
        adapter = automatic(Inputs(model, images), [None]).adapter(model)
    explanation = camkit.explain(model, images, method, target, adapter=adapter)
    wanted = naive.cam(method, model, images, adapter, lambda scores: scores[2])
    assert float(wanted.abs().max()) > 0
    torch.testing.assert_close(
        explanation.cam, wanted, rtol=1e-8, atol=1e-9 * float(wanted.abs().max())
    )


@pytest.mark.parametrize("layout", LAYOUTS)
def test_the_grid_has_the_images_proportions(layout: str) -> None:
    model, images = made(layout)
    height, width = camkit.explain(model, images).cam.shape[1:]
    assert abs(height * images.shape[3] / images.shape[2] - width) <= 1
