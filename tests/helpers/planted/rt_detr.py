"""An RT-DETR with weights set by hand: small red squares and large blue ones.

The fine level of its pyramid finds red squares of 8 pixels (class 0), the coarse one blue squares
of 16 pixels (class 1); a level does not see the other's colour. The places of boxes are those of
the anchors, so pictures have three channels.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from helpers.planted.two_squares import COLOURS, two_squares

SIDES = (8, 16)  # of a red and of a blue square: one cell of its level
_GAIN = 8.0  # so large that SiLU leaves it as it is
_CONSTANT = 100.0  # so large that the layer norms divide by the same for each token
_WIDTH = 16


def scenes(places: Tensor, size: tuple[int, int], seed: int = 0) -> Tensor:
    """See `two_squares`."""
    return two_squares(places, size, SIDES, seed)


def random_places(count: int, size: tuple[int, int], seed: int = 0) -> Tensor:
    """Corners (N, 2, 2) of two squares, each in a block of 16 pixels of its own."""
    generator = torch.Generator().manual_seed(seed)
    rows, columns = (side // 16 for side in size)
    order = torch.rand(count, rows * columns, generator=generator).argsort(1)[:, :2]
    corners = torch.stack([order // columns, order % columns], -1) * 16
    corners[:, 0] += 8 * torch.randint(2, (count, 2), generator=generator)
    return corners


def planted_rt_detr(size: tuple[int, int]) -> nn.Module:
    """The detector, for pictures of one size."""
    from transformers import ResNetConfig, RTDetrConfig, RTDetrForObjectDetection

    backbone = ResNetConfig(
        embedding_size=3,
        hidden_sizes=[3, 4, 5],
        depths=[1, 1, 1],
        layer_type="basic",
        out_features=["stage2", "stage3"],
    )
    config = RTDetrConfig(
        backbone_config=backbone,
        num_labels=2,
        num_queries=4,
        num_denoising=0,
        encoder_layers=0,
        encoder_hidden_dim=4,
        encoder_in_channels=[4, 5],
        feat_strides=[8, 16],
        encode_proj_layers=[1],
        d_model=_WIDTH,
        num_feature_levels=2,
        decoder_in_channels=[4, 4],
        decoder_layers=1,
        decoder_attention_heads=1,
        decoder_ffn_dim=4,
        decoder_n_points=1,
    )
    model = RTDetrForObjectDetection(config).eval()
    with torch.no_grad():
        _set_norms(model)
        _set_backbone(model.model.backbone)
        _set_encoder(model.model)
        _set_memory(model.model)
        _set_decoder(model.model, size)
    return model


def _set_norms(model: Any) -> None:
    for module in model.modules():
        if isinstance(module, nn.BatchNorm2d):
            nn.init.ones_(module.weight)
        if isinstance(module, nn.LayerNorm):
            nn.init.constant_(module.weight, _CONSTANT / (_WIDTH / 2) ** 0.5)


def _set_backbone(backbone: Any) -> None:
    """Channel k of each stage is colour k, in the middle of each cell."""
    for name, buffer in backbone.named_buffers():
        if name.endswith("layer.1.normalization.weight"):
            buffer.zero_()  # of each residual block only the shortcut stays
    stem = backbone.model.embedder.embedder.convolution
    stem.weight.zero_()
    for channel in range(3):
        stem.weight[channel, channel, -1, -1] = 1
    for stage in backbone.model.encoder.stages[1:]:
        nn.init.eye_(stage.layers[0].shortcut.convolution.weight[:, :, 0, 0])


def _set_encoder(model: Any) -> None:
    """Each level hands on its own colour of its own stage."""
    for name, module in model.encoder.named_modules():
        if isinstance(module, nn.Conv2d):
            module.weight.zero_()
        if name.startswith("lateral_convs") and isinstance(module, nn.Conv2d):
            nn.init.eye_(module.weight[:, :, 0, 0])
    for level, block in enumerate((model.encoder.fpn_blocks[0], model.encoder.pan_blocks[0])):
        colour = COLOURS[level]
        block.conv2.conv.weight[colour, 4 + colour, 0, 0] = 1  # the second half is of the stage
    for projection in model.encoder_input_proj:
        nn.init.eye_(projection[0].weight[:, :, 0, 0])
        projection[0].weight.mul_(_GAIN)


def _set_memory(model: Any) -> None:
    """A token holds each colour, its negative, and a constant; its class is its colour."""
    for projection in model.decoder_input_proj:
        projection[0].weight.zero_()
        for category, colour in enumerate(COLOURS):
            pair = slice(2 * category, 2 * category + 2)
            projection[0].weight[pair, colour, 0, 0] = _sign() / _GAIN
        projection[1].bias[-2:] = _CONSTANT * _sign()
    for name, parameter in model.named_parameters():
        if name.startswith(("enc_bbox_head", "decoder.bbox_embed", "decoder.query_pos_head")):
            parameter.zero_()
    nn.init.eye_(model.enc_output[0].weight)
    nn.init.zeros_(model.enc_output[0].bias)
    _set_classes(model.enc_score_head, first=0)


def _set_decoder(model: Any, size: tuple[int, int]) -> None:
    """A query reads the colour at its own place, and says the class anew."""
    layer = model.decoder.layers[0]
    for name, parameter in layer.named_parameters():
        if "norm" not in name:
            parameter.zero_()
    for channel in range(4):
        layer.encoder_attn.value_proj.weight[4 + channel, channel] = 2  # half of it is this level's
    nn.init.eye_(layer.encoder_attn.output_proj.weight)
    _set_classes(model.decoder.class_embed[0], first=4)
    height, width = size
    sides = torch.tensor([SIDES[0] / width, SIDES[0] / height]).logit()
    model.decoder.bbox_embed[0].layers[-1].bias[2:] = sides - torch.tensor(0.05).logit()


def _set_classes(head: Any, first: int) -> None:
    nn.init.zeros_(head.weight)
    nn.init.constant_(head.bias, -4)
    for category in range(2):
        head.weight[category, first + 2 * category] = 7


def _sign() -> Tensor:
    return torch.tensor([1.0, -1.0])
