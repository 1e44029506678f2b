"""Networks whose answer is a map over the image, or boxes on a pyramid of such maps."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from helpers.families.family import Family, drawn

CONVS = {1: nn.Conv1d, 2: nn.Conv2d, 3: nn.Conv3d}


def stage(given: int, out: int, stride: int = 2, rank: int = 2) -> nn.Sequential:
    """A convolution and its activation."""
    return nn.Sequential(CONVS[rank](given, out, 3, stride, 1), nn.SiLU())


class Plain(nn.Module):
    """A fully convolutional network: stages, then a convolution of width 1, then made larger."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stages = nn.Sequential(stage(3, 8), stage(8, 12), stage(12, 16, 1))
        self.out = nn.Conv2d(16, 4, 1)

    def forward(self, images: Tensor) -> Tensor:
        return F.interpolate(self.out(self.stages(images)), scale_factor=4, mode="bilinear")


class UNet(nn.Module):
    """Stages down and up again, each joined with the one of its size.

    Args:
        rank: how many spatial axes the images have.
        auxiliary: whether the output is (masks, logits), the logits of what the last stage says.
    """

    def __init__(self, rank: int = 2, auxiliary: bool = False) -> None:
        super().__init__()
        torch.manual_seed(0)
        conv = CONVS[rank]
        self.encoder = nn.ModuleList(
            [stage(3, 8, 1, rank), stage(8, 12, 2, rank), stage(12, 16, 2, rank)]
        )
        self.decoder = nn.ModuleList([stage(28, 12, 1, rank), stage(20, 8, 1, rank)])
        self.segmentation_head = conv(8, 4, 3, padding=1)
        self.classification_head = nn.Linear(16, 3) if auxiliary else None

    def forward(self, images: Tensor) -> Tensor | tuple[Tensor, Tensor]:
        features = [images]
        for down in self.encoder:
            features.append(down(features[-1]))
        x = features[-1]
        for up, skip in zip(self.decoder, features[-2:0:-1], strict=True):
            x = up(torch.cat([F.interpolate(x, scale_factor=2), skip], 1))
        masks = self.segmentation_head(x)
        if self.classification_head is None:
            return masks
        return masks, self.classification_head(features[-1].flatten(2).mean(2))


class Pyramid(nn.Module):
    """A detector of three scales: boxes as means of distances, class scores as probabilities.

    Returns (N, 4 + classes, anchors), of all scales joined.
    """

    BINS, CLASSES = 6, 3

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.backbone = nn.ModuleList([stage(3, 8), stage(8, 12), stage(12, 16), stage(16, 20)])
        self.neck = nn.ModuleList([stage(36, 16, 1), stage(28, 12, 1)])
        self.down = nn.ModuleList([stage(12, 12), stage(16, 16)])
        self.join = nn.ModuleList([stage(28, 16, 1), stage(36, 20, 1)])
        widths = 12, 16, 20
        self.boxes = nn.ModuleList([_branch(width, 4 * self.BINS) for width in widths])
        self.classes = nn.ModuleList([_branch(width, self.CLASSES) for width in widths])
        self.dfl = nn.Conv2d(self.BINS, 1, 1, bias=False)
        self.dfl.weight.data = torch.arange(self.BINS, dtype=torch.float).view(1, -1, 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        _, fine, middle, coarse = self._features(images)
        middle = self.neck[0](torch.cat([F.interpolate(coarse, scale_factor=2), middle], 1))
        fine = self.neck[1](torch.cat([F.interpolate(middle, scale_factor=2), fine], 1))
        middle = self.join[0](torch.cat([self.down[0](fine), middle], 1))
        coarse = self.join[1](torch.cat([self.down[1](middle), coarse], 1))
        scales = [
            torch.cat([box(x), scores(x)], 1).flatten(2)
            for box, scores, x in zip(self.boxes, self.classes, (fine, middle, coarse), strict=True)
        ]
        boxes, scores = torch.cat(scales, 2).split([4 * self.BINS, self.CLASSES], 1)
        distances = boxes.view(len(boxes), 4, self.BINS, -1).transpose(1, 2).softmax(1)
        return torch.cat([self.dfl(distances).squeeze(1), scores.sigmoid()], 1)

    def _features(self, images: Tensor) -> list[Tensor]:
        features = [images]
        for step in self.backbone:
            features.append(step(features[-1]))
        return features[1:]


def _branch(given: int, out: int) -> nn.Sequential:
    return nn.Sequential(stage(given, given, 1), nn.Conv2d(given, out, 1))


FAMILIES = {
    "FCN, mean of a mask": Family(
        lambda: Plain().eval(),
        lambda count: drawn(count, 3, 32, 32),
        lambda output: output[1].mean(),
        lambda output: output[0, 1].mean(),
        "stages.1",
        "stages.1",
        (8, 8),
    ),
    "U-Net": Family(
        lambda: UNet().eval(),
        lambda count: drawn(count, 3, 32, 32),
        lambda output: output[1].mean(),
        lambda output: output[0, 1].mean(),
        "encoder.2",
        "encoder.2",
        (8, 8),
    ),
    "U-Net with a second head, a mask": Family(
        lambda: UNet(auxiliary=True).eval(),
        lambda count: drawn(count, 3, 32, 32),
        lambda output: output[0][1].mean(),
        lambda output: output[0][0, 1].mean(),
        "encoder.2",
        "encoder.2",
        (8, 8),
    ),
    "U-Net with a second head, a class": Family(
        lambda: UNet(auxiliary=True).eval(),
        lambda count: drawn(count, 3, 32, 32),
        2,
        lambda output: output[1][0, 2],
        "encoder.2",
        "encoder.2",
        (8, 8),
        settings={"output": 1},
    ),
    "U-Net of volumes": Family(
        lambda: UNet(3).eval(),
        lambda count: drawn(count, 3, 16, 16, 16),
        lambda output: output[1].mean(),
        lambda output: output[0, 1].mean(),
        "encoder.2",
        "encoder.2",
        (4, 4, 4),
    ),
    "pyramid of boxes": Family(
        lambda: Pyramid().eval(),
        lambda count: drawn(count, 3, 64, 64),
        lambda output: output[4].max(),
        lambda output: output[0, 4].max(),
        "backbone.3",
        "backbone.3",
        (4, 4),
    ),
}
