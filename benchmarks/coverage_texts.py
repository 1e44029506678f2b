"""The models of images and texts of the coverage report."""

from __future__ import annotations

import sys
from pathlib import Path

import torch
from coverage_models import Built

from camkit_core import TextTarget

sys.path.append(str(Path(__file__).parents[1] / "tests"))
from helpers.text_image import HUGGING_FACE, OPEN_CLIP, SIDES, built, tokenizer


def text_names() -> list[str]:
    """The small models of the tests: of transformers, and towers of open_clip."""
    return [*HUGGING_FACE, *(f"open_clip {name}" for name in OPEN_CLIP)]


def build_text(name: str) -> Built:
    """A model with random weights; the similarity to the embedding of a text is explained."""
    name = name.removeprefix("open_clip ")
    model = built(name, depth=6)
    if name in HUGGING_FACE:  # what the report itself calls is the image tower, too
        model.forward = model.get_image_features
    text = TextTarget("a red car", tokenizer() if name in HUGGING_FACE else None)
    side = SIDES.get(name, 64)
    torch.manual_seed(0)
    return Built(model, (3, side, side), f"{type(model).__name__}, a text", text)
