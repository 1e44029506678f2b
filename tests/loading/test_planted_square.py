"""The map of a bright square lies on the square in the original, whatever prepared the picture."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image, ImageOps
from torch import nn
from torchvision import transforms
from torchvision.models import ResNet50_Weights
from torchvision.transforms import v2

import camkit_core as camkit
from camkit_core.inputs.models.sources.letterbox import Letterbox
from helpers.planted.yolo import planted_yolo

CELL = 16  # pixels of the input
Transform = Callable[[Any], Any]


class Brightness(nn.Module):
    """A network whose class 0 is brightness: its map is the bright square, cell by cell."""

    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Sequential(
            nn.AvgPool2d(CELL, ceil_mode=True), nn.Conv2d(3, 1, 1), nn.ReLU()
        )
        self.head = nn.Linear(1, 2, bias=False)
        nn.init.constant_(self.layer[1].weight, 1)
        nn.init.constant_(self.layer[1].bias, -2.5)
        nn.init.constant_(self.head.weight, 1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        return self.head(self.layer(images).mean((2, 3)))


def planted(height: int, width: int, place: tuple[float, float]) -> np.ndarray[Any, Any]:
    """A dark picture with a bright square around a place, given in parts of height and width."""
    pixels = np.zeros((height, width, 3), np.uint8)
    side = min(height, width) // 10
    row, column = int(place[0] * height), int(place[1] * width)
    pixels[row - side : row + side, column - side : column + side] = 255
    return pixels


def centre(values: Any) -> tuple[float, float]:
    """The centre of what is brighter than half of the maximum: row and column."""
    rows, columns = np.nonzero(np.asarray(values) > 0.5 * float(np.max(values)))
    return float(rows.mean() + 0.5), float(columns.mean() + 0.5)


def on_the_square(e: Any, pixels: np.ndarray[Any, Any]) -> bool:
    """Whether the map's centre is the square's, within a cell of the grid."""
    found, true = centre(e.on_original().numpy()), centre(pixels[..., 0])
    across, down = map(abs, e.originals[0].window.step)
    return abs(found[0] - true[0]) <= CELL * down and abs(found[1] - true[1]) <= CELL * across


def of_timm(mode: str) -> Transform:
    from timm.data import create_transform

    made: Transform = create_transform((3, 224, 224), crop_pct=0.9, crop_mode=mode)
    return made


def of_hugging_face(name: str) -> Transform:
    import transformers

    made: Transform = getattr(transformers, name)()
    return made


def mirrored() -> Transform:
    steps = [transforms.Resize((192, 320)), transforms.Lambda(ImageOps.mirror)]
    return transforms.Compose([*steps, transforms.ToTensor(), transforms.Normalize(0.5, 0.25)])


def padded() -> Transform:
    steps = [v2.ToImage(), v2.Resize(160), v2.CenterCrop(144), v2.Pad(40)]
    scaled = v2.ToDtype(torch.float32, scale=True)
    return v2.Compose([*steps, scaled, v2.Normalize([0.5] * 3, [0.25] * 3)])


TRANSFORMS: dict[str, Callable[[], Any]] = {
    "torchvision, its weights'": ResNet50_Weights.DEFAULT.transforms,
    "torchvision, mirrored and squashed": mirrored,
    "torchvision v2, cropped and padded": padded,
    "timm, the middle": lambda: of_timm("center"),
    "timm, squashed": lambda: of_timm("squash"),
    "timm, with a border": lambda: of_timm("border"),
    "Hugging Face, squashed": lambda: of_hugging_face("ViTImageProcessor"),
    "Hugging Face, the middle": lambda: of_hugging_face("CLIPImageProcessor"),
    "camkit, the middle 7/8": camkit.Preprocessing,
    "camkit, a letterbox": lambda: Letterbox((320, 320), (0.5,) * 3, (0.2,) * 3),
}


@pytest.fixture(scope="module")
def model() -> nn.Module:
    return Brightness().eval()


@pytest.mark.parametrize("name", TRANSFORMS)
def test_the_map_lies_on_the_square(name: str, model: nn.Module) -> None:
    for pixels in (planted(300, 450, (0.4, 0.45)), planted(500, 320, (0.6, 0.6))):
        e = camkit.explain(model, pixels, target=0, layer="layer", transform=TRANSFORMS[name]())
        assert on_the_square(e, pixels), e.originals[0].window


def test_so_it_does_on_a_photo_of_24_million_pixels(model: nn.Module) -> None:
    pixels = planted(4000, 6000, (0.6, 0.4))
    e = camkit.explain(model, pixels, target=0, layer="layer", transform=camkit.Preprocessing())
    found = centre(e.on_original()[::10, ::10].numpy())
    assert np.abs(np.subtract(found, (240, 240))).max() <= CELL * 4000 / 256 / 10
    assert e.render().size == (6000, 4000)


@pytest.mark.parametrize("turn", [3, 6, 8])
def test_so_it_does_on_a_photo_that_was_turned(turn: int, model: nn.Module, tmp_path: Path) -> None:
    pixels = planted(300, 450, (0.6, 0.4))
    back = {3: 2, 6: 1, 8: 3}[turn]  # quarter turns from upright to what the camera stores
    tags = Image.Exif()
    tags[0x0112] = turn
    Image.fromarray(np.rot90(pixels, back)).save(tmp_path / "photo.png", exif=tags)
    transform = ResNet50_Weights.DEFAULT.transforms()
    e = camkit.explain(model, tmp_path / "photo.png", target=0, layer="layer", transform=transform)
    assert on_the_square(e, pixels)


def test_the_map_of_a_tensor_is_put_in_its_place_by_the_transform(model: nn.Module) -> None:
    pixels, transform = planted(300, 450, (0.4, 0.6)), ResNet50_Weights.DEFAULT.transforms()
    e = camkit.explain(model, transform(Image.fromarray(pixels))[None], target=0, layer="layer")
    drawn = e.render("heatmap", image=pixels, transform=transform, colormap="viridis")
    own = camkit.explain(model, pixels, target=0, layer="layer", transform=transform)
    assert drawn.tobytes() == own.render("heatmap", colormap="viridis").tobytes()


def test_without_the_transform_it_is_said_that_the_map_is_stretched(model: nn.Module) -> None:
    e = camkit.explain(model, torch.ones(1, 3, 224, 224), target=0, layer="layer")
    with pytest.warns(camkit.CamkitWarning, match="stretched over the whole picture.*transform="):
        e.render(image=planted(300, 450, (0.4, 0.6)))


def test_another_picture_or_transform_than_the_models_is_noticed(model: nn.Module) -> None:
    pixels, transform = planted(300, 450, (0.4, 0.6)), ResNet50_Weights.DEFAULT.transforms()
    e = camkit.explain(model, transform(Image.fromarray(pixels))[None], target=0, layer="layer")
    with pytest.warns(camkit.CamkitWarning, match="another input of this picture"):
        e.render(image=planted(300, 450, (0.6, 0.4)), transform=transform)
    with pytest.raises(camkit.InputError, match=r"makes an input \(3, 192, 320\)"):
        e.render(image=pixels, transform=mirrored())


def test_the_boxes_and_the_map_of_a_letterboxed_photo_are_in_the_photo() -> None:
    pixels = np.full((620, 1000, 3), 128, np.uint8)
    pixels[300:350, 700:750] = (0, 0, 255)  # a dog to this detector
    e = camkit.explain(planted_yolo(), pixels, target="dog")
    assert e.images.shape == (1, 3, 416, 640)
    (box,) = e.summary()["original"]["boxes"]
    assert box == pytest.approx([700, 300, 750, 350], abs=CELL)
    assert np.abs(np.subtract(centre(e.on_original().numpy()), (325, 725))).max() <= CELL
