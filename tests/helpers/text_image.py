"""Small models that embed images and texts, of the real classes, with tokenizers made here."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch

WORDS = ("a", "red", "green", "blue", "car", "dog", "cat", "ball", "photo", "of", "on", "grass")
SPECIAL = ("<pad>", "<s>", "<unk>", "</s>")
VOCABULARY = 64
EOS = 3


def tokenizer() -> Any:
    """Words as tokens, between a first and a last one, as transformers' tokenizers are."""
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    vocabulary = {word: index for index, word in enumerate([*SPECIAL, *WORDS])}
    core = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    core.pre_tokenizer = pre_tokenizers.Whitespace()
    core.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", special_tokens=[("<s>", 1), ("</s>", EOS)]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core, pad_token="<pad>", bos_token="<s>", eos_token="</s>"
    )


_TEXT: dict[str, Any] = {
    "vocab_size": VOCABULARY,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "max_position_embeddings": 24,
    "bos_token_id": 1,
    "eos_token_id": EOS,
    "pad_token_id": 0,
}
_VISION: dict[str, Any] = {
    "image_size": 64,
    "patch_size": 8,
    "hidden_size": 32,
    "intermediate_size": 64,
    "num_hidden_layers": 3,
    "num_attention_heads": 4,
}


def _vision(side: int, depth: int) -> dict[str, Any]:
    return _VISION | {"image_size": side, "num_hidden_layers": depth}


def clip(side: int = 64, depth: int = 3) -> Any:
    from transformers import CLIPConfig, CLIPModel

    config = CLIPConfig(text_config=_TEXT, vision_config=_vision(side, depth), projection_dim=24)
    return CLIPModel(config)


def siglip(side: int = 64, depth: int = 3) -> Any:
    from transformers import SiglipConfig, SiglipModel

    return SiglipModel(SiglipConfig(text_config=_TEXT, vision_config=_vision(side, depth)))


def altclip(side: int = 64, depth: int = 3) -> Any:
    from transformers import AltCLIPConfig, AltCLIPModel

    text = _TEXT | {"project_dim": 16, "max_position_embeddings": 40}
    config = AltCLIPConfig(text_config=text, vision_config=_vision(side, depth), projection_dim=24)
    return AltCLIPModel(config)


def chinese_clip(side: int = 64, depth: int = 3) -> Any:
    from transformers import ChineseCLIPConfig, ChineseCLIPModel

    config = ChineseCLIPConfig(
        text_config=_TEXT, vision_config=_vision(side, depth), projection_dim=24
    )
    return ChineseCLIPModel(config)


def align(side: int = 64, depth: int = 3) -> Any:
    from transformers import AlignConfig, AlignModel

    vision = {
        "image_size": 64,
        "width_coefficient": 0.25,
        "depth_coefficient": 0.25,
        "hidden_dim": 64,
        "in_channels": [32, 16, 24],
        "out_channels": [16, 24, 40],
        "kernel_sizes": [3, 3, 5],
        "strides": [1, 2, 2],
        "num_block_repeats": [1, 1, 1],
        "expand_ratios": [1, 6, 6],
        "depthwise_padding": [],
        "pooling_type": "mean",
    }
    text = {key: value for key, value in _TEXT.items() if key not in ("bos_token_id",)}
    return AlignModel(AlignConfig(text_config=text, vision_config=vision, projection_dim=16))


def open_clip_model(name: str, side: int = 64, depth: int = 3) -> Any:
    """One of open_clip's own classes: "vit", "resnet", "pooled" (by attention), "timm"."""
    from open_clip import CLIP, CustomTextCLIP

    text = {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 4, "layers": 2}
    towers: dict[str, Any] = {
        "vit": {"image_size": side, "patch_size": 8, "width": 32, "head_width": 8, "layers": depth},
        "resnet": {"image_size": 64, "layers": (1, 1, 1, 1), "width": 6, "head_width": 8},
        "timm": {"timm_model_name": "test_vit", "timm_pool": "token", "image_size": 160},
        "timm_cnn": {"timm_model_name": "resnet10t", "timm_pool": "avg", "image_size": 64},
    }
    towers["pooled"] = towers["vit"] | {"attentional_pool": True, "attn_pooler_queries": 7}
    if name.startswith("timm"):
        towers[name]["timm_proj"] = "linear"
        return CustomTextCLIP(24, towers[name], text)
    return CLIP(24, towers[name], text)


HUGGING_FACE: dict[str, Callable[[int, int], Any]] = {
    "clip": clip,
    "siglip": siglip,
    "altclip": altclip,
    "chinese_clip": chinese_clip,
    "align": align,
}
SIDES = {"timm": 160}  # of images, where it is not 64
OPEN_CLIP = ("vit", "resnet", "pooled", "timm", "timm_cnn")


def _made(name: str, side: int, depth: int) -> Any:
    if name in HUGGING_FACE:
        return HUGGING_FACE[name](side, depth)
    return open_clip_model(name, side, depth)


def built(name: str, side: int = 64, seed: int = 0, depth: int = 3) -> Any:
    """The model of a name for images of that side, with random weights from the seed."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = _made(name, side, depth)
    return model.eval()
