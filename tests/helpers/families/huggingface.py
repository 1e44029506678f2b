"""Models of transformers with random weights, of a few thousand parameters."""

from __future__ import annotations

from typing import Any

import torch
import transformers as hf
from torch import Tensor, nn

from helpers.families.family import Family, drawn

_TOWER: dict[str, Any] = {
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
}
_EYES: dict[str, Any] = {**_TOWER, "image_size": 64, "patch_size": 16}
_WORDS: dict[str, Any] = {**_TOWER, "vocab_size": 100, "bos_token_id": 1, "eos_token_id": 2}
IMAGE = 99  # the token that stands for a part of the image


def clip() -> nn.Module:
    torch.manual_seed(0)
    text = {**_WORDS, "max_position_embeddings": 77}
    config = hf.CLIPConfig(text_config=text, vision_config=_EYES, projection_dim=16)
    return hf.CLIPModel(config).eval()


def siglip() -> nn.Module:
    torch.manual_seed(0)
    text = {**_WORDS, "max_position_embeddings": 64}
    return hf.SiglipModel(hf.SiglipConfig(text_config=text, vision_config=_EYES)).eval()


def llava() -> nn.Module:
    torch.manual_seed(0)
    vision = hf.CLIPVisionConfig(**_EYES, projection_dim=16)
    text = hf.LlamaConfig(**{**_WORDS, "hidden_size": 64}, num_key_value_heads=4)
    config = hf.LlavaConfig(
        vision_config=vision, text_config=text, image_token_index=IMAGE, vision_feature_layer=-2
    )
    return hf.LlavaForConditionalGeneration(config).eval()


def detr() -> nn.Module:
    torch.manual_seed(0)
    config = hf.DetrConfig(
        use_timm_backbone=False,
        use_pretrained_backbone=False,
        backbone=None,
        backbone_config=_backbone(hf.ResNetConfig, ["stage4"]),
        d_model=32,
        encoder_layers=1,
        decoder_layers=1,
        encoder_attention_heads=4,
        decoder_attention_heads=4,
        encoder_ffn_dim=64,
        decoder_ffn_dim=64,
        num_queries=10,
        num_labels=7,
    )
    return hf.DetrForObjectDetection(config).eval().requires_grad_()  # its backbone is frozen


def rt_detr() -> nn.Module:
    torch.manual_seed(0)
    config = hf.RTDetrConfig(
        backbone_config=_backbone(hf.RTDetrResNetConfig, ["stage2", "stage3", "stage4"]),
        encoder_in_channels=[24, 32, 40],
        encoder_hidden_dim=32,
        encoder_ffn_dim=64,
        encoder_attention_heads=4,
        d_model=32,
        num_queries=20,
        decoder_layers=1,
        decoder_ffn_dim=64,
        decoder_attention_heads=4,
        decoder_in_channels=[32, 32, 32],
        num_labels=5,
        num_denoising=0,
    )
    model = hf.RTDetrForObjectDetection(config).eval()
    with torch.no_grad():  # as built, it samples just where its samples have no gradient
        for parameter in model.parameters():
            parameter += 0.05 * torch.randn_like(parameter)
    return model


def _backbone(config: Any, stages: list[str]) -> Any:
    return config(
        embedding_size=16,
        hidden_sizes=[16, 24, 32, 40],
        depths=[1, 1, 1, 1],
        layer_type="basic",
        out_features=stages,
    )


def segformer() -> nn.Module:
    torch.manual_seed(0)
    config = hf.SegformerConfig(
        hidden_sizes=[8, 16, 24, 32],
        depths=[1, 1, 1, 1],
        num_attention_heads=[1, 2, 2, 4],
        decoder_hidden_size=32,
        num_labels=5,
    )
    return hf.SegformerForSemanticSegmentation(config).eval()


def words(prompts: int, tokens: int) -> Tensor:
    """The ids of some prompts, the end of each its last."""
    generator = torch.Generator().manual_seed(prompts + 10 * tokens)
    ids = torch.randint(3, 90, (prompts, tokens), generator=generator)
    ids[:, -1] = 2
    return ids


def image_and_words(count: int, prompts: int, tokens: int) -> dict[str, Tensor]:
    """The arguments of a model of two towers."""
    return {"input_ids": words(prompts, tokens), "pixel_values": drawn(count, 3, 64, 64)}


def image_among_words(count: int, tokens: int) -> dict[str, Tensor]:
    """The arguments of a language model: 16 tokens for the image, and words around them."""
    ids = words(1, tokens).clamp(min=3)
    ids[:, 2:18] = IMAGE
    ids = ids.repeat(count, 1)
    images = drawn(count, 3, 64, 64)
    return {"pixel_values": images, "input_ids": ids, "attention_mask": torch.ones_like(ids)}


def two_towers(model: Any, layer: str, prefix: int, prompts: int, tokens: int) -> Family:
    """How alike the image is to the last prompt."""
    return Family(
        model,
        lambda count: image_and_words(count, prompts, tokens),
        lambda output: output["logits_per_image"][prompts - 1],
        lambda output: output["logits_per_image"][0, prompts - 1],
        layer,
        layer,
        (4, 4),
        prefix,
        settings={"shared_inputs": ["input_ids"]} if prompts == 2 else {},
    )


def _clip(prompts: int, tokens: int) -> Family:
    return two_towers(clip, "vision_model.encoder.layers.1.layer_norm1", 1, prompts, tokens)


def _llava(tokens: int) -> Family:
    return Family(
        llava,
        lambda count: image_among_words(count, tokens),
        lambda output: output["logits"][-1, 42],
        lambda output: output["logits"][0, -1, 42],
        "model.multi_modal_projector",
        "model.multi_modal_projector",
        (4, 4),
        0,
        images=("pixel_values", "input_ids", "attention_mask"),
    )


def _boxes(model: Any, layer: str, module: str, prefix: int | None, key: Any) -> Family:
    return Family(
        model,
        lambda count: drawn(count, 3, 128, 128),
        lambda output: output["logits"][:, 2].max(),
        lambda output: output["logits"][0, :, 2].max(),
        layer,
        module,
        (4, 4),
        prefix,
        key=key,
        settings={"layer": layer} if model is rt_detr else {},  # one level of its pyramid
        jumps=model is rt_detr,
    )


FAMILIES = {
    **{
        f"CLIP, {prompts} prompts of {tokens} tokens": _clip(prompts, tokens)
        for prompts, tokens in [(1, 4), (1, 7), (2, 7), (3, 16), (5, 17), (1, 77)]
    },
    **{
        f"SigLIP, {prompts} prompts": two_towers(
            siglip, "vision_model.post_layernorm", 0, prompts, 64
        )
        for prompts in (1, 2, 5)
    },
    **{f"LLaVA, {tokens} tokens": _llava(tokens) for tokens in (20, 37)},
    "DETR": _boxes(detr, "model.backbone[0][0]", "model.backbone", None, (0, 0)),
    "RT-DETR": _boxes(
        rt_detr,
        "model.encoder['last_hidden_state'][2]",
        "model.encoder",
        None,
        ("last_hidden_state", 2),
    ),
    "Segformer": Family(
        segformer,
        lambda count: drawn(count, 3, 64, 64),
        lambda output: output["logits"][1].mean(),
        lambda output: output["logits"][0, 1].mean(),
        "segformer",
        "segformer",
        (2, 2),
        key=("last_hidden_state",),
    ),
}
