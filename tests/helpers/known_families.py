"""Models of the families that adapters know, small where their classes allow it."""

from __future__ import annotations

from collections.abc import Callable

from timm.layers import GatedMlp
from timm.models.hiera import Hiera
from timm.models.mlp_mixer import MlpMixer, SpatialGatingBlock
from timm.models.mvitv2 import MultiScaleVit, MultiScaleVitCfg
from timm.models.volo import VOLO
from torch import nn
from torchvision.models.convnext import CNBlockConfig, ConvNeXt
from torchvision.models.maxvit import MaxVit
from torchvision.models.swin_transformer import SwinTransformer

from helpers.model_makers import (
    Size,
    of_class,
    of_huggingface,
    of_timm,
    of_torchvision,
    places,
    shallow,
)

BOUND = {"img_size": True}
INCEPTION = ["Mixed_5d", "Mixed_6c", "Mixed_6d", "Mixed_6e"]  # v3's blocks that repeat others
NARROW = {"depths": (1, 1, 1, 1), "embed_dim": 24}
TINY = {
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 64,
}
SWIN = {"embed_dim": 16, "depths": [1, 1, 1], "num_heads": [1, 2, 4], "window_size": 4}

# For each family: what makes the model, its layer, and the grid at each input size.
FAMILIES: dict[str, tuple[Callable[[Size], nn.Module], str, dict[Size, Size]]] = {
    "swin": (
        lambda size: SwinTransformer([4, 4], 24, [1, 1, 1, 1], [1, 2, 4, 8], [7, 7]),
        "norm",
        {(64, 64): (2, 2), (96, 160): (3, 5)},
    ),
    "swin timm": (
        of_timm("swin_tiny_patch4_window7_224", window_size=4, **NARROW, **BOUND),
        "norm",
        {(128, 128): (4, 4), (128, 256): (4, 8)},
    ),
    "swin v2": (
        of_timm("swinv2_tiny_window8_256", window_size=4, **NARROW, **BOUND),
        "norm",
        {(128, 128): (4, 4), (128, 256): (4, 8)},
    ),
    "swin v2 cr": (
        of_timm("swinv2_cr_tiny_224", window_size=4, **NARROW, **BOUND),
        "stages.3",
        {(128, 128): (4, 4), (128, 256): (4, 8)},
    ),
    "swin huggingface": (
        of_huggingface("Swin", image_size=64, **SWIN),
        "swin.layernorm",
        {(64, 64): (4, 4), (64, 96): (4, 6), (68, 72): (5, 5)},
    ),
    "swin v2 huggingface": (
        of_huggingface("Swinv2", image_size=64, **SWIN),
        "swinv2.layernorm",
        {(64, 64): (4, 4), (64, 128): (4, 8)},
    ),
    "convnext": (
        lambda size: ConvNeXt(
            [CNBlockConfig(16, 32, 1), CNBlockConfig(32, 64, 1), CNBlockConfig(64, None, 1)]
        ),
        "features.5",
        {(64, 96): (4, 6)},
    ),
    "convnext timm": (of_timm("convnext_atto"), "stages.3", {(64, 96): (2, 3)}),
    "convnext v2": (of_timm("convnextv2_atto"), "stages.3", {(96, 64): (3, 2)}),
    "convnext huggingface": (
        of_huggingface("ConvNext", hidden_sizes=[8, 8, 16, 16], depths=[1, 1, 1, 1]),
        "convnext.encoder.stages.3",
        {(64, 96): (2, 3)},
    ),
    "efficientnet": (of_torchvision("efficientnet_b0"), "features.8", {(64, 96): (2, 3)}),
    "efficientnet timm": (of_timm("efficientnet_b0"), "bn2", {(64, 96): (2, 3)}),
    "efficientnet huggingface": (
        of_huggingface(
            "EfficientNet", width_coefficient=1.0, depth_coefficient=1.0, hidden_dim=1280
        ),
        "efficientnet.encoder.top_activation",
        {(64, 96): (2, 3)},
    ),
    "mobilenet v1 huggingface": (
        of_huggingface("MobileNetV1", depth_multiplier=0.25),
        "mobilenet_v1.layer.25",
        {(64, 96): (2, 3)},
    ),
    "mobilenet v2": (of_torchvision("mobilenet_v2"), "features.18", {(64, 96): (2, 3)}),
    "mobilenet v2 huggingface": (
        of_huggingface("MobileNetV2", depth_multiplier=0.35),
        "mobilenet_v2.conv_1x1",
        {(64, 96): (2, 3)},
    ),
    "mobilenet v3": (of_torchvision("mobilenet_v3_small"), "features.12", {(64, 96): (2, 3)}),
    "mobilenet v3 timm": (of_timm("mobilenetv3_small_050"), "blocks.5", {(64, 96): (2, 3)}),
    "regnet": (of_torchvision("regnet_y_400mf"), "trunk_output.block4", {(64, 96): (2, 3)}),
    "regnet timm": (of_timm("regnetx_002"), "s4", {(64, 96): (2, 3)}),
    "regnet huggingface": (
        of_huggingface("RegNet", hidden_sizes=[8, 8, 16, 16], depths=[1] * 4, groups_width=8),
        "regnet.encoder.stages.3",
        {(64, 96): (2, 3)},
    ),
    "resnet huggingface": (
        of_huggingface("ResNet", hidden_sizes=[8, 8, 16, 16], depths=[1] * 4, embedding_size=8),
        "resnet.encoder.stages.3",
        {(64, 96): (2, 3)},
    ),
    "inception v1": (
        of_torchvision("googlenet", aux_logits=False, init_weights=False),
        "inception5b",
        {(64, 96): (2, 3)},
    ),
    "inception v3": (
        shallow(of_torchvision("inception_v3", aux_logits=False, init_weights=False), INCEPTION),
        "Mixed_7c",
        {(107, 139): (2, 3)},
    ),
    "inception v3 timm": (
        shallow(of_timm("inception_v3"), INCEPTION),
        "Mixed_7c",
        {(107, 139): (2, 3)},
    ),
    "inception v4": (
        shallow(of_timm("inception_v4"), places("features", 7, 8, 9, *range(12, 18), 19, 20)),
        "features.21",
        {(107, 139): (2, 3)},
    ),
    "inception-resnet v2": (
        shallow(
            of_timm("inception_resnet_v2"),
            [
                *places("repeat", *range(1, 10)),
                *places("repeat_1", *range(1, 20)),
                *places("repeat_2", *range(1, 9)),
            ],
        ),
        "conv2d_7b",
        {(107, 139): (2, 3)},
    ),
    "maxvit": (
        lambda size: MaxVit(
            size,
            stem_channels=16,
            partition_size=2,
            block_channels=[16, 16, 32, 32],
            block_layers=[1, 1, 1, 1],
            head_dim=8,
            stochastic_depth_prob=0.0,
        ),
        "blocks.3",
        {(64, 64): (2, 2)},
    ),
    "maxvit timm": (
        of_timm("maxvit_rmlp_pico_rw_256", depths=(1, 1, 1, 1), **BOUND),
        "norm",
        {(64, 64): (2, 2), (64, 128): (2, 4)},
    ),
    "maxvit timm, norm in the head": (
        of_timm("maxvit_tiny_tf_224", depths=(1, 1, 1, 1), embed_dim=(32, 32, 64, 64), **BOUND),
        "stages.3",
        {(64, 64): (2, 2)},
    ),
    "cait": (
        of_timm("cait_xxs24_224", depth=2, **BOUND),
        "blocks.1",
        {(64, 64): (4, 4), (64, 96): (4, 6)},
    ),
    "xcit": (
        of_timm("xcit_nano_12_p16_224", depth=2),
        "blocks.1",
        {(64, 64): (4, 4), (64, 96): (4, 6)},
    ),
    "volo": (
        of_class(VOLO, layers=(1, 1, 1, 1), embed_dims=(24, 48, 48, 48), num_heads=(2, 4, 4, 4)),
        "network.4",
        {(64, 64): (4, 4), (64, 96): (4, 6)},
    ),
    "mvit v2": (
        of_class(MultiScaleVit, cfg=MultiScaleVitCfg(depths=(1, 1, 1, 1), embed_dim=24)),
        "norm",
        {(64, 64): (2, 2)},
    ),
    "mvit v2 with a class token": (
        of_class(
            MultiScaleVit,
            cfg=MultiScaleVitCfg(depths=(1, 1, 1, 2), embed_dim=24, use_cls_token=True),
            global_pool="token",
        ),
        "stages.3.blocks.1.norm1",
        {(64, 64): (2, 2)},
    ),
    "pvt v2": (of_timm("pvt_v2_b0"), "stages.3", {(64, 96): (2, 3)}),
    "hiera": (
        of_class(Hiera, stages=(1, 1, 2, 1), embed_dim=24),
        "blocks.4",
        {(128, 128): (4, 4), (128, 192): (4, 6)},
    ),
    "beit": (
        of_timm("beit_base_patch16_224", depth=2, embed_dim=48, num_heads=2, **BOUND),
        "blocks.1.norm1",
        {(64, 64): (4, 4), (64, 96): (4, 6)},
    ),
    "eva": (
        of_timm("eva02_tiny_patch14_224", depth=2, num_classes=5, **BOUND),
        "blocks.1.norm1",
        {(56, 56): (4, 4), (56, 84): (4, 6)},
    ),
    "eva, norm afterwards": (
        of_timm("eva02_tiny_patch14_224", depth=3, num_classes=5, use_post_norm=True, **BOUND),
        "blocks.1",
        {(56, 56): (4, 4)},
    ),
    "dinov3": (
        of_timm("vit_small_patch16_dinov3", depth=2, num_classes=5),
        "blocks.1.norm1",
        {(64, 64): (4, 4), (64, 96): (4, 6)},
    ),
    "vit huggingface": (
        of_huggingface("ViT", image_size=64, **TINY),
        "vit.layers.1.layernorm_before",
        {(64, 64): (4, 4)},
    ),
    "deit huggingface": (
        of_huggingface("DeiT", image_size=64, **TINY),
        "deit.layers.1.layernorm_before",
        {(64, 64): (4, 4)},
    ),
    "beit huggingface": (
        of_huggingface("Beit", image_size=64, **TINY),
        "beit.layers.1.layernorm_before",
        {(64, 64): (4, 4), (64, 96): (4, 6)},
    ),
    "data2vec huggingface": (
        of_huggingface("Data2VecVision", image_size=64, **TINY),
        "data2vec_vision.encoder.layer.1.layernorm_before",
        {(64, 64): (4, 4)},
    ),
    "dinov2 huggingface": (
        of_huggingface("Dinov2", image_size=56, patch_size=14, **TINY),
        "dinov2.encoder.layer.1.norm1",
        {(56, 56): (4, 4), (56, 84): (4, 6)},
    ),
    "dinov2 with registers": (
        of_huggingface("Dinov2WithRegisters", image_size=56, patch_size=14, **TINY),
        "dinov2_with_registers.encoder.layer.1.norm1",
        {(56, 56): (4, 4), (56, 84): (4, 6)},
    ),
    "mlp-mixer": (
        of_class(MlpMixer, num_blocks=2, embed_dim=32, patch_size=32),
        "norm",
        {(96, 96): (3, 3), (96, 160): (3, 5)},
    ),
    "gmlp": (
        of_class(
            MlpMixer,
            num_blocks=2,
            embed_dim=32,
            block_layer=SpatialGatingBlock,
            mlp_layer=GatedMlp,
            mlp_ratio=4,
        ),
        "norm",
        {(64, 64): (4, 4), (64, 96): (4, 6)},
    ),
}
