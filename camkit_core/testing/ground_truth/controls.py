"""Checks before any score: that the scenes have no short cut, and the network reads the glyphs.

A mask is the truth about a network only if the network reads the glyph, and the picture has nothing
else to read. Each check has a number and the bounds for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from torch import nn

from .networks import preprocess
from .scenes import CLASSES, NEUTRAL, OBJECTS, Glyph, Scene, make_scene

Array = np.ndarray[Any, Any]
OTHER_GRIDS = (5, 10, 20)  # clouds that no network is trained on
TEST_SEED = 10_000_000  # the seed of the first scene that no network is trained on


@dataclass(frozen=True)
class Control:
    """One check.

    Attributes:
        what: what was measured.
        value: the number.
        low: the least that it may be.
        high: the most that it may be.
    """

    what: str
    value: float
    low: float
    high: float

    @property
    def passed(self) -> bool:
        """Whether the number is inside its bounds; nan is not."""
        return self.low <= self.value <= self.high

    def __str__(self) -> str:
        verdict = "ok" if self.passed else "FAILED"
        return f"{self.what}: {self.value:.3f} (from {self.low:g} to {self.high:g}) {verdict}"


def scene_controls(count: int = 2000, first: int = TEST_SEED) -> list[Control]:
    """Whether anything but the arrangement of cells tells a class, on `count` scenes."""
    scenes = [make_scene(seed) for seed in range(first, first + count)]
    labels = np.stack([scene.labels for scene in scenes])
    features = np.stack([_plain_features(scene.picture()) for scene in scenes])
    areas = [
        np.mean([scene.mask(name).sum() for scene in scenes if scene.mask(name).any()])
        for name in CLASSES
    ]
    correlations = np.corrcoef(labels.T.astype(float)) - np.eye(len(CLASSES))
    readable = [_held_out_auc(features, labels[:, k]) for k in range(len(CLASSES))]
    glyphs = [glyph for scene in scenes for glyph in scene.objects]
    # By chance alone: half of the scenes has about 170 positives, so an AUC has a deviation of
    # 0.02, and the greatest of eight is about 0.54. As many areas of about 180 pixels, with a
    # deviation of 50, have a ratio of 1.06.
    return [
        Control("objects in each scene", _only([len(each.objects) for each in scenes]), 3, 3),
        Control("cells of each object", _only([_cells(glyph) for glyph in glyphs]), 5, 5),
        Control("largest mean area of a class over the least", max(areas) / min(areas), 1, 1.12),
        Control("largest correlation of two labels", float(abs(correlations).max()), 0, 0.15),
        Control("AUC of colour, contrast, spectrum, profile", max(readable), 0.4, 0.62),
        Control("pixels that an exchange changes outside its box", _leaks(scenes[:200]), 0, 0),
        Control("pixels by which a stand-in is larger", _larger(glyphs), 0, 0),
    ]


def network_controls(
    network: nn.Module, count: int = 600, first: int = TEST_SEED + 100_000
) -> list[Control]:
    """Whether a trained network reads the glyphs and nothing else, on `count` scenes."""
    scenes = [make_scene(seed) for seed in range(first, first + count)]
    elsewhere = [make_scene(seed, grids=OTHER_GRIDS) for seed in range(first, first + count)]
    labels = np.stack([scene.labels for scene in scenes])
    labels_elsewhere = np.stack([scene.labels for scene in elsewhere])
    scores = scores_of(network, [scene.picture() for scene in scenes])
    scores_elsewhere = scores_of(network, [scene.picture() for scene in elsewhere])
    right, right_elsewhere = accuracy(scores, labels), accuracy(scores_elsewhere, labels_elsewhere)
    own, foreign = _drops(network, scenes, scores)
    foreign_share = float(abs(foreign).mean() / own.mean())
    return [
        Control("per-label accuracy", right, 0.97, 1),
        Control("least AUC of a class", min(map(auc, scores.T, labels.T)), 0.97, 1),
        Control("glyphs whose exchange lowers the score", float((own > 0).mean()), 0.99, 1),
        Control("mean change by another object's exchange, of its own", foreign_share, 0, 0.1),
        Control("accuracy lost on other backgrounds", right - right_elsewhere, -1, 0.02),
    ]


@torch.no_grad()
def scores_of(network: nn.Module, pictures: Sequence[Array]) -> Array:
    """The logits (N, K), float64, of pictures (H, W, 3)."""
    blocks = torch.split(preprocess(np.stack(pictures)), 100)
    return np.asarray(torch.cat([network(block) for block in blocks]).double().numpy())


def accuracy(scores: Array, labels: Array) -> float:
    """The share of right answers, present or absent, of logits (N, K)."""
    return float(((scores > 0) == labels).mean())


def auc(scores: Array, labels: Array) -> float:
    """How often a positive of (N,) has a higher score than a negative; no scores are equal."""
    ranks = scores.argsort().argsort() + 1.0
    positive = int(labels.sum())
    above = ranks[labels].sum() - positive * (positive + 1) / 2
    return float(above / (positive * (len(labels) - positive)))


def _drops(network: nn.Module, scenes: Sequence[Scene], scores: Array) -> tuple[Array, Array]:
    """How far each present class's score falls: by its own exchange, and by another object's."""
    pictures = [scene.picture([number]) for scene in scenes for number in range(OBJECTS)]
    after = scores_of(network, pictures).reshape(len(scenes), OBJECTS, -1)
    own, foreign = [], []
    for scene, before, changed in zip(scenes, scores, after, strict=True):
        for number, glyph in enumerate(scene.objects):
            if glyph.kind == NEUTRAL:
                continue
            category = CLASSES.index(glyph.kind)
            drops = before[category] - changed[:, category]
            own.append(drops[number])
            foreign += [drop for other, drop in enumerate(drops) if other != number]
    return np.array(own), np.array(foreign)


def _plain_features(picture: Array) -> Array:
    """Features that hold nothing of an arrangement: colour, contrast, spectrum, profiles."""
    image = picture / 255.0
    grey = image.mean(2)
    size = len(grey)
    squares = np.minimum(np.arange(size), size - np.arange(size)) ** 2
    radius = np.add.outer(squares, squares) ** 0.5
    spectrum = abs(np.fft.fft2(grey - grey.mean()))
    edges = (1, 3, 6, 12, 24, 46)
    bands = [spectrum[(radius >= low) & (radius < high)].mean() for low, high in pairwise(edges)]
    parts = [image.mean((0, 1)), image.std((0, 1)), bands, grey.mean(1)[::8], grey.mean(0)[::8]]
    return np.concatenate(parts)


def _held_out_auc(features: Array, labels: Array) -> float:
    """The AUC, on the second half, of a linear model fitted to the first half."""
    scaled = (features - features.mean(0)) / features.std(0)
    inputs = np.column_stack([np.ones(len(scaled)), scaled])
    half = len(inputs) // 2
    weights = np.linalg.lstsq(inputs[:half], labels[:half].astype(float), rcond=None)[0]
    return auc(inputs[half:] @ weights, labels[half:])


def _leaks(scenes: Sequence[Scene]) -> float:
    """The most pixels outside an object's box that its exchange changes."""
    worst = 0
    for scene in scenes:
        for number, glyph in enumerate(scene.objects):
            changed = (scene.picture() != scene.picture([number])).any(2)
            top, left, side = glyph.box
            changed[top : top + side, left : left + side] = False
            worst = max(worst, int(changed.sum()))
    return worst


def _larger(glyphs: Sequence[Glyph]) -> float:
    """The largest difference in area of an object and its stand-in."""
    return max(abs(int(glyph.mask.sum()) - int(glyph.stand_in.sum())) for glyph in glyphs)


def _cells(glyph: Glyph) -> float:
    return float(glyph.mask.sum() / (glyph.box[2] // 3) ** 2)


def _only(values: Sequence[float]) -> float:
    """The value that all share; nan if they differ."""
    return values[0] if len(set(values)) == 1 else float("nan")
