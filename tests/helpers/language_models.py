"""More small language models, planted as those of `language` are."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from helpers.language import (
    CONSTANTS,
    FAKE,
    IMAGE,
    TILE,
    WIDTH,
    Planted,
    built,
    colours,
    llava,
    offset_gelu,
    plant,
    prompts,
    qwen,
    smolvlm,
    text,
    tower,
)


def llava_next() -> Planted:
    """LLaVA-NeXT: a thumbnail, and 1 by 2 tiles of 32 pixels, of a picture 16 by 64, padded."""
    from transformers import CLIPVisionConfig, LlamaConfig, LlavaNextConfig
    from transformers import LlavaNextForConditionalGeneration as LlavaNext

    vision = CLIPVisionConfig(**tower(image_size=32, patch_size=8))
    config = LlavaNextConfig(
        vision_config=vision,
        text_config=LlamaConfig(**text({})),
        image_token_id=IMAGE,
        image_grid_pinpoints=[[32, 64], [64, 32], [64, 64]],
    )
    model = built(LlavaNext, config)
    base = model.model
    with torch.no_grad():
        plant(base.vision_tower.encoder.layers, base.language_model, model.lm_head)
        embeddings = base.vision_tower.embeddings
        colours(embeddings.patch_embedding.weight)
        embeddings.position_embedding.weight.copy_(CONSTANTS.expand(17, -1))
        offset_gelu(base.multi_modal_projector.linear_1, base.multi_modal_projector.linear_2)
        base.image_newline.copy_(CONSTANTS)

    def inputs(pictures: Tensor) -> dict[str, Tensor]:
        small = interpolate(pictures, (32, 32), mode="bilinear", antialias=True)
        whole = nn.functional.pad(pictures, (0, 0, 8, 8))
        stacked = torch.stack([small, whole[..., :32], whole[..., 32:]], 1)
        image = [IMAGE] * (16 + 2 * (8 + 1))
        sizes = torch.tensor([[16, 64]] * len(pictures))
        return {**prompts(len(pictures), image), "pixel_values": stacked, "image_sizes": sizes}

    return Planted(model, inputs, (16, 64), (2, 8), "", (2, 8))


def paligemma() -> Planted:
    """PaliGemma with a SigLIP tower: 64 by 64 pixels, 4 by 4 tokens."""
    from transformers import GemmaConfig, PaliGemmaConfig, SiglipVisionConfig
    from transformers import PaliGemmaForConditionalGeneration as PaliGemma

    config = PaliGemmaConfig(
        vision_config=SiglipVisionConfig(**tower(image_size=64, patch_size=16)),
        text_config=GemmaConfig(**text({"head_dim": 16, "tie_word_embeddings": False})),
        image_token_id=IMAGE,
        projection_dim=WIDTH,
        hidden_size=WIDTH,
        tie_word_embeddings=False,
    )
    model = built(PaliGemma, config)
    base = model.model
    with torch.no_grad():
        plant(_layers(base.vision_tower), base.language_model, model.lm_head)
        _siglip(base.vision_tower)
        base.multi_modal_projector.linear.weight.copy_(torch.eye(WIDTH))
        base.multi_modal_projector.linear.bias.zero_()

    def inputs(pictures: Tensor) -> dict[str, Tensor]:
        return {**prompts(len(pictures), [IMAGE] * 16), "pixel_values": pictures}

    return Planted(model, inputs, (64, 64), (4, 4), "", (4, 4))


def gemma3() -> Planted:
    """Gemma 3 with a SigLIP tower: 64 by 64 pixels, 4 by 4 tokens of 2 by 2 patches."""
    from transformers import Gemma3Config, Gemma3TextConfig, SiglipVisionConfig
    from transformers import Gemma3ForConditionalGeneration as Gemma3

    config = Gemma3Config(
        vision_config=SiglipVisionConfig(**tower(image_size=64, patch_size=8)),
        text_config=Gemma3TextConfig(**text({"head_dim": 16, "tie_word_embeddings": False})),
        image_token_id=IMAGE,
        mm_tokens_per_image=16,
        tie_word_embeddings=False,
    )
    model = built(Gemma3, config)
    base = model.model
    with torch.no_grad():
        plant(_layers(base.vision_tower), base.language_model, model.lm_head)
        _siglip(base.vision_tower)
        base.multi_modal_projector.mm_input_projection_weight.copy_(torch.eye(WIDTH))

    def inputs(pictures: Tensor) -> dict[str, Tensor]:
        given = prompts(len(pictures), [IMAGE] * 16)
        return {
            **given,
            "token_type_ids": (given["input_ids"] == IMAGE).long(),
            "pixel_values": pictures,
        }

    return Planted(model, inputs, (64, 64), (4, 4), "", (4, 4))


def _layers(vision: Any) -> Any:
    return getattr(vision, "vision_model", vision).encoder.layers


def _siglip(vision: Any) -> None:
    embeddings = getattr(vision, "vision_model", vision).embeddings
    colours(embeddings.patch_embedding.weight)
    embeddings.patch_embedding.bias.copy_(CONSTANTS)
    embeddings.position_embedding.weight.zero_()


def qwen3() -> Planted:
    """Qwen3-VL, whose first layer gets image tokens of its own: 64 by 96 pixels, 4 by 6 tokens."""
    from transformers import Qwen3VLConfig
    from transformers import Qwen3VLForConditionalGeneration as Qwen3

    shared = {"depth": 2, "num_heads": 2, "patch_size": 8, "spatial_merge_size": 2}
    sizes = {"hidden_size": WIDTH, "intermediate_size": WIDTH, "out_hidden_size": WIDTH}
    deep = {"deepstack_visual_indexes": [0], "num_position_embeddings": 64}
    rope = {"rope_type": "default", "mrope_section": [2, 3, 3], "rope_theta": 1e4}
    ids = {"image_token_id": IMAGE, "vision_start_token_id": FAKE, "vision_end_token_id": TILE}
    config = Qwen3VLConfig(
        vision_config={**shared, **sizes, **deep},
        text_config=text({"head_dim": 16, "rope_parameters": rope}),
        tie_word_embeddings=False,
        **ids,
    )
    model = built(Qwen3, config)
    visual = model.model.visual
    with torch.no_grad():
        plant(visual.blocks, model.model.language_model, model.lm_head)
        colours(visual.patch_embed.proj.weight)
        visual.patch_embed.proj.bias.copy_(CONSTANTS)
        visual.pos_embed.weight.zero_()
        for merger in (visual.merger, *visual.deepstack_merger_list):
            offset_gelu(merger.linear_fc1, merger.linear_fc2, several=4)
    return replace(qwen(), model=model, tower="")


MODELS = {
    "llava": llava,
    "llava-next": llava_next,
    "paligemma": paligemma,
    "gemma3": gemma3,
    "qwen2-vl": qwen,
    "qwen2.5-vl": lambda: qwen("Qwen2_5_VL"),
    "qwen3-vl": qwen3,
    "smolvlm": smolvlm,
    "idefics3": lambda: smolvlm("Idefics3", tiles=(3, 2)),
    "smolvlm-one-tile": lambda: smolvlm(tiles=(1, 1)),
}
