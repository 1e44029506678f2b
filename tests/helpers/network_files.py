"""Small networks of the real libraries, and their weights in files, for the tests."""

from __future__ import annotations

from pathlib import Path

import timm
import torch
import torchvision
from torch import nn


def squeezenet(classes: int = 1000) -> nn.Module:
    torch.manual_seed(7)
    model: nn.Module = torchvision.models.get_model("squeezenet1_1", num_classes=classes)
    return model


def vit(classes: int = 5) -> nn.Module:
    torch.manual_seed(7)
    return timm.create_model("test_vit", num_classes=classes)


def saved(content: object, path: Path) -> Path:
    torch.save(content, path)
    return path


def same_weights(model: nn.Module, other: nn.Module) -> bool:
    pairs = zip(model.state_dict().values(), other.state_dict().values(), strict=True)
    return all(torch.equal(first, second) for first, second in pairs)


def tiny() -> nn.Module:
    """A network of a few weights, the factory `TINY` of the tests."""
    return nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(16, 2))


TINY = "helpers.network_files:tiny"


def wide() -> nn.Module:
    """A network of one weight, which takes some room in a file; a factory, too."""
    return nn.Sequential(nn.Flatten(), nn.Linear(48, 200, bias=False))
