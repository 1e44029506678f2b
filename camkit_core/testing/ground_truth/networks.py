"""The zoo: small networks of five families for glyph scenes, from torchvision's and timm's classes.

Their strides are smaller than those of the large networks, so a glyph of 15 to 21 pixels covers
more than one position of the grid. For pictures of 64 pixels the grid is 8x8, the ResNet's 16x16.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open
from safetensors.torch import load_file
from torch import Tensor, nn

from ...inputs.shipped_networks import FAMILIES as FAMILIES
from .scenes import CLASSES, SIZE

WEIGHTS = Path(__file__).with_name("weights")


def resnet() -> Any:
    """A ResNet with a block in each stage; a linear head behind global pooling."""
    from timm.models.resnet import BasicBlock, ResNet

    widths = (32, 32, 64, 128)
    network: Any = ResNet(
        BasicBlock,  # type: ignore[arg-type]
        (1, 1, 1, 1),
        num_classes=len(CLASSES),
        output_stride=8,
        stem_type="deep",
        stem_width=16,
        channels=widths,
    )
    network.maxpool = nn.Identity()
    return network


def vgg() -> Any:
    """A VGG with norms, pooled to 2x2; its head is not linear, so methods give different maps."""
    from torchvision.models.vgg import VGG, make_layers

    features = make_layers([16, "M", 32, 32, "M", 64, 64, "M", 128, 128], batch_norm=True)
    network = VGG(features, num_classes=len(CLASSES))
    network.avgpool = nn.AdaptiveAvgPool2d(2)
    network.classifier = nn.Sequential(
        nn.Linear(4 * 128, 128), nn.ReLU(), nn.Dropout(0.1), nn.Linear(128, len(CLASSES))
    )
    return network


def densenet() -> Any:
    """A DenseNet of three blocks."""
    from torchvision.models import DenseNet

    network = DenseNet(12, (4, 4, 4), 24, num_classes=len(CLASSES))
    network.features.conv0 = nn.Conv2d(3, 24, 3, 2, 1, bias=False)
    network.features.pool0 = nn.Identity()
    return network


def mnasnet() -> Any:
    """An MNASNet of half the width, without its first and its last stride."""
    from torchvision.models import MNASNet

    network = MNASNet(0.5, len(CLASSES), dropout=0.0)
    for layer in (network.layers[0], network.layers[12][0].layers[3]):
        layer.stride = (1, 1)
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = 0.1  # MNASNet's own momentum is for a training of days
    nn.init.zeros_(network.classifier[1].weight)
    return network


def vit() -> Any:
    """A vision transformer of three blocks behind a stem of convolutions, with a class token."""
    from torchvision.models.vision_transformer import ConvStemConfig, VisionTransformer

    widths = ((16, 1), (32, 2), (32, 1), (64, 2), (64, 1), (96, 2))
    stem = [ConvStemConfig(width, 3, stride) for width, stride in widths]
    return VisionTransformer(
        SIZE, 8, 3, 4, 96, 192, num_classes=len(CLASSES), conv_stem_configs=stem
    )


_BUILDERS: dict[str, Callable[[], Any]] = {
    "resnet": resnet,
    "vgg": vgg,
    "densenet": densenet,
    "mnasnet": mnasnet,
    "vit": vit,
}


def build(family: str, seed: int = 0) -> nn.Module:
    """The network of a family, its weights drawn from a seed; random states stay as they are."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network: nn.Module = _BUILDERS[family]()
    return network


def weights_of(family: str, folder: Path = WEIGHTS) -> Path:
    """The file of a network's trained weights."""
    return folder / f"{family}.safetensors"


def trained(family: str, folder: Path = WEIGHTS) -> nn.Module:
    """The trained network of a family in evaluation mode; its file is in half precision."""
    with torch.device("meta"):  # no weights are drawn that the file's replace
        network: nn.Module = _BUILDERS[family]()
    put(network, load_file(weights_of(family, folder)), assign=True)
    return network.eval()


def put(network: nn.Module, stored: Mapping[str, Tensor], assign: bool = False) -> None:
    """Give a network stored weights; in place of its own, where `assign` is True."""
    state = network.state_dict()  # it holds the version of its layout, which MNASNet needs
    for name in state:
        value = stored[name]
        state[name] = value.float() if value.is_floating_point() else value
    network.load_state_dict(state, assign=assign)


def record_of(family: str, folder: Path = WEIGHTS) -> dict[str, str]:
    """What a weights file says of its training: scenes, seed, accuracy, versions."""
    with safe_open(weights_of(family, folder), framework="pt") as stored:
        return dict(stored.metadata())


def preprocess(pictures: Any) -> Tensor:
    """Pictures (N, H, W, 3) or (H, W, 3), uint8, as a batch (N, 3, H, W) of values in [-1, 1]."""
    pixels = torch.from_numpy(pictures)
    batch = pixels[None] if pixels.ndim == 3 else pixels
    return batch.movedim(-1, 1).float() / 127.5 - 1
