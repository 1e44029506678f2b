"""The language models of the coverage report, and what their processors make of images."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from coverage_models import Built

import camkit_core as camkit


def _models() -> dict[str, Callable[[], Any]]:
    """The small models of the tests, whose configs and inputs are taken."""
    helpers = str(Path(__file__).parents[1] / "tests")
    if helpers not in sys.path:
        sys.path.append(helpers)
    from helpers.language_models import MODELS

    return MODELS


def language_names() -> list[str]:
    """The language models that see."""
    return list(_models())


def build_language(name: str) -> Built:
    """A model with random weights; the token that it generates next is explained."""
    planted = _models()[name]()
    kind, config = type(planted.model), planted.model.config
    torch.manual_seed(0)
    model = kind(config)
    for parameter in model.parameters():  # Gemma 3 is built with a projection of zeros
        if parameter.ndim > 1 and not bool(parameter.any()):
            torch.nn.init.normal_(parameter, std=0.1)
    target = camkit.TokenTarget(-1)
    note = f"{kind.__name__}, the next token"
    return Built(model, (3, *planted.size), note, target, planted.inputs)
