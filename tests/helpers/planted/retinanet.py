"""torchvision's RetinaNet with weights set by hand: small red squares and large blue ones.

The fine level of its pyramid finds red squares of 16 pixels (class 0), the coarse one blue squares
of 32 pixels (class 1); a level does not see the other's colour.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torchvision.models.detection import RetinaNet
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.backbone_utils import BackboneWithFPN
from torchvision.ops.feature_pyramid_network import ExtraFPNBlock

from helpers.planted.two_squares import COLOURS, two_squares

SIDES = (16, 32)  # of a red and of a blue square, in pixels
_CHANNELS = 4


def scenes(places: Tensor, size: tuple[int, int], seed: int = 0) -> Tensor:
    """See `two_squares`."""
    return two_squares(places, size, SIDES, seed)


def random_places(count: int, size: tuple[int, int], seed: int = 0) -> Tensor:
    """Corners (N, 2, 2) of two squares that do not touch."""
    generator = torch.Generator().manual_seed(seed)
    places = []
    while len(places) < count:
        corners = [
            [int(torch.randint((edge - side) // step + 1, (1,), generator=generator)) * step
             for edge in size]
            for side, step in zip(SIDES, (8, 16), strict=True)
        ]  # fmt: skip
        (row, column), (other_row, other_column) = corners
        apart = max(row, other_row) - min(row + 16, other_row + 32) >= 0
        if apart or max(column, other_column) - min(column + 16, other_column + 32) >= 0:
            places.append(corners)
    return torch.tensor(places)


def planted_retinanet(size: tuple[int, int]) -> nn.Module:
    """The detector; the model's own transform leaves pictures of `size` as they are, but pads."""
    model = RetinaNet(
        _backbone(),
        num_classes=2,
        min_size=min(size),
        max_size=max(size),
        image_mean=[0.0] * 3,
        image_std=[1.0] * 3,
        anchor_generator=AnchorGenerator(((16,), (32,)), ((1.0,),) * 2),
        score_thresh=0.3,
        topk_candidates=20,
        detections_per_img=5,
    ).eval()
    with torch.no_grad():
        _set_pyramid(model.backbone.fpn)
        _set_heads(model.head)
    return model


def _backbone() -> nn.Module:
    """Two stages of means, of 8 and of 16 pixels; channel k is colour k."""
    first = nn.Conv2d(3, _CHANNELS, 8, stride=8, bias=False)
    second = nn.Conv2d(_CHANNELS, _CHANNELS, 2, stride=2, bias=False)
    with torch.no_grad():
        first.weight.zero_()
        second.weight.zero_()
        for channel in range(_CHANNELS):
            second.weight[channel, channel] = 1 / 4
            if channel < 3:
                first.weight[channel, channel] = 1 / 64
    stages = nn.Sequential(nn.Sequential(first, nn.ReLU()), nn.Sequential(second, nn.ReLU()))
    return BackboneWithFPN(
        stages, {"0": "0", "1": "1"}, [_CHANNELS] * 2, _CHANNELS, extra_blocks=_NoMore()
    )


class _NoMore(ExtraFPNBlock):
    """No levels beyond those of the backbone."""

    def forward(
        self, results: list[Tensor], given: list[Tensor], names: list[str]
    ) -> tuple[list[Tensor], list[str]]:
        return results, names


def _set_pyramid(pyramid: nn.Module) -> None:
    for blocks in (pyramid.inner_blocks, pyramid.layer_blocks):
        for level, block in enumerate(blocks):
            convolution = block[0]
            nn.init.zeros_(convolution.weight)
            nn.init.zeros_(convolution.bias)
            middle = convolution.kernel_size[0] // 2
            colour = COLOURS[level]
            convolution.weight[colour, colour, middle, middle] = 1


def _set_heads(head: nn.Module) -> None:
    """The class is the colour of the four cells around an anchor's centre; anchors stay boxes."""
    for part in (head.classification_head, head.regression_head):
        for block in part.conv:
            nn.init.dirac_(block[0].weight)
            nn.init.zeros_(block[0].bias)
    scores = head.classification_head.cls_logits
    nn.init.zeros_(scores.weight)
    nn.init.constant_(scores.bias, -4)
    for category, colour in enumerate(COLOURS):
        scores.weight[category, colour, :2, :2] = 7 / 4
    for parameter in head.regression_head.bbox_reg.parameters():
        nn.init.zeros_(parameter)
