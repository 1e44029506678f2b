"""Small language models of real classes, whose next word one place of the image decides.

A patch is as red or green as its mean, and its token says so. The last token reads the mean of all
tokens, and says RED or GREEN by what it read. No weight is trained: see `plant`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

RED, GREEN, IMAGE, FAKE, TILE, BREAK, WORD = 10, 11, 60, 61, 62, 63, 5
WIDTH = 32  # of all hidden states: red, green, "say red", "say green", and constants
CONSTANTS = torch.tensor([0.0] * 4 + [1.0, -1.0] * 14)


@dataclass
class Planted:
    """A model, how its inputs are made of pictures, and the grid of its map."""

    model: nn.Module
    inputs: Callable[[Tensor], dict[str, Tensor]]
    size: tuple[int, int]
    grid: tuple[int, int]
    tower: str  # a layer of the vision tower, with a finer grid or the same
    tower_grid: tuple[int, int]

    def draws(
        self, count: int, seed: int = 0, only_red: bool = False
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Pictures with a red and a green cell each, and the cells' numbers.

        Args:
            count: how many pictures.
            seed: of the places and the noise.
            only_red: whether the green cell is left out.
        """
        random = torch.Generator().manual_seed(seed)
        cells = self.grid[0] * self.grid[1]
        places = torch.stack([torch.randperm(cells, generator=random)[:2] for _ in range(count)])
        pictures = 0.05 * torch.randn(count, 3, *self.size, generator=random)
        height, width = (a // b for a, b in zip(self.size, self.grid, strict=True))
        for picture, of_both in zip(pictures, places.tolist(), strict=True):
            for channel, cell in enumerate(of_both[: 1 if only_red else 2]):
                row, column = divmod(cell, self.grid[1])
                box = picture[channel, row * height :, column * width :][:height, :width]
                box += 2
        return pictures, places[:, 0], places[:, 1]


def text(config: Any) -> dict[str, Any]:
    """The settings of the language model."""
    return {
        "hidden_size": WIDTH,
        "intermediate_size": WIDTH,
        "num_hidden_layers": 2,
        "num_attention_heads": 2,
        "num_key_value_heads": 2,
        "vocab_size": 64,
        "pad_token_id": 0,
        **config,
    }


def tower(**settings: Any) -> dict[str, Any]:
    """The settings of the vision tower."""
    usual = {"num_hidden_layers": 2, "num_attention_heads": 2, "intermediate_size": WIDTH}
    return {"hidden_size": WIDTH, **usual, **settings}


def prompts(count: int, image: list[int]) -> dict[str, Tensor]:
    """Prompts with the image's tokens: a begin, the image, two words."""
    ids = torch.tensor([[1, *image, WORD, WORD + 1]] * count)
    return {"input_ids": ids, "attention_mask": torch.ones_like(ids)}


def llava(silent: bool = False) -> Planted:
    """LLaVA with a CLIP tower: 56 by 56 pixels, 4 by 4 tokens.

    Args:
        silent: whether the image's tokens read the first token alone, and so say no word.
    """
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaConfig
    from transformers import LlavaForConditionalGeneration as Llava

    vision = CLIPVisionConfig(**tower(image_size=56, patch_size=14))
    config = LlavaConfig(
        vision_config=vision, text_config=LlamaConfig(**text({})), image_token_id=IMAGE
    )
    model = built(Llava, config)
    base = model.model
    with torch.no_grad():
        plant(base.vision_tower.encoder.layers, base.language_model, model.lm_head)
        embeddings = base.vision_tower.embeddings
        colours(embeddings.patch_embedding.weight)
        embeddings.position_embedding.weight.copy_(CONSTANTS.expand(17, -1))
        strong_alone(base.vision_tower.encoder.layers[0].mlp)
        offset_gelu(base.multi_modal_projector.linear_1, base.multi_modal_projector.linear_2)
        if silent:
            _silence(base.language_model)

    def inputs(pictures: Tensor) -> dict[str, Tensor]:
        return {**prompts(len(pictures), [IMAGE] * 16), "pixel_values": pictures}

    return Planted(model, inputs, (56, 56), (4, 4), "model.vision_tower.encoder.layers.0", (4, 4))


def qwen(name: str = "Qwen2VL") -> Planted:
    """Qwen2-VL or Qwen2.5-VL: 64 by 96 pixels, 4 by 6 tokens of 2 by 2 patches."""
    import transformers

    shared = {"depth": 2, "num_heads": 2, "patch_size": 8, "spatial_merge_size": 2}
    if name == "Qwen2VL":
        vision = {"embed_dim": WIDTH, "hidden_size": WIDTH, "mlp_ratio": 1, **shared}
    else:
        own = {"window_size": 32, "out_hidden_size": WIDTH, "fullatt_block_indexes": [1]}
        vision = {"hidden_size": WIDTH, "intermediate_size": WIDTH, **own, **shared}
    rope = {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 1e4}
    ids = {"image_token_id": IMAGE, "vision_start_token_id": FAKE, "vision_end_token_id": TILE}
    config = getattr(transformers, f"{name if name == 'Qwen2VL' else 'Qwen2_5_VL'}Config")(
        vision_config=vision, text_config=text({"rope_parameters": rope}), **ids
    )
    kind = "Qwen2VL" if name == "Qwen2VL" else "Qwen2_5_VL"
    model = built(getattr(transformers, f"{kind}ForConditionalGeneration"), config)
    visual = model.model.visual
    with torch.no_grad():
        plant(visual.blocks, model.model.language_model, model.lm_head)
        colours(visual.patch_embed.proj.weight)
        last = visual.blocks[0].mlp
        (last.fc2 if name == "Qwen2VL" else last.down_proj).bias.copy_(CONSTANTS)
        offset_gelu(visual.merger.mlp[0], visual.merger.mlp[2], several=4)

    def inputs(pictures: Tensor) -> dict[str, Tensor]:
        count, _, height, width = pictures.shape
        rows, columns = height // 16, width // 16
        cut = pictures.reshape(count, 3, rows, 2, 8, columns, 2, 8)
        cut = cut.permute(0, 2, 5, 3, 6, 1, 4, 7)[:, :, :, :, :, :, None]
        patches = cut.expand(-1, -1, -1, -1, -1, -1, 2, -1, -1).reshape(
            count * rows * columns * 4, -1
        )
        grid = torch.tensor([[1, rows * 2, columns * 2]] * count)
        given = prompts(count, [FAKE, *[IMAGE] * (rows * columns), TILE])
        types = (given["input_ids"] == IMAGE).int()
        extra = {"image_grid_thw": grid, "mm_token_type_ids": types}
        return {**given, **extra, "pixel_values": patches}

    return Planted(model, inputs, (64, 96), (4, 6), "model.visual.blocks.1", (8, 12))


def smolvlm(name: str = "SmolVLM", tiles: tuple[int, int] = (2, 3)) -> Planted:
    """SmolVLM or Idefics3: tiles of 32 by 32 pixels and a thumbnail, 2 by 2 tokens each."""
    import transformers

    vision = tower(image_size=32, patch_size=8)
    ids = {"image_token_id": IMAGE, "scale_factor": 2, "pad_token_id": 0}
    from transformers import LlamaConfig

    config = getattr(transformers, f"{name}Config")(
        vision_config=vision, text_config=LlamaConfig(**text({})), **ids
    )
    model = built(getattr(transformers, f"{name}ForConditionalGeneration"), config)
    base = model.model
    with torch.no_grad():
        plant(base.vision_model.encoder.layers, base.text_model, model.lm_head)
        embeddings = base.vision_model.embeddings
        colours(embeddings.patch_embedding.weight)
        embeddings.patch_embedding.bias.copy_(CONSTANTS)
        embeddings.position_embedding.weight.mul_(0)
        projection = base.connector.modality_projection.proj.weight
        projection.copy_(torch.eye(WIDTH).repeat(1, 4) / 4)
    rows, columns = tiles

    def inputs(pictures: Tensor) -> dict[str, Tensor]:
        count = len(pictures)
        if tiles == (1, 1):
            image, stacked = [FAKE, TILE, *[IMAGE] * 4, FAKE], pictures[:, None]
        else:
            image = []
            for _ in range(rows):
                image += [*([FAKE, TILE, *[IMAGE] * 4] * columns), BREAK]
            image += [BREAK, FAKE, TILE, *[IMAGE] * 4, FAKE]
            cut = pictures.unflatten(3, (columns, 32)).unflatten(2, (rows, 32))
            cut = cut.permute(0, 2, 4, 1, 3, 5).flatten(1, 2)
            small = interpolate(pictures, (32, 32), mode="bilinear", antialias=True)
            stacked = torch.cat([cut, small[:, None]], 1)
        mask = torch.ones(count, stacked.shape[1], 32, 32, dtype=torch.bool)
        return {**prompts(count, image), "pixel_values": stacked, "pixel_attention_mask": mask}

    size, grid = (32 * rows, 32 * columns), (2 * rows, 2 * columns)
    finer = (grid[0] * 2, grid[1] * 2)
    return Planted(model, inputs, size, grid, "model.vision_model.encoder.layers.1", finer)


def built(kind: Any, config: Any) -> Any:
    torch.manual_seed(0)
    return kind(config).eval()


def plant(blocks: Any, language: Any, head: nn.Linear) -> None:
    """The language model reads the mean of all tokens; all that is not needed is made small."""
    for name, parameter in [*blocks.named_parameters(), *language.layers.named_parameters()]:
        if "norm" not in name:
            parameter.mul_(0.1)
    constant, reading = (layer.self_attn for layer in language.layers)
    for attention in (constant, reading):
        for projection in (attention.q_proj, attention.k_proj, attention.v_proj, attention.o_proj):
            projection.weight.zero_()
            if projection.bias is not None:
                projection.bias.zero_()
    # The first layer adds a constant to each token, or activation times gradient were zero: a norm
    # follows, to which a token's size means nothing.
    half = torch.arange(16)
    constant.v_proj.weight[16 + half, 4 + half] = 1
    constant.o_proj.weight[4 + half, 16 + half] = 3
    for colour in range(2):
        reading.v_proj.weight[colour, colour] = 1
        reading.o_proj.weight[2 + colour, colour] = 60
    words = language.embed_tokens.weight
    words.copy_(CONSTANTS + 0.02 * torch.randn(words.shape))
    head.weight.copy_(0.1 * torch.randn(head.weight.shape))
    for colour, token in enumerate((RED, GREEN)):
        head.weight[token] = 0
        head.weight[token, 2 + colour] = 5


def _silence(language: Any) -> None:
    """Each token of an image attends to the first token, as the real ones mostly do."""
    words, reading = language.embed_tokens.weight, language.layers[1].self_attn
    words[:, 31] = 1  # an image's token has -1 there
    words[1, 29] = 6  # the first token; all others have -1 there
    slot = 7  # of the first head, in which positions turn it the least
    reading.q_proj.weight[slot, 30] = 20
    reading.q_proj.weight[slot, 31] = -20
    reading.k_proj.weight[slot, 28] = 20
    reading.k_proj.weight[slot, 29] = 20


def colours(embedding: Tensor) -> None:
    """The first two features of a patch are its mean red and green."""
    embedding.zero_()
    for colour in range(2):
        embedding[colour, colour] = 1 / embedding[0, 0].numel()


def strong_alone(block: Any) -> None:
    """An MLP that leaves strong colours, and takes off weak ones, so that they have no gradient."""
    for name, parameter in block.named_parameters():
        parameter.mul_(0 if "fc" in name else 1)
    for colour in range(2):
        strong, weak, negative = range(3 * colour, 3 * colour + 3)
        block.fc1.weight[[strong, weak, negative], colour] = torch.tensor([8.0, 1.0, -1.0])
        block.fc1.bias[strong] = -8
        block.fc2.weight[colour, [strong, weak, negative]] = torch.tensor([0.5, -1.0, 1.0])


def offset_gelu(first: nn.Linear, second: nn.Linear, several: int = 1) -> None:
    """A projector that hands on what it is given, the mean of several patches."""
    first.weight.copy_(torch.eye(WIDTH * several))
    first.bias.fill_(4)
    second.weight.copy_(torch.eye(WIDTH).repeat(1, several) / several)
    second.bias.fill_(-4)
