"""A target layer for models that no adapter knows: found by one pass, read by its shape."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, ClassVar

import pytest
import timm
import torch
import torchvision
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core.forward.untouched import untouched
from camkit_core.inputs.prepare import Inputs
from camkit_core.layers.automatic import automatic_adapter, shortlist
from camkit_core.layers.candidates import find_candidates
from camkit_core.layers.hints import hints_of
from camkit_core.layers.layout import Layout, layout_of

pytestmark = pytest.mark.filterwarnings("ignore::camkit_core.CamkitWarning")


# Shapes


@pytest.mark.parametrize(
    ("shape", "size", "found"),
    [
        ((1, 512, 7, 7), (224, 224), "NCHW 7x7"),
        ((1, 7, 7, 768), (224, 224), "NHWC 7x7"),
        ((1, 2048, 8, 8), (299, 299), "NCHW 8x8"),
        ((1, 64, 7, 10), (224, 320), "NCHW 7x10"),
        ((1, 10, 7, 64), (320, 224), "NHWC 10x7"),
        ((1, 14, 14, 16), (224, 224), "NHWC 14x14"),
        ((1, 196, 192), (224, 224), "NLC 14x14"),
        ((1, 197, 192), (224, 224), "NLC 1 + 14x14"),
        ((1, 198, 192), (224, 224), "NLC 2 + 14x14"),
        ((1, 201, 192), (224, 224), "NLC 5 + 14x14"),
        ((1, 281, 192), (224, 320), "NLC 1 + 14x20"),
        ((1, 192, 196), (224, 224), "NCL 14x14"),
        ((1, 512, 1, 1), (224, 224), "None"),
        ((1, 3, 197, 64), (224, 224), "None"),
        ((1, 1000), (224, 224), "None"),
        ((1, 1, 256), (224, 224), "None"),
        ((1, 2, 256), (224, 224), "None"),
        ((1, 199, 192), (224, 224), "None"),
        ((1, 64, 40, 10), (224, 224), "None"),
    ],
)
def test_a_shape_tells_its_layout(
    shape: tuple[int, ...], size: tuple[int, int], found: str
) -> None:
    assert str(layout_of(shape, size)) == found


def test_prefix_tokens_that_the_model_states_come_first() -> None:
    assert layout_of((1, 9, 8), (32, 32)) == Layout("NLC", (3, 3))
    assert layout_of((1, 9, 8), (32, 32), (5, 0)) == Layout("NLC", (2, 2), 5)


@pytest.mark.parametrize("layout", ["NCHW", "NHWC", "NLC", "NCL"])
def test_a_layout_reads_its_own_output(layout: Any) -> None:
    grid = torch.randn(2, 4, 3, 5)
    tokens = grid.flatten(2).transpose(1, 2)
    written = {
        "NCHW": grid,
        "NHWC": grid.permute(0, 2, 3, 1),
        "NLC": torch.cat([torch.zeros(2, 2, 4), tokens], 1),
        "NCL": tokens.transpose(1, 2),
    }[layout]
    reshape = Layout(layout, (3, 5), 2 if layout == "NLC" else 0).reshape or (lambda output: output)
    assert torch.equal(reshape(written), grid)


# Models


class Patches(nn.Module):
    """A transformer for 16x24 images in patches of 4, with prefix tokens read by the head."""

    def __init__(self, prefix: int = 1, channels_last: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.embed = nn.Conv2d(3, 8, 4, 4)
        self.tokens = nn.Parameter(torch.randn(1, prefix, 8))
        self.blocks = nn.ModuleList([Block(), Block()])
        self.norm, self.head = nn.LayerNorm(8), nn.Linear(8, 5)

    def forward(self, images: Tensor) -> Tensor:
        x = self.embed(images).flatten(2).transpose(1, 2)
        x = torch.cat([self.tokens.expand(len(x), -1, -1), x], 1)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x[:, 0]))


class Block(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.norm1, self.attn, self.norm2 = nn.LayerNorm(8), Attention(), nn.LayerNorm(8)
        self.mlp = nn.Sequential(nn.Linear(8, 16), nn.GELU(), nn.Linear(16, 8))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attn(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class Attention(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.qkv, self.proj = nn.Linear(8, 24), nn.Linear(8, 8)

    def forward(self, x: Tensor) -> Tensor:
        q, k, v = self.qkv(x).chunk(3, -1)
        return self.proj((q @ k.transpose(1, 2)).softmax(-1) @ v)


def found(model: nn.Module, *size: int) -> tuple[str, str]:
    """The layer that is taken, and how it is read."""
    *_, chosen = shortlist(find_candidates(Inputs(model.eval(), torch.randn(2, 3, *size))), model)
    return chosen.name, str(chosen.layout)


@pytest.mark.parametrize("prefix", [1, 2, 5])
def test_of_a_transformer_the_norm_before_the_last_attention(prefix: int) -> None:
    """Not the projections in it, and nothing after it, where only the class token counts."""
    assert found(Patches(prefix), 16, 24) == ("blocks.1.norm1", f"NLC {prefix} + 4x6")


def test_of_a_convolutional_network_the_last_layer_before_pooling() -> None:
    layers = nn.Conv2d(3, 4, 3), nn.ReLU(True), nn.Conv2d(4, 4, 3), nn.ReLU(True)
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3))
    assert found(model, 12, 16) == ("3", "NCHW 8x12")


def test_maps_of_the_classes_come_after_what_is_explained() -> None:
    layers = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 5, 1), nn.ReLU()
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten())
    assert found(model, 12, 12) == ("1", "NCHW 10x10")


def test_layers_that_run_twice_or_that_the_score_does_not_read_are_left_out() -> None:
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
    assert found(model, 12, 12) == ("stem", "NCHW 10x10")
    reach = {
        one.name: one.reach for one in find_candidates(Inputs(model, torch.randn(1, 3, 12, 12)))
    }
    assert reach["unread"] == 0
    assert "twice" not in reach


def test_the_map_is_that_of_the_layer_named_and_read_by_hand() -> None:
    model, images = Patches(2).eval(), torch.randn(2, 3, 16, 24)
    alone = camkit.explain(model, images, target=3)
    reshape = camkit.tokens_to_grid(4, 6, prefix=2)
    by_hand = camkit.explain(model, images, "gradcam", 3, "blocks.1.norm1", reshape)
    assert torch.equal(alone.cam, by_hand.cam)
    assert alone.layer == "blocks.1.norm1"
    assert alone.adapter == (
        "automatic: NLC 2 + 4x6, its gradient reaches 100% of it; the last of 7 such layers"
    )


def test_the_search_is_one_pass_the_first_time_only() -> None:
    model, runs = Patches(), []
    model.embed.register_forward_pre_hook(lambda module, args: runs.append(len(args[0])))
    images = torch.randn(2, 3, 16, 24)
    for _ in range(2):
        camkit.explain(model.eval(), images)
    assert runs == [1, 2, 2]
    camkit.explain(model, torch.randn(1, 3, 24, 16))
    assert runs == [1, 2, 2, 1, 1]


@pytest.mark.parametrize("method", ["gradcam++", "xgradcam", "ablationcam", "scorecam"])
def test_every_method_takes_it(method: str) -> None:
    e = camkit.explain(Patches().eval(), torch.randn(2, 3, 16, 24), method)
    assert e.cam.shape == (2, 4, 6)
    assert e.heatmap.shape == (2, 16, 24)


def test_what_a_layer_reads_itself_is_not_what_it_hands_on() -> None:
    """As backbones do that return their last activations and the mean of them."""

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

    assert found(Model(), 12, 12) == ("backbone.conv", "NCHW 10x10")


def test_the_gradient_is_that_before_a_change_in_place() -> None:
    """Of what is left of a zero no gradient comes, but the layer before it has one."""
    model = nn.Sequential(nn.Conv2d(3, 4, 3), nn.ReLU(True), nn.AvgPool2d(10), nn.Flatten())
    nn.init.constant_(model[0].bias, -9.0)
    reach = {
        one.name: one.reach for one in find_candidates(Inputs(model, torch.randn(1, 3, 12, 12)))
    }
    assert reach == {"0": 0.0, "1": 1.0}


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


def test_on_the_meta_device_shapes_decide() -> None:
    model = Patches().to("meta").eval()
    candidates = find_candidates(Inputs(model, torch.zeros(1, 3, 16, 24, device="meta")))
    *_, chosen = shortlist(candidates, model)
    assert (chosen.name, chosen.reach) == ("blocks.1.norm1", None)


def test_maps_of_the_classes_are_known_by_their_number_where_there_are_no_values() -> None:
    layers = nn.Conv2d(3, 4, 3), nn.ReLU(), nn.Conv2d(4, 5, 1)
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten()).to("meta")
    candidates = find_candidates(Inputs(model, torch.zeros(1, 3, 12, 12, device="meta")))
    *_, chosen = shortlist(candidates, model)
    assert chosen.name == "1"


def test_a_search_that_finds_nothing_is_one_pass_too() -> None:
    runs = []
    model = nn.Sequential(nn.Flatten(), nn.Linear(48, 3))
    model.register_forward_pre_hook(lambda module, args: runs.append(len(args[0])))
    with pytest.raises(camkit.NoAdapter):
        camkit.explain(model.eval(), torch.randn(2, 3, 4, 4))
    assert runs == [1]


def test_the_search_is_one_backward_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    calls = []
    real = torch.autograd.grad
    monkeypatch.setattr(torch.autograd, "grad", lambda *a, **k: calls.append(1) or real(*a, **k))
    model = Patches().eval()
    for expected in (2, 3):
        camkit.explain(model, torch.randn(1, 3, 16, 24))
        assert len(calls) == expected


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


@pytest.mark.parametrize(("library", "name", "size", "layer", "layout"), FULL)
def test_of_full_size_networks(library: Any, name: str, size: int, layer: str, layout: str) -> None:
    torch.manual_seed(0)
    model = library.create_model(name) if library is timm else library.get_model(name)
    assert found(model, size, size) == (layer, layout)


def test_behind_a_head_of_zeros_the_shapes_decide() -> None:
    model = Patches()
    nn.init.zeros_(model.head.weight)
    assert found(model, 16, 24) == ("blocks.1.norm1", "NLC 1 + 4x6")


def test_where_memory_does_not_allow_a_graph_the_shapes_decide(monkeypatch: Any) -> None:
    model, images = Patches().eval(), torch.randn(1, 3, 16, 24)
    expected = camkit.explain(Patches().eval(), images)

    def refuse(*_: Any, **__: Any) -> None:
        raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 GB")

    with monkeypatch.context() as patch:
        patch.setattr("camkit_core.layers.candidates.torch.autograd.grad", refuse)
        with untouched(model):
            adapter, why = automatic_adapter(Inputs(model, images))
    found = camkit.explain(model, images, adapter=adapter)
    assert "by its shape alone" in why
    assert (found.layer, found.cam.tolist()) == (expected.layer, expected.cam.tolist())


def test_any_other_error_of_the_search_is_passed_on(monkeypatch: Any) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise RuntimeError("no kernel")

    monkeypatch.setattr("camkit_core.layers.candidates.torch.autograd.grad", refuse)
    with pytest.raises(RuntimeError, match="no kernel"):
        camkit.explain(Patches(), torch.randn(1, 3, 16, 24))


def test_without_values_channels_as_many_as_an_embedding_are_no_classes() -> None:
    """A model without a classifier gives as many numbers as each of its layers has channels."""
    with torch.device("meta"):
        model = Patches(prefix=0)
        model.head = nn.Identity()
        model.forward = lambda x: model.norm(walked(model, x)).mean(1)  # type: ignore[method-assign]
        *_, chosen = shortlist(find_candidates(Inputs(model, torch.zeros(1, 3, 16, 24))), model)
        assert chosen.name == "norm"


def walked(model: Any, images: Tensor) -> Tensor:
    x = model.embed(images).flatten(2).transpose(1, 2)
    for block in model.blocks:
        x = block(x)
    return x
