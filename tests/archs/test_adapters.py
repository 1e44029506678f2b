"""What the adapters say of torchvision's and timm's classes: layer, grid, and orientation."""

from __future__ import annotations

from copy import deepcopy
from itertools import product
from typing import Any

import pytest
import timm
import torch
import torchvision
from timm.models import vision_transformer
from timm.models.deit import VisionTransformerDistilled
from timm.models.vision_transformer import VisionTransformer
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core.plugins import get_registry
from camkit_core.target_layer.find import find_layer
from helpers.small_nets import FAMILIES, Net, enliven, small_net

pytestmark = pytest.mark.filterwarnings("ignore:blank map")

LAYERS = {
    "resnet": "layer4.0",
    "vgg": "features.8",
    "densenet": "features.norm5 > relu",
    "mnasnet": "layers.16",
    "vit": "encoder.layers.encoder_layer_2.ln_1",
    "timm_resnet": "layer4.0",
    "timm_vgg": "features.5",
    "timm_densenet": "features.norm5",
    "timm_mnasnet": "bn2",
    "timm_vit": "blocks.2.norm1",
}


def activations_of(model: nn.Module, images: Tensor, **settings: Any) -> Tensor:
    """What a method reads as `probe.activations`."""
    kept: list[Tensor] = []

    def look(probe: camkit.Probe) -> Tensor:
        kept.append(probe.activations)
        return probe.activations.sum(1)

    camkit.explain(model, images, look, 0, **settings)
    return kept[0]


def test_the_adapter_chooses_the_layer_and_says_so(net: Net) -> None:
    e = camkit.explain(net.model, net.images)
    assert e.layer == LAYERS[net.name]
    library = "timm" if net.name.startswith("timm") else "torchvision"
    assert e.adapter.startswith(f"{library}.models.")
    assert "camkit" in e.adapter


FULL = [
    (torchvision.models, "resnet18", "layer4.1"),
    (torchvision.models, "resnext50_32x4d", "layer4.2"),
    (torchvision.models, "wide_resnet50_2", "layer4.2"),
    (torchvision.models, "vgg11", "features.20"),
    (torchvision.models, "vgg16_bn", "features.43"),
    (torchvision.models, "densenet121", "features.norm5"),
    (torchvision.models, "mnasnet0_5", "layers.16"),
    (torchvision.models, "vit_b_16", "encoder.layers.encoder_layer_11.ln_1"),
    (timm, "resnet18", "layer4.1"),
    (timm, "seresnet50", "layer4.2"),
    (timm, "vgg11_bn", "features.28"),
    (timm, "densenet121", "features.norm5"),
    (timm, "mnasnet_100", "bn2"),
    (timm, "semnasnet_075", "bn2"),
    (timm, "vit_tiny_patch16_224", "blocks.11.norm1"),
    (timm, "deit_tiny_patch16_224", "blocks.11.norm1"),
    (timm, "deit_tiny_distilled_patch16_224", "blocks.11.norm1"),
    (timm, "deit3_small_patch16_224", "blocks.11.norm1"),
    (timm, "vit_small_patch14_reg4_dinov2", "blocks.11.norm1"),
]


@pytest.mark.parametrize(("library", "name", "layer"), FULL, ids=lambda value: str(value)[:40])
def test_models_by_name_have_an_adapter(library: Any, name: str, layer: str) -> None:
    """The model is built without memory, because the adapter reads only its structure."""
    with torch.device("meta"):
        model = (timm.create_model if library is timm else torchvision.models.get_model)(name)
    contribution = get_registry().adapter_for(type(model))
    assert contribution is not None
    adapter = contribution.load()(model, (224, 224))
    assert find_layer(model, adapter.layer)[0] == layer


