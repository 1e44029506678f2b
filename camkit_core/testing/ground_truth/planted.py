"""A network of matched filters, and pictures of noise with what it looks for planted in them.

A picture is random cells of -1 and 1. Two patterns of five by five such cells are the classes, each
planted once; around them is nothing but the same noise, so that neither edges nor contrast tell
where they are. Filter, picture and places wrap round, so that no place is special: a map that knows
nothing of the patterns has their share of the picture, and no more, wherever it prefers to look.
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
from ...results.configured_method import Method
from .finding import Finding, inapplicable, judged

Array = np.ndarray[Any, Any]
PLACE, CLASS, CHANCE = "planted: place", "planted: class", "untrained: chance"
SIZE, SIDE, CLASSES = (20, 32), 5, 2
PICTURES, MANY = 8, 80  # that hold known patterns; and unknown ones
_LEVEL = 0.999  # of the intervals that chance must be in: one in a thousand misses


def patterns(seed: int = 0) -> Tensor:
    """The classes' patterns (2, 5, 5) of -1 and 1."""
    return _cells((CLASSES, SIDE, SIDE), torch.Generator().manual_seed(seed))


class MatchedFilters(nn.Module):
    """Finds each pattern where most of its cells are right, and marks its box.

    A filter's answer is 25 at a match and below 18 nearly everywhere else; what is over 18 is left.
    Each position of a box adds 12 to its class's score, and a third class, nothing, has 6: so one
    position tells, which some methods leave of a picture, and no position is nothing.
    """

    def __init__(self) -> None:
        super().__init__()
        self.match = nn.Conv2d(1, CLASSES, SIDE, padding=SIDE // 2, padding_mode="circular")
        self.match.weight = nn.Parameter(patterns()[:, None])
        self.match.bias = nn.Parameter(torch.full((CLASSES,), -18.0))
        self.layer = nn.Conv2d(
            *(CLASSES, CLASSES, SIDE),
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
    """A network of random weights that sees as far, and wraps round in the same way."""

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

    With `fresh`, each picture has patterns of its own, of which nobody can know.
    """
    generator = torch.Generator().manual_seed(seed)
    height, width = SIZE
    pictures, boxes = _cells((count, 1, height, width), generator), []
    for picture in pictures:
        places = _places(generator)
        pair = []
        known = _cells((CLASSES, SIDE, SIDE), generator) if fresh else patterns()
        for pattern, (top, left) in zip(known, places, strict=True):
            rows = torch.arange(top, top + SIDE)[:, None] % height
            columns = torch.arange(left, left + SIDE) % width
            picture[0, rows, columns] = pattern
            box = torch.zeros(height, width, dtype=torch.bool)
            box[rows, columns] = True
            pair.append(box)
        boxes.append(torch.stack(pair))
    return pictures, torch.stack(boxes)


def check_planted(name: str, method: str | Method, knows_class: bool) -> list[Finding]:
    """Whether maps lie on what is there, and on what was asked for.

    Args:
        name: the method's.
        method: itself, or its name.
        knows_class: whether it reads the class at all.
    """
    if not knows_class:
        return [inapplicable(name, one, "it reads no class") for one in (PLACE, CLASS)]
    pictures, boxes = planted(PICTURES)
    try:
        found = compare(MatchedFilters().eval(), pictures, [method], [0, 1], "layer")
    except CamkitError as error:
        return [inapplicable(name, one, str(error)) for one in (PLACE, CLASS)]
    heats = torch.stack([found[category, 0].heatmap for category in range(CLASSES)], 1).double()
    both = boxes.any(1, keepdim=True).expand_as(boxes)
    there, own = _share(heats, both), _share(heats, boxes)
    right = float((own / (own + _share(heats, boxes.flip(1)))).nan_to_num(0).min())
    return [
        judged(name, PLACE, float(there.min()) > 0.9, float(there.min()), "least share in boxes"),
        judged(name, CLASS, right > 0.9, right, "least share of that in the class's own box"),
    ]


def check_chance(name: str, method: str | Method) -> Finding:
    """Whether the map of a network of random weights has a box's share of the picture on it."""
    pictures, boxes = planted(MANY, fresh=True)
    try:
        heat = compare(Untrained().eval(), pictures, [method], [0], "layer")[0, 0].heatmap
    except CamkitError as error:
        return inapplicable(name, CHANCE, str(error))
    shares = _share(heat[:, None].double(), boxes[:, :1])[:, 0]
    chance = SIDE**2 / (SIZE[0] * SIZE[1])
    interval = mean_interval(shares.numpy() - chance, level=_LEVEL)
    told = f"share above chance, from {interval.low:.3f} to {interval.high:.3f}"
    return judged(name, CHANCE, interval.low <= 0 <= interval.high, interval.mean, told)


def _share(heats: Tensor, boxes: Tensor) -> Tensor:
    """The share of each map's mass (N, T, H, W) that is in a box: (N, T); nan of an empty map."""
    return (heats * boxes).sum((2, 3)) / heats.sum((2, 3))


def _places(generator: torch.Generator) -> list[tuple[int, int]]:
    """Two corners whose boxes, which wrap round, do not touch."""
    while True:
        drawn = [[int(torch.randint(side, (), generator=generator)) for side in SIZE] for _ in "ab"]
        apart = [abs(a - b) for a, b in zip(*drawn, strict=True)]
        around = [min(gap, side - gap) for gap, side in zip(apart, SIZE, strict=True)]
        if max(around) > SIDE:
            return [(top, left) for top, left in drawn]


def _cells(shape: tuple[int, ...], generator: torch.Generator) -> Tensor:
    return 2.0 * torch.randint(2, shape, generator=generator) - 1
