"""Makers of models from the classes and names of libraries, for an input size."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
import timm
import torch
import torchvision
from torch import nn

Size = tuple[int, int]


def of_timm(name: str, **settings: Any) -> Callable[[Size], nn.Module]:
    """A timm model; it is made for the input size if it accepts only one size."""
    sized = "img_size" in settings
    settings.pop("img_size", None)
    return lambda size: timm.create_model(name, **settings, **({"img_size": size} if sized else {}))


def of_class(kind: Any, **settings: Any) -> Callable[[Size], nn.Module]:
    """A model made for an input size from its class."""
    return lambda size: kind(img_size=size, num_classes=5, **settings)


def of_torchvision(name: str, **settings: Any) -> Callable[[Size], nn.Module]:
    """A model of torchvision with random weights."""
    return lambda size: torchvision.models.get_model(name, weights=None, **settings)


def shallow(make: Callable[[Size], nn.Module], blocks: Sequence[str]) -> Any:
    """A network of convolutions in which some blocks let everything pass.

    These blocks repeat what comes before them, so shapes and names stay. Their weights are not
    even drawn: the network is made without any, and the others are drawn afterwards.
    """

    def made(size: Size) -> nn.Module:
        with torch.device("meta"):
            model = make(size)
        for block in blocks:
            part, _, name = block.rpartition(".")
            setattr(model.get_submodule(part), name, nn.Identity())
        model.to_empty(device="cpu")
        for module in model.modules():
            getattr(module, "reset_parameters", lambda: None)()
        return model

    return made


def places(part: str, *at: int) -> list[str]:
    """The names of blocks at some places of a part."""
    return [f"{part}.{place}" for place in at]


def of_huggingface(kind: str, **settings: Any) -> Callable[[Size], nn.Module]:
    """A classifier of Hugging Face with a small config."""

    def make(size: Size) -> nn.Module:
        transformers = pytest.importorskip("transformers")
        config = getattr(transformers, f"{kind}Config")(**settings)
        return getattr(transformers, f"{kind}ForImageClassification")(config)

    return make