def test_the_grid_follows_the_image(net: Net) -> None:
    cell = 4 if net.name == "timm_vgg" else 8
    sizes = [(32, 32)] if net.name == "vit" else [(32, 32), (64, 32), (32, 96)]
    for height, width in sizes:
        e = camkit.explain(net.model, torch.randn(1, 3, height, width, dtype=torch.float64))
        assert e.cam.shape == (1, height // cell, width // cell)
        assert e.heatmap.shape == (1, height, width)


def brightest(model: nn.Module, size: tuple[int, int], row: int, column: int) -> tuple[int, int]:
    """Where activations change most when the patch of one grid cell is made bright."""
    images = torch.zeros(2, 3, *size, dtype=torch.float64)
    rows, columns = activations_of(model, images).shape[2:]
    height, width = size[0] // rows, size[1] // columns
    images[1, :, row * height :, column * width :][:, :height, :width] = 3
    dark, bright = activations_of(model, images)
    return divmod(int((bright - dark).abs().sum(0).argmax()), columns)


@torch.no_grad()
def centred(model: nn.Module) -> nn.Module:
    """The model, in which only the centre of each kernel is not zero."""
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            height, width = module.kernel_size
            centre = torch.zeros(height, width, dtype=torch.float64)
            centre[height // 2, width // 2] = (height * width) ** 0.5
            module.weight.mul_(centre)
        if isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
    model.train()(torch.randn(16, 3, 32, 32, dtype=torch.float64))
    return model.eval()


@pytest.mark.parametrize("name", [name for name in FAMILIES if "vit" not in name])
def test_a_bright_patch_shows_where_it_is(name: str) -> None:
    """The cell may also be the next one, because pooling carries values there."""
    model = centred(deepcopy(small_net(name).model))
    for row, column in [(0, 11), (1, 8), (2, 3), (3, 0)]:
        position = brightest(model, (32, 96), row, column)
        assert 0 <= position[0] - row <= 1
        assert 0 <= position[1] - column <= 1


@pytest.mark.parametrize(("name", "size"), [("vit", (32, 32)), ("timm_vit", (32, 64))])
def test_a_bright_patch_of_a_transformer_shows_in_its_own_cell(
    name: str, size: tuple[int, int]
) -> None:
    """Each patch is changed in turn: no row is taken for a column, and no token for another."""
    for row, column in product(range(size[0] // 8), range(size[1] // 8)):
        assert brightest(small_net(name).model, size, row, column) == (row, column)


def transformer(kind: type[nn.Module] = VisionTransformer, **settings: Any) -> nn.Module:
    """A small vision transformer of timm's for images of 32x32 pixels."""
    shape = {"patch_size": 8, "embed_dim": 16, "depth": 2, "num_heads": 2, "num_classes": 5}
    return enliven(kind(img_size=32, **shape, **settings), size=32)


@pytest.mark.parametrize(
    ("prefix", "settings"),
    [
        (0, {"class_token": False, "global_pool": "avg"}),
        (1, {}),
        (1, {"global_pool": "avg"}),
        (1, {"no_embed_class": True}),
        (2, {"kind": VisionTransformerDistilled}),
        (5, {"reg_tokens": 4}),
        (5, {"reg_tokens": 4, "no_embed_class": True, "qk_norm": True, "init_values": 1.0}),
    ],
)
def test_prefix_tokens_are_counted_by_the_model(
    prefix: int, settings: dict[str, Any], method: str
) -> None:
    model, images = transformer(**settings), torch.randn(2, 3, 32, 32)
    assert model.num_prefix_tokens == prefix
    tokens: list[Tensor] = []
    with model.blocks[-1].norm1.register_forward_hook(lambda m, a, output: tokens.append(output)):
        e = camkit.explain(model, images, method, 1)
        assert e.cam.shape == (2, 4, 4)
    wanted = tokens[0][:, prefix:].transpose(1, 2).unflatten(2, (4, 4))
    assert torch.equal(activations_of(model, images), wanted)
    assert e.cam.abs().max() > 0


@pytest.mark.parametrize(
    ("block", "layer"),
    [
        (vision_transformer.ParallelScalingBlock, "blocks.1.in_norm"),
        (vision_transformer.DiffParallelScalingBlock, "blocks.1.in_norm"),
        (vision_transformer.ParallelThingsBlock, "blocks.0"),
    ],
)
def test_of_parallel_blocks_what_the_last_one_reads(block: Any, layer: str) -> None:
    e = camkit.explain(transformer(block_fn=block), torch.randn(2, 3, 32, 32), target=1)
    assert e.layer == layer
    assert e.cam.shape == (2, 4, 4)
    assert e.cam.abs().max() > 0


def test_the_channel_axis_is_found_and_may_be_given() -> None:
    """There are 16 tokens and 16 channels, so the wrong axis would ablate tokens."""
    model = transformer(class_token=False, global_pool="avg")
    images, layer = torch.randn(2, 3, 32, 32), model.blocks[-1].norm1
    grid = camkit.tokens_to_grid(4, 4)
    target = lambda row: row[1]  # noqa: E731 - not a class, so that channels are run
    maps = [
        camkit.explain(model, images, "ablationcam", target, adapter=adapter).cam
        for adapter in (camkit.Adapter(layer, grid, channel_axis=axis) for axis in (None, 2, -1, 1))
    ]
    assert torch.equal(maps[0], maps[1])
    assert torch.equal(maps[0], maps[2])
    assert not torch.allclose(maps[0], maps[3], rtol=0.1)


def test_a_reshape_that_mixes_channels_has_no_channel_axis() -> None:
    net = small_net("resnet")
    adapter = camkit.Adapter(net.model.layer4, lambda output: output.flip(1) + output)
    with pytest.raises(camkit.LayerError, match=r"cannot tell which axis .* holds the channels"):
        camkit.explain(net.model, net.images, "ablationcam", 1, adapter=adapter)


@pytest.mark.parametrize("size", [(32, 32), (48, 32), (32, 80)])
def test_a_dynamic_image_size_gives_a_dynamic_grid(size: tuple[int, int]) -> None:
    model = transformer(dynamic_img_size=True, reg_tokens=4)
    e = camkit.explain(model, torch.randn(2, 3, *size))
    assert e.cam.shape == (2, size[0] // 8, size[1] // 8)


def test_an_image_that_is_no_multiple_of_the_patch_is_padded_as_the_model_does() -> None:
    model = transformer(dynamic_img_size=True, dynamic_img_pad=True)
    assert camkit.explain(model, torch.randn(1, 3, 35, 50)).cam.shape == (1, 5, 7)


def test_a_transformer_made_for_images_and_patches_that_are_not_square() -> None:
    model = VisionTransformer((32, 48), (8, 4), num_classes=5, embed_dim=16, depth=2, num_heads=2)
    assert camkit.explain(model, torch.randn(1, 3, 32, 48)).cam.shape == (1, 4, 12)


@pytest.mark.parametrize("name", ["densenet", "timm_densenet"])
def test_densenets_default_is_what_its_classifier_reads(name: str) -> None:
    net = small_net(name)
    read = activations_of(net.model, net.images)
    assert bool((read >= 0).all())
    logits = net.model.classifier(read.mean((2, 3)))
    assert torch.allclose(logits, net.model(net.images), rtol=1e-12)
    e = camkit.explain(net.model, net.images, target=1)
    wanted = torch.einsum("c,nchw->nhw", net.model.classifier.weight[1], read) / 16
    assert torch.allclose(e.cam, wanted, rtol=1e-9, atol=1e-12)


def test_densenets_named_layer_is_that_layers_own_output() -> None:
    net = small_net("densenet")
    maps = net.model.features(net.images).detach()
    read = activations_of(net.model, net.images, layer="features.norm5")
    assert torch.equal(read, maps)
    assert bool((read < 0).any())
    named = camkit.explain(net.model, net.images, target=1, layer="features.norm5")
    default = camkit.explain(net.model, net.images, target=1)
    assert (named.layer, default.layer) == ("features.norm5", "features.norm5 > relu")
    again = camkit.explain(net.model, net.images, target=1, layer=default.layer)
    assert torch.equal(again.cam, default.cam)
    assert "layer given" in named.adapter
    assert not torch.allclose(named.cam, default.cam, rtol=0.1)


def test_a_model_no_adapter_knows_may_be_told_its_layer() -> None:
    model = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 2)
    )
    assert camkit.explain(model, torch.randn(2, 3, 8, 10), layer="1").adapter == (
        "no adapter, layer given"
    )
