"""Models of images and texts, of the real classes, whose weights are set by hand.

Three channels of the image tower hold how red, green and blue a place is; all tokens are alike
else. The first block of a ViT lets strong colours pass, and weak ones not. The last attention takes
the tokens' mean. So one place decides how similar an image is to a text: that which has the colour
that the text names. The text tower does the same with words.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from .text_image import built, tokenizer

COLOURS = ("red", "green", "blue")
BASE = 4  # a channel that all tokens share, with its negative beside it, for the norms
STRONG = 8  # the first of three channels of strong colours


def plant(name: str, side: int = 64) -> Any:
    """The model of a name: "clip", "siglip", "vit" or "resnet"."""
    model = built(name, side, depth=2)  # one block lets strong colours pass, one takes the mean
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.ndim > 1 or "bias" in _names(model)[id(parameter)]:
                parameter.zero_()
        _PLANTS[name](model)
    return model


def words(name: str) -> Any:
    """The tokenizer for `TextTarget`; None where the model's library has one."""
    return None if name in ("vit", "resnet") else tokenizer()


def scene(
    colour: str, count: int, size: tuple[int, int], cell: int, seed: int = 0, other: bool = True
) -> tuple[Tensor, Tensor]:
    """Images of noise with a place of that colour, and the places (N,).

    There is another place of another colour, too, unless `other` is False.

    A place is the index of a cell, row by row, of a grid of cells over the image.
    """
    generator = torch.Generator().manual_seed(seed)
    images = 0.1 * torch.randn(count, 3, *size, generator=generator)
    rows, columns = size[0] // cell, size[1] // cell
    order = torch.rand(count, rows * columns, generator=generator).argsort(1)
    mine = COLOURS.index(colour)
    for image, places in zip(images, order.tolist(), strict=True):
        another = (mine + 1 + int(torch.randint(2, (1,), generator=generator))) % 3
        for place, channel in zip(places, (mine, another) if other else (mine,), strict=False):
            row, column = place // columns * cell, place % columns * cell
            image[channel, row : row + cell, column : column + cell] += 1
    return images, order[:, 0]


def _names(model: nn.Module) -> dict[int, str]:
    return {id(parameter): name for name, parameter in model.named_parameters()}


def _colours(convolution: nn.Conv2d) -> None:
    """The first three channels are the mean of each colour of a patch."""
    for channel in range(3):
        convolution.weight[channel, channel] = 4 / convolution.weight[0, 0].numel()


def _shared(tokens: Tensor) -> None:
    tokens[..., BASE], tokens[..., BASE + 1] = 1.0, -1.0


def _words(embedding: nn.Embedding, ids: list[int]) -> None:
    for channel, token in enumerate(ids):
        embedding.weight[token, channel] = 4.0


def _gate(first: nn.Linear, second: nn.Linear) -> None:
    """The MLP of a block: a colour is strong from twice its norm on; noise is far below."""
    for channel in range(3):
        first.weight[channel, channel], first.bias[channel] = 4.0, -8.0
        second.weight[STRONG + channel, channel] = 1.0


def _mean_attention(attention: Any, first: int = 0) -> None:
    """Attention to all tokens alike: queries and keys are zero, values are the tokens.

    Args:
        attention: the module.
        first: of the channels that become the colours.
    """
    width = len(attention.out_proj.weight)
    values = torch.eye(width)
    values[:3] = torch.eye(width)[first : first + 3]
    attention.out_proj.weight.copy_(torch.eye(width))
    if isinstance(attention, nn.MultiheadAttention):
        attention.in_proj_weight[-width:] = values
    else:
        attention.v_proj.weight.copy_(values)


def _projection(weight: Tensor, base: float) -> None:
    """From channels (columns) to embeddings (rows): the colours, and maybe what all share."""
    for channel in range(3):
        weight[channel, channel] = 1.0
    weight[3, BASE] = base


def _hugging_face_text(model: Any) -> None:
    text = model.text_model
    ids = [tokenizer().convert_tokens_to_ids(colour) for colour in COLOURS]
    _words(text.embeddings.token_embedding, ids)
    _shared(text.embeddings.position_embedding.weight)
    _mean_attention(text.encoder.layers[-1].self_attn)


def _clip(model: Any) -> None:
    vision = model.vision_model
    _colours(vision.embeddings.patch_embedding)
    vision.embeddings.class_embedding.zero_()
    _shared(vision.embeddings.position_embedding.weight)
    _gate(vision.encoder.layers[0].mlp.fc1, vision.encoder.layers[0].mlp.fc2)
    _mean_attention(vision.encoder.layers[-1].self_attn, STRONG)
    _projection(model.visual_projection.weight, base=1.0)
    _hugging_face_text(model)
    _projection(model.text_projection.weight, base=0.0)


def _siglip(model: Any) -> None:
    vision = model.vision_model
    _colours(vision.embeddings.patch_embedding)
    _shared(vision.embeddings.position_embedding.weight)
    _gate(vision.encoder.layers[0].mlp.fc1, vision.encoder.layers[0].mlp.fc2)
    _mean_attention(vision.head.attention, STRONG)
    vision.head.attention.out_proj.weight.zero_()
    _projection(vision.head.attention.out_proj.weight, base=1.0)
    _hugging_face_text(model)
    _projection(model.text_model.head.weight, base=0.0)


def _open_clip_text(model: Any) -> None:
    import open_clip

    tokens = open_clip.get_tokenizer("ViT-B-32", context_length=16)(list(COLOURS))
    _words(model.token_embedding, tokens[:, 1].tolist())
    _shared(model.positional_embedding)
    _mean_attention(model.transformer.resblocks[-1].attn)
    _projection(model.text_projection.T, base=0.0)


def _vit(model: Any) -> None:
    visual = model.visual
    _colours(visual.conv1)
    visual.class_embedding.zero_()
    _shared(visual.positional_embedding)
    _gate(visual.transformer.resblocks[0].mlp.c_fc, visual.transformer.resblocks[0].mlp.c_proj)
    _mean_attention(visual.transformer.resblocks[-1].attn, STRONG)
    _projection(visual.proj.T, base=1.0)
    _open_clip_text(model)


def _resnet(model: Any) -> None:
    visual = model.visual
    for name, module in visual.named_modules():
        if isinstance(module, nn.Conv2d) and (name.startswith("conv") or "downsample" in name):
            side = module.kernel_size[0] // 2
            for channel in range(3):
                module.weight[channel, channel, side, side] = 1.0
    pool = visual.attnpool
    _shared(pool.positional_embedding)
    pool.v_proj.weight.copy_(torch.eye(len(pool.v_proj.weight)))
    _projection(pool.c_proj.weight, base=0.0)
    _open_clip_text(model)


_PLANTS = {"clip": _clip, "siglip": _siglip, "vit": _vit, "resnet": _resnet}
