"""Folders as the Hugging Face Hub has them: small random models, and how images are prepared."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import (
    CLIPConfig,
    CLIPImageProcessor,
    CLIPModel,
    CLIPTokenizer,
    DetrImageProcessor,
    SegformerConfig,
    SegformerForSemanticSegmentation,
    SegformerImageProcessor,
    ViTConfig,
    ViTForImageClassification,
    ViTImageProcessor,
    YolosConfig,
    YolosForObjectDetection,
)

PETS = {0: "cat", 1: "dog", 2: "pug"}
_SMALL: dict[str, Any] = {
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 16,
    "patch_size": 8,
}


def classifier(folder: Path, side: int = 32) -> Path:
    """A classifier of three pets, with its image processor."""
    torch.manual_seed(1)
    model = ViTForImageClassification(ViTConfig(image_size=side, id2label=PETS, **_SMALL))
    model.save_pretrained(folder)
    size = {"height": side, "width": side}
    ViTImageProcessor(size=size, image_mean=[0.4, 0.5, 0.6]).save_pretrained(folder)
    return folder


def detector(folder: Path, side: int = 48) -> Path:
    """A detector of eight boxes of three pets, here and there, with its image processor."""
    torch.manual_seed(2)
    config = YolosConfig(image_size=[side, side], num_detection_tokens=8, id2label=PETS, **_SMALL)
    model = YolosForObjectDetection(config)
    with torch.no_grad():
        model.vit.embeddings.detection_tokens.normal_(0, 3)
        for head in (model.class_labels_classifier, model.bbox_predictor):
            for layer in head.layers:
                layer.weight.normal_(0, 0.4)
        model.class_labels_classifier.layers[-1].bias[-1] = -20  # each box is one of something
    model.save_pretrained(folder)
    size = {"shortest_edge": side, "longest_edge": 2 * side}
    DetrImageProcessor(size=size).save_pretrained(folder)
    return folder


def segmenter(folder: Path, side: int = 32) -> Path:
    """A segmenter of three pets, with its image processor."""
    torch.manual_seed(0)
    config = SegformerConfig(
        depths=[1, 1, 1, 1],
        hidden_sizes=[8, 8, 8, 8],
        num_attention_heads=[1, 1, 1, 1],
        decoder_hidden_size=8,
        id2label=PETS,
    )
    SegformerForSemanticSegmentation(config).save_pretrained(folder)
    size = {"height": side, "width": side}
    SegformerImageProcessor(size=size).save_pretrained(folder)
    return folder


def text_image(folder: Path, side: int = 32) -> Path:
    """A CLIP model with its image processor and a tokenizer that knows letters alone."""
    torch.manual_seed(0)
    vision = {"image_size": side, "projection_dim": 8, **_SMALL}
    letters = [chr(code) for code in range(ord("a"), ord("z") + 1)]
    words = [*letters, *(f"{letter}</w>" for letter in letters)]
    words += ["<|startoftext|>", "<|endoftext|>"]
    text = {
        "hidden_size": 16,
        "num_hidden_layers": 1,
        "num_attention_heads": 2,
        "intermediate_size": 16,
        "vocab_size": len(words),
        "bos_token_id": len(words) - 2,
        "eos_token_id": len(words) - 1,
        "projection_dim": 8,
    }
    config = CLIPConfig(text_config=text, vision_config=vision, projection_dim=8)
    CLIPModel(config).save_pretrained(folder)
    size = {"shortest_edge": side}
    crop = {"height": side, "width": side}
    CLIPImageProcessor(size=size, crop_size=crop).save_pretrained(folder)
    vocabulary = {word: number for number, word in enumerate(words)}
    CLIPTokenizer(vocab=vocabulary, merges=[]).save_pretrained(folder)
    return folder
