"""A target layer for models that no adapter knows, found in one pass."""

from __future__ import annotations

from typing import Any

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core.inputs.prepare import Inputs
from camkit_core.target_layer.search.search import search
from helpers.patches import Patches, chosen_layer

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")


@pytest.mark.parametrize("prefix", [1, 2, 5])
def test_of_a_transformer_the_norm_before_the_last_attention(prefix: int) -> None:
    """Neither the projections inside it nor what follows, where only the class token counts."""
    assert chosen_layer(Patches(prefix), 16, 24) == ("blocks.1.norm1", f"NLC {prefix} + 4x6")


def test_of_a_convolutional_network_the_last_layer_before_pooling() -> None:
    layers = nn.Conv2d(3, 4, 3), nn.ReLU(True), nn.Conv2d(4, 4, 3), nn.ReLU(True)
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    assert chosen_layer(model, 12, 16) == ("3", "NCHW 8x12")


def test_maps_of_the_classes_come_after_what_is_explained() -> None:
    layers = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 5, 1), nn.ReLU()
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert chosen_layer(model, 12, 12) == ("1", "NCHW 10x10")


def test_one_call_of_a_layer_that_runs_twice_is_chosen_and_what_is_not_read_is_left_out() -> None:
    class Odd(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.stem, self.twice = nn.Conv2d(3, 4, 3), nn.ReLU()
            self.unread, self.head = nn.Conv2d(4, 4, 3), nn.Linear(4, 3)

        def forward(self, images: Tensor) -> Tensor:
            x = self.twice(self.twice(self.stem(images)))
            self.unread(x)
            return self.head(x.mean((2, 3)))

    model = Odd().eval()
    assert chosen_layer(model, 12, 12) == ("twice#1", "NCHW 10x10")
    coverage = {
        str(candidate.name): candidate.reach
        for candidate in search(Inputs(model, torch.randn(1, 3, 12, 12))).candidates
    }
    assert coverage["unread"] == 0
    assert "twice" not in coverage


def test_the_map_is_that_of_the_layer_named_and_read_by_hand() -> None:
    model, images = Patches(2).eval(), torch.randn(2, 3, 16, 24)
    alone = camkit.explain(model, images, target=3)
    reshape = camkit.tokens_to_grid(4, 6, prefix=2)
    by_hand = camkit.explain(model, images, "gradcam", 3, "blocks.1.norm1", reshape)
    assert torch.equal(alone.cam, by_hand.cam)
    assert alone.layer == "blocks.1.norm1"
    assert alone.adapter == (
        "automatic: NLC 2 + 4x6, its gradient reaches 100% of it; the last of 6 such layers"
    )


def test_the_search_is_one_pass_the_first_time_only() -> None:
    model, runs = Patches(), []
    model.embed.register_forward_pre_hook(lambda module, args: runs.append(len(args[0])))
    images = torch.randn(2, 3, 16, 24)
    for _ in range(2):
        camkit.explain(model.eval(), images)
    # The search, the images, one of them alone to see whether they touch; then the images again.
    assert runs == [1, 2, 1, 2]
    camkit.explain(model, torch.randn(1, 3, 24, 16))
    assert runs == [1, 2, 1, 2, 1, 1]


@pytest.mark.parametrize("method", ["gradcam++", "xgradcam", "ablationcam", "scorecam"])
def test_every_method_takes_it(method: str) -> None:
    e = camkit.explain(Patches().eval(), torch.randn(2, 3, 16, 24), method)
    assert e.cam.shape == (2, 4, 6)
    assert e.heatmap.shape == (2, 16, 24)


def test_what_a_layer_reads_itself_is_not_what_it_hands_on() -> None:
    """Some backbones return their last activations and the mean of these."""

    class Backbone(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.conv = nn.Conv2d(3, 4, 3)

        def forward(self, images: Tensor) -> dict[str, Tensor]:
            maps = self.conv(images)
            return {"maps": maps, "pooled": maps.mean((2, 3))}

    class Model(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.backbone, self.head = Backbone(), nn.Linear(4, 3)

        def forward(self, images: Tensor) -> Tensor:
            return self.head(self.backbone(images)["pooled"])

    assert chosen_layer(Model(), 12, 12) == ("backbone.conv", "NCHW 10x10")


def test_the_gradient_is_that_before_a_change_in_place() -> None:
    """The in-place ReLU's output is zero and passes no gradient on; the layer before it has one."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(True), nn.AvgPool2d(10), nn.Flatten())
    nn.init.constant_(model[0].bias, -9.0)
    coverage = {
        str(candidate.name): candidate.reach
        for candidate in search(Inputs(model, torch.randn(1, 3, 12, 12))).candidates
    }
    assert coverage == {"0": 0.0, "1": 1.0}


FULL: list[tuple[Any, str, int, str, str]] = [
    (torchvision.models, "swin_t", 224, "permute", "NCHW 7x7"),
    (torchvision.models, "convnext_tiny", 64, "features", "NCHW 2x2"),
    (torchvision.models, "mobilenet_v3_small", 64, "features", "NCHW 2x2"),
    (torchvision.models, "googlenet", 96, "inception5b", "NCHW 3x3"),
    (timm, "swin_tiny_patch4_window7_224", 224, "norm", "NHWC 7x7"),
    (timm, "xcit_nano_12_p16_224", 224, "blocks.11", "NLC 14x14"),
    (timm, "cait_xxs24_224", 224, "blocks", "NLC 14x14"),
    (timm, "mixer_s32_224", 224, "norm", "NLC 7x7"),
    (timm, "beit_base_patch16_224", 224, "norm", "NLC 1 + 14x14"),
    (timm, "levit_128s", 224, "stages", "NLC 4x4"),
    (timm, "pvt_v2_b0", 224, "stages", "NCHW 7x7"),
    (timm, "convnext_atto", 64, "norm_pre", "NCHW 2x2"),
    (timm, "inception_v3", 160, "Mixed_7c", "NCHW 3x3"),
]


# Of blocks that are all alike, fewer.
SHALLOW: dict[str, dict[str, Any]] = {
    "swin_tiny_patch4_window7_224": {"depths": (2, 2, 2, 2)},
    "cait_xxs24_224": {"depth": 6},
    "beit_base_patch16_224": {"depth": 4},
}


@pytest.mark.parametrize(("library", "name", "size", "layer", "layout"), FULL)
def test_of_full_size_networks(library: Any, name: str, size: int, layer: str, layout: str) -> None:
    torch.manual_seed(0)
    made = library.create_model if library is timm else library.get_model
    model = made(name, **SHALLOW.get(name, {}))
    assert chosen_layer(model, size, size) == (layer, layout)


class Looped:
    """A target that holds itself."""

    def __init__(self) -> None:
        self.itself = self

    def __call__(self, logits: Tensor) -> Tensor:
        return logits[1]


def test_a_target_that_holds_itself_finds_a_layer() -> None:
    layers = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
    images = torch.randn(1, 3, 12, 12)
    assert camkit.explain(nn.Sequential(*layers), images, target=Looped()).layer == "1"


def test_a_class_as_target_is_refused_by_what_it_gives() -> None:
    layers = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)

    class Taking:
        def __init__(self, logits: Tensor) -> None:
            self.logits, self.own = logits, Taking

    with pytest.raises(camkit.TargetError, match="gave Taking; expected a scalar tensor"):
        camkit.explain(nn.Sequential(*layers), torch.randn(1, 3, 12, 12), target=Taking)
