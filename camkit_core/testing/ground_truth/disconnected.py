"""Networks whose classes each read one quarter of the image, and nothing else of it.

After Rao et al. 2022 (arXiv 2205.10435, "DiFull"): the trunk of each family runs on the four
quarters one by one, their features are put together into one grid, and the head of a class reads
the class's own quarter alone. So no weight, trained or not, carries anything from one quarter to
another class. Whatever a map shows outside the class's quarter comes from the method.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor, nn

from ...engine import compare
from ...errors import CamkitError
from ...probe.further.configured_method import Method
from .networks import FAMILIES, build
from .outcome import MeasuredOutcome, inapplicable, passed_or_failed

CHECK = "disconnected head"
SIDE = 64  # of a quarter, in pixels
CHANNELS = 32  # that the head reads; few, because some methods run the network for each


class Quarters(nn.Module):
    """Four quarters through one trunk, and four classes that read one of them each.

    Args:
        trunk: the network whose parts `features` runs.
        features: from images (N, 3, 64, 64) to features (N, C, h, w).
        seed: of the head.
    """

    def __init__(self, trunk: nn.Module, features: Callable[[Tensor], Tensor], seed: int) -> None:
        super().__init__()
        self.trunk = trunk
        self.layer = nn.Identity()
        self._features = features
        weights = torch.randn(4, CHANNELS, generator=torch.Generator().manual_seed(seed))
        self.head = nn.Parameter(weights)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, 4) of images (N, 3, 128, 128)."""
        features = [
            [self._features(quarter)[:, :CHANNELS] for quarter in row] for row in _quarters(images)
        ]
        grid = self.layer(torch.cat([torch.cat(row, 3) for row in features], 2))
        pooled = [[quarter.mean((2, 3)) for quarter in row] for row in _quarters(grid)]
        quarters = torch.stack([*pooled[0], *pooled[1]], 1)  # (N, 4, C)
        scores: Tensor = (quarters * self.head).sum(2)
        return scores


def _quarters(values: Tensor) -> list[list[Tensor]]:
    """The four quarters of the grid, two rows of two."""
    return [list(half.chunk(2, 3)) for half in values.chunk(2, 2)]


def _features(family: str, network: Any) -> Callable[[Tensor], Tensor]:
    """What the family's own layer gives for an image, as (N, C, h, w)."""
    if family == "resnet":
        return lambda image: network.forward_features(image)
    if family == "densenet":
        return lambda image: network.features(image).relu()
    if family == "mnasnet":
        return lambda image: network.layers(image)
    if family == "vit":
        return lambda image: _patches(network, image)
    return lambda image: network.features(image)


def _patches(network: Any, image: Tensor) -> Tensor:
    tokens = network._process_input(image)
    tokens = torch.cat([network.class_token.expand(len(tokens), -1, -1), tokens], 1)
    patches: Tensor = network.encoder(tokens)[:, 1:]
    side = SIDE // network.patch_size
    return patches.transpose(1, 2).reshape(len(patches), -1, side, side)


@cache  # every method is checked on the same networks
def disconnected(family: str, seed: int = 0) -> Quarters:
    """The disconnected network of a family, with random weights."""
    network = build(family, seed)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        network(torch.randn(16, 3, SIDE, SIDE))  # in training mode, for the norms' statistics
    network.eval()
    return Quarters(network, _features(family, network), seed).eval()


def check_disconnected(name: str, method: str | Method, exact: bool) -> list[MeasuredOutcome]:
    """For each family, the share of a map's mass that is outside its class's quarter.

    Args:
        name: the method's.
        method: itself, or its name.
        exact: whether it weighs each position by itself, so that the share has to be zero. For
            other methods the share is reported without a bound, because weights of whole channels
            leak by design.
    """
    images = torch.randn(1, 3, 2 * SIDE, 2 * SIDE, generator=torch.Generator().manual_seed(1))
    outcomes = []
    for family in FAMILIES:
        check = f"{CHECK}, {family}"
        try:
            comparison = compare(disconnected(family), images, [method], [0, 1, 2, 3], "layer")
        except CamkitError as error:
            outcomes.append(inapplicable(name, check, str(error)))
            continue
        shares = [_outside(comparison[quarter, 0].cam[0], quarter) for quarter in range(4)]
        worst, grid = max(shares), "x".join(map(str, comparison[0, 0].cam.shape[1:]))
        what = f"largest share outside the class's quarter, measured at {grid}"
        if exact:
            outcomes.append(passed_or_failed(name, check, worst == 0, worst, what))
        else:
            outcomes.append(MeasuredOutcome(name, check, "leak", worst, what))
    return outcomes


def _outside(cam: Tensor, quarter: int) -> float:
    """The share of |cam| that is not in a quarter; quarters are counted row by row."""
    mass = cam.abs().double()
    inside = _quarters(mass[None, None])[quarter // 2][quarter % 2].sum()
    return float(1 - inside / mass.sum()) if bool(mass.any()) else 0.0
