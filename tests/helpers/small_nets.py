"""Small random networks of the real classes, one for each family and library."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from timm.models._efficientnet_builder import decode_arch_def
from timm.models.densenet import DenseNet as TimmDenseNet
from timm.models.efficientnet import EfficientNet
from timm.models.resnet import BasicBlock as TimmBasicBlock
from timm.models.resnet import ResNet as TimmResNet
from timm.models.vgg import VGG as TimmVGG  # noqa: N811
from timm.models.vision_transformer import VisionTransformer as TimmVisionTransformer
from torch import Tensor, nn
from torchvision.models.densenet import DenseNet
from torchvision.models.mnasnet import MNASNet
from torchvision.models.resnet import BasicBlock, ResNet
from torchvision.models.vgg import VGG, make_layers
from torchvision.models.vision_transformer import VisionTransformer

import camkit_core as camkit

CLASSES = 5


def _resnet() -> nn.Module:
    model = ResNet(BasicBlock, [1, 1, 1, 1])
    model.inplanes = 64
    for index, (planes, stride) in enumerate([(8, 1), (12, 2), (16, 1), (20, 1)], 1):
        setattr(model, f"layer{index}", model._make_layer(BasicBlock, planes, 1, stride))
    model.fc = nn.Linear(20, CLASSES)
    return model


def _vgg() -> nn.Module:
    features = make_layers([8, "M", 12, "M", 16, "M"])
    with torch.device("meta"):  # the class insists on a classifier of 100 million weights
        model = VGG(features, init_weights=False)
    model.avgpool = nn.AdaptiveAvgPool2d(2)
    hidden = [nn.Linear(16 * 4, 24), nn.ReLU(True), nn.Dropout(), nn.Linear(24, CLASSES)]
    model.classifier = nn.Sequential(*hidden)
    return model


def _mnasnet() -> nn.Module:
    model = MNASNet(0.1)
    for stack, blocks in ((8, 1), (9, 1), (10, 2), (11, 1), (12, 1), (13, 1)):
        model.layers[stack] = model.layers[stack][:blocks]
    for stack in (10, 12):
        model.layers[stack][0].layers[3].stride = (1, 1)
    model.layers[14] = nn.Conv2d(32, 24, 1, bias=False)
    model.layers[15] = nn.BatchNorm2d(24)
    model.classifier[1] = nn.Linear(24, CLASSES)
    return model


def _timm_mnasnet() -> nn.Module:
    blocks = decode_arch_def([["ds_r1_k3_s1_c8"], ["ir_r2_k3_s2_e3_c12"], ["ir_r1_k5_s2_e3_c16"]])
    return EfficientNet(blocks, CLASSES, num_features=24, stem_size=8, drop_rate=0.2)


def _timm_vit() -> nn.Module:
    return TimmVisionTransformer(
        32, 8, num_classes=CLASSES, embed_dim=16, depth=3, num_heads=2, reg_tokens=4,
        dynamic_img_size=True, drop_rate=0.2,
    )  # fmt: skip


FAMILIES: dict[str, Callable[[], nn.Module]] = {
    "resnet": _resnet,
    "vgg": _vgg,
    "densenet": lambda: DenseNet(8, (2, 2), 16, bn_size=2, drop_rate=0.2, num_classes=CLASSES),
    "mnasnet": _mnasnet,
    "vit": lambda: VisionTransformer(32, 8, 3, 2, 16, 32, dropout=0.2, num_classes=CLASSES),
    "timm_resnet": lambda: TimmResNet(
        TimmBasicBlock, (1, 1, 1, 1), CLASSES, channels=(8, 12, 16, 20), output_stride=8
    ),
    "timm_vgg": lambda: TimmVGG([8, "M", 12, "M"], CLASSES, mlp_ratio=0.01, drop_rate=0.2),
    "timm_densenet": lambda: TimmDenseNet(8, (2, 2), CLASSES, bn_size=2, drop_rate=0.2),
    "timm_mnasnet": _timm_mnasnet,
    "timm_vit": _timm_vit,
}


@dataclass(frozen=True, eq=False)
class Net:
    """A network in evaluation mode and three images. Tests share it, so copy it to change it."""

    name: str
    model: nn.Module
    images: Tensor


@cache
def small_net(name: str, dtype: torch.dtype = torch.float64) -> Net:
    """The network of a family; all of its signals are about as large as one."""
    with torch.random.fork_rng([]):
        torch.manual_seed(len(name))
        model = enliven(FAMILIES[name](), size=32).to(dtype)
        return Net(name, model, torch.randn(3, 3, 32, 32, dtype=torch.float64).to(dtype))


@cache
def explained(net: Net, method: str, target: int) -> camkit.Explanation:
    """The answer that others are compared with: all images for one class."""
    return camkit.explain(net.model, net.images, method, target)


@torch.no_grad()
def enliven(model: nn.Module, size: int) -> nn.Module:
    """`model`, its weights drawn anew and its batch statistics measured; in evaluation mode.

    In a network as constructed, heads are zero, norms do nothing, and signals vanish.
    """
    for module in model.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            gain = 2.0 if isinstance(module, nn.Conv2d) else 1.0
            nn.init.normal_(module.weight, std=(gain / module.weight[0].numel()) ** 0.5)
        if isinstance(module, (nn.BatchNorm2d, nn.LayerNorm)):
            nn.init.uniform_(module.weight, 0.5, 1.5)
        if isinstance(getattr(module, "bias", None), nn.Parameter):
            nn.init.normal_(module.bias, std=0.2)
        if isinstance(module, nn.BatchNorm2d):
            module.momentum = None  # running statistics become plain averages
    model.train()
    for _ in range(3):
        model(torch.randn(16, 3, size, size))
    return model.eval()
