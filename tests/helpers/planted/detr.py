"""A DETR whose weights are set by hand: each of three classes is a colour at one place.

The picture is of square blocks. Beside red, green and blue it has a channel for each column of
blocks and one for each row, from which the boxes are read: a detector with queries has to read the
place somewhere. Query k attends to the place with most of colour k, says class k if there is
enough of it, and puts its box around the block.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

SIDE = 16  # of a block, and so of a planted square and of its box, in pixels
_COLOURS = 3
_CONSTANT = 100.0  # so large that the layer norms divide by the same for each token


def scenes(places: Tensor, size: tuple[int, int], seed: int = 0) -> Tensor:
    """Pictures (N, C, H, W) with a square of each colour.

    Args:
        places: (N, 3, 2), the upper left corner of the red, green and blue square: row, column.
        size: H and W.
        seed: of the noise everywhere else.
    """
    count = len(places)
    generator = torch.Generator().manual_seed(seed)
    colours = 0.2 * torch.rand(count, 3, *size, generator=generator)
    for index in range(count):
        for colour, (row, column) in enumerate(places[index].tolist()):
            colours[index, :, row : row + SIDE, column : column + SIDE] = 0
            colours[index, colour, row : row + SIDE, column : column + SIDE] = 1
    return with_places(colours)


def with_places(colours: Tensor) -> Tensor:
    """Pictures (N, 3, H, W) with the column and the row of each pixel as more channels."""
    height, width = colours.shape[2:]
    columns = torch.eye(width // SIDE).repeat_interleave(SIDE, 1)[:, None, :]
    rows = torch.eye(height // SIDE).repeat_interleave(SIDE, 1)[:, :, None]
    places = torch.cat([each.expand(-1, height, width) for each in (columns, rows)])
    return torch.cat([colours, places.expand(len(colours), -1, -1, -1)], 1)


def random_places(count: int, size: tuple[int, int], seed: int = 0) -> Tensor:
    """Corners (N, 3, 2) of three squares, each a block of its own."""
    generator = torch.Generator().manual_seed(seed)
    rows, columns = (side // SIDE for side in size)
    order = torch.rand(count, rows * columns, generator=generator).argsort(1)[:, :3]
    return torch.stack([order // columns, order % columns], -1) * SIDE


def planted_detr(size: tuple[int, int]) -> nn.Module:
    """The detector, for pictures of one size."""
    from transformers import DetrConfig, DetrForObjectDetection, ResNetConfig

    channels = _COLOURS + sum(side // SIDE for side in size)
    backbone = ResNetConfig(
        num_channels=channels,
        embedding_size=channels,
        hidden_sizes=[channels, channels + 1],
        depths=[1, 1],
        layer_type="basic",
        out_features=["stage2"],
    )
    config = DetrConfig(
        backbone_config=backbone,
        use_timm_backbone=False,
        use_pretrained_backbone=False,
        position_embedding_type="learned",
        num_labels=_COLOURS,
        num_queries=_COLOURS,
        d_model=2 * channels + 2,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=1,
        decoder_attention_heads=1,
        encoder_ffn_dim=4,
        decoder_ffn_dim=4,
    )
    model = DetrForObjectDetection(config).eval()
    with torch.no_grad():
        _set_backbone(model.model.backbone, channels)
        _set_transformer(model.model, channels)
        _set_heads(model, size)
    return model


def _set_backbone(backbone: Any, channels: int) -> None:
    """Channel k of the last stage is channel k of the picture, in the middle of each cell."""
    for name, buffer in backbone.named_buffers():
        if name.endswith("layer.1.normalization.weight"):
            buffer.zero_()  # of each residual block only the shortcut stays
    embeddings = backbone.model.embedder.embedder.convolution
    embeddings.weight.zero_()
    for channel in range(channels):
        embeddings.weight[channel, channel, -1, -1] = 1
    shortcut = backbone.model.encoder.stages[1].layers[0].shortcut.convolution
    nn.init.eye_(shortcut.weight[:, :, 0, 0])


def _set_transformer(model: Any, channels: int) -> None:
    """A token holds each channel, its negative, and a constant; a query copies one token."""
    nn.init.zeros_(model.input_projection.weight)
    nn.init.zeros_(model.input_projection.bias)
    for channel in range(channels):
        model.input_projection.weight[2 * channel : 2 * channel + 2, channel, 0, 0] = _sign()
    model.input_projection.bias[-2:] = _CONSTANT * _sign()
    for name, parameter in model.named_parameters():
        if "embeddings" in name or "o_proj" in name or ".fc2." in name:
            parameter.zero_()
        if "norm" in name and name.startswith(("encoder", "decoder")) and name.endswith("weight"):
            parameter.fill_(_CONSTANT / (channels + 1) ** 0.5)  # what the norm divides by
    attention = model.decoder.layers[0].encoder_attn
    for projection in (attention.q_proj, attention.k_proj, attention.v_proj, attention.o_proj):
        nn.init.eye_(projection.weight)
        nn.init.zeros_(projection.bias)
    for query in range(_COLOURS):
        model.query_position_embeddings.weight[query, 2 * query : 2 * query + 2] = 60 * _sign()


def _set_heads(model: Any, size: tuple[int, int]) -> None:
    """The class is the colour at the place, if there is more than half of it."""
    classifier = model.class_labels_classifier
    nn.init.zeros_(classifier.weight)
    nn.init.zeros_(classifier.bias)
    for category in range(_COLOURS):
        classifier.weight[category, 2 * category] = 6
    classifier.bias[-1] = 3
    first, middle, last = model.bbox_predictor.layers
    for layer in (first, middle, last):
        nn.init.zeros_(layer.weight)
        nn.init.zeros_(layer.bias)
    nn.init.eye_(middle.weight)
    # A place is there or not: from 3/4 on its channel counts as 1, up to 1/2 as 0. Else a little
    # noise on it would move the box, and an overlap falls steeply.
    for channel in range(2 * _COLOURS, first.in_features - 2, 2):
        first.weight[channel : channel + 2, channel] = 4
        first.bias[channel : channel + 2] = torch.tensor([-2.0, -3.0])
    height, width = size
    channel = 2 * _COLOURS
    for axis, side in enumerate((width, height)):
        centres = (torch.arange(side // SIDE) + 0.5) * SIDE / side
        for centre in centres:
            last.weight[axis, channel : channel + 2] = centre.logit() * _sign()
            channel += 2
    last.bias[2:] = torch.tensor([SIDE / width, SIDE / height]).logit()


def _sign() -> Tensor:
    return torch.tensor([1.0, -1.0])
