"""A network of matched filters, and pictures of noise with what it looks for planted in them.

A picture is random cells of -1 and 1. The classes are two patterns of five by five such cells. Each
is planted once, and the same noise surrounds it, so neither edges nor contrast show where it is.
Filters, pictures and positions wrap round at the border, so no position is special. A map that does
not depend on the patterns has the patterns' share of the picture on them, whatever positions the
method favours.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812 - the name everybody knows
from torch import Tensor, nn

from ...engine import compare
from ...errors import CamkitError
from ...metrics.judging.bootstrap import mean_interval
from ...probe.further.configured_method import Method
from .outcome import MeasuredOutcome, inapplicable, passed_or_failed

Array = np.ndarray[Any, Any]
PLACE, CLASS, CHANCE = "planted: place", "planted: class", "untrained: chance"
SIZE, SIDE, CLASSES = (20, 32), 5, 2
PICTURES, MANY = 8, 80  # pictures with known patterns, and with unknown ones
_LEVEL = 0.999  # of the intervals that have to hold chance: one in a thousand does not


def patterns(seed: int = 0) -> Tensor:
    """The classes' patterns (2, 5, 5) of -1 and 1."""
    return _cells((CLASSES, SIDE, SIDE), torch.Generator().manual_seed(seed))


class MatchedFilters(nn.Module):
    """Finds each pattern where most of its cells are right, and marks its box.

    A filter's answer is 25 at a match and below 18 nearly everywhere else; 18 is taken off it. Each
    position of a box adds 12 to the score of its class. A third class, "nothing", has a score of 6.
    So one position of a box, which is all that some methods leave of a picture, decides for its
    class, and no position decides for "nothing".
    """

    def __init__(self) -> None:
        super().__init__()
        self.match = nn.Conv2d(1, CLASSES, SIDE, padding=SIDE // 2, padding_mode="circular")
        self.match.weight = nn.Parameter(patterns()[:, None])
        self.match.bias = nn.Parameter(torch.full((CLASSES,), -18.0))
        self.layer = nn.Conv2d(
            CLASSES,
            CLASSES,
            SIDE,
            padding=SIDE // 2,
            padding_mode="circular",
            groups=CLASSES,
            bias=False,
        )
        self.layer.weight = nn.Parameter(torch.ones(CLASSES, 1, SIDE, SIDE))

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits (N, 3) of pictures (N, 1, H, W)."""
        boxes = self.layer(self.match(pictures).relu()) / (SIDE**2 - 18)
        return F.pad(12 * boxes.sum((2, 3)), (0, 1), value=6.0)


class Untrained(nn.Module):
    """A network of random weights with the same field of view, which also wraps round."""

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.first = nn.Conv2d(1, 8, 3, padding=1, padding_mode="circular")
            self.layer = nn.Conv2d(8, 16, 3, padding=1, padding_mode="circular")
            self.head = nn.Linear(16, CLASSES)

    def forward(self, pictures: Tensor) -> Tensor:
        """Logits (N, 2) of pictures (N, 1, H, W)."""
        scores: Tensor = self.head(self.layer(self.first(pictures).relu()).relu().mean((2, 3)))
        return scores


def planted(count: int, seed: int = 1, fresh: bool = False) -> tuple[Tensor, Tensor]:
    """Pictures (N, 1, H, W) with both patterns, and the boxes they are in (N, 2, H, W), bool.

    With `fresh`, each picture has patterns of its own, which no network can know.
    """
    generator = torch.Generator().manual_seed(seed)
    height, width = SIZE
    pictures, boxes = _cells((count, 1, height, width), generator), []
    for picture in pictures:
        corners = _corners(generator)
        pair = []
        both = _cells((CLASSES, SIDE, SIDE), generator) if fresh else patterns()
        for pattern, (top, left) in zip(both, corners, strict=True):
            rows = torch.arange(top, top + SIDE)[:, None] % height
            columns = torch.arange(left, left + SIDE) % width
            picture[0, rows, columns] = pattern
            box = torch.zeros(height, width, dtype=torch.bool)
            box[rows, columns] = True
            pair.append(box)
        boxes.append(torch.stack(pair))
    return pictures, torch.stack(boxes)


def check_planted(name: str, method: str | Method, needs_class: bool) -> list[MeasuredOutcome]:
    """Whether maps lie on the patterns, and on the pattern of the class.

    Args:
        name: the method's.
        method: itself, or its name.
        needs_class: whether its map depends on the class.
    """
    if not needs_class:
        return [inapplicable(name, check, "it reads no class") for check in (PLACE, CLASS)]
    pictures, boxes = planted(PICTURES)
    try:
        comparison = compare(MatchedFilters().eval(), pictures, [method], [0, 1], "layer")
    except CamkitError as error:
        return [inapplicable(name, check, str(error)) for check in (PLACE, CLASS)]
    heats = torch.stack([comparison[row, 0].heatmap for row in range(CLASSES)], 1).double()
    either_box = boxes.any(1, keepdim=True).expand_as(boxes)
    in_boxes = float(_share(heats, either_box).min())
    right, wrong = _share(heats, boxes), _share(heats, boxes.flip(1))
    in_right_box = float((right / (right + wrong)).nan_to_num(0).min())
    of_class = "least share of that in the class's own box"
    return [
        passed_or_failed(name, PLACE, in_boxes > 0.9, in_boxes, "least share in boxes"),
        passed_or_failed(name, CLASS, in_right_box > 0.9, in_right_box, of_class),
    ]


def check_chance(name: str, method: str | Method) -> MeasuredOutcome:
    """Whether the map of an untrained network has a box's share of the picture in the box."""
    pictures, boxes = planted(MANY, fresh=True)
    try:
        heat = compare(Untrained().eval(), pictures, [method], [0], "layer")[0, 0].heatmap
    except CamkitError as error:
        return inapplicable(name, CHANCE, str(error))
    shares = _share(heat[:, None].double(), boxes[:, :1])[:, 0]
    chance = SIDE**2 / (SIZE[0] * SIZE[1])
    interval = mean_interval(shares.numpy() - chance, level=_LEVEL)
    what = f"share above chance, from {interval.low:.3f} to {interval.high:.3f}"
    return passed_or_failed(name, CHANCE, interval.low <= 0 <= interval.high, interval.mean, what)


def _share(heats: Tensor, boxes: Tensor) -> Tensor:
    """The share of each map's mass (N, T, H, W) that is in a box: (N, T); nan of an empty map."""
    return (heats * boxes).sum((2, 3)) / heats.sum((2, 3))


def _corners(generator: torch.Generator) -> list[tuple[int, int]]:
    """Two corners whose boxes, which wrap round, do not touch."""
    while True:
        drawn = [[int(torch.randint(side, (), generator=generator)) for side in SIZE] for _ in "ab"]
        apart = [abs(a - b) for a, b in zip(*drawn, strict=True)]
        around = [min(gap, side - gap) for gap, side in zip(apart, SIZE, strict=True)]
        if max(around) > SIDE:
            return [(top, left) for top, left in drawn]


def _cells(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return 2.0 * torch.randint(2, shape, generator=generator) - 1
