"""Tier 1: maps of trained networks against masks and counterfactuals of glyph scenes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from ...engine import compare
from ...errors import CamkitError, RunError
from ...maps import heatmaps, upsample
from ...metrics.judging.baselines import BASELINES
from ...probe.further.configured_method import Method
from ...results.explanation import Explanation
from .controls import TEST_SEED, scores_of
from .networks import build, preprocess
from .scenes import CLASSES, NEUTRAL, OBJECTS, Scene, make_scene
from .scores import (
    average_precision,
    box_sums,
    discrimination,
    energy,
    pointing,
    rank_correlation,
)

Array = np.ndarray[Any, Any]

SCORES = ("pointing", "energy", "average precision", "discrimination", "rank correlation")
CEILING, UNTRAINED = "ceiling", "gradcam, untrained"
_FIRST = TEST_SEED + 200_000
_BATCH = 25


@dataclass(frozen=True, eq=False)
class NetworkScores:
    """The scores of all methods on one network.

    Attributes:
        layer: the target layer, dotted.
        grid: its height and width.
        scenes: how many scenes were scored.
        seen: how many scenes were tried until the network had got that many right.
        scores: by method, baseline and ceiling: (scenes, len(SCORES)), float64, the mean over a
            scene's two glyphs; nan where no map says anything.
        chance: by score, its value by chance, the mean over the scenes.
        refused: by the name of a method that does not apply, why.
    """

    layer: str
    grid: tuple[int, ...]
    scenes: int
    seen: int
    scores: dict[str, Array]
    chance: dict[str, float]
    refused: dict[str, str]


def try_network(
    network: nn.Module,
    family: str,
    methods: Sequence[str | Method],
    count: int = 100,
    watch: Callable[[str], None] = lambda method: None,
) -> NetworkScores:
    """Score methods and baselines on `count` scenes of two classes that the network gets right.

    Args:
        network: of the zoo, trained, in evaluation mode.
        family: of the zoo; the untrained network is built from it.
        methods: names of installed methods, or functions of a `Probe`.
        count: how many scenes.
        watch: called with each method's name before the method runs.
    """
    scenes, seen = right_scenes(network, count)
    drops = [_drops(network, scene) for scene in scenes]
    makers: dict[str, tuple[nn.Module, str | Method]] = {
        **{_name(method): (network, method) for method in methods},
        **{name: (network, baseline.function) for name, baseline in BASELINES.items()},
        UNTRAINED: (build(family, seed=1).eval(), "gradcam"),
    }
    scores: dict[str, Array] = {}
    refused: dict[str, str] = {}
    plain = _explained(network, "gradcam", scenes[:1])[0]
    layer, grid = plain.layer, tuple(plain.cam.shape[1:])
    for name, (model, method) in makers.items():
        watch(name)
        try:
            pairs = [_explained(model, method, block) for block in _blocks(scenes)]
        except CamkitError as error:
            refused[name] = str(error)
            continue
        maps = [_maps(pair) for pair in pairs]
        heats = np.concatenate([heat for heat, _ in maps])
        signed = np.concatenate([cam for _, cam in maps])
        scores[name] = _scored(scenes, drops, heats, signed)
    ceiling = _ceiling(scenes, grid)
    scores[CEILING] = _scored(scenes, drops, ceiling, ceiling)
    return NetworkScores(layer, grid, len(scenes), seen, scores, _chance(scenes), refused)


def _name(method: str | Method) -> str:
    return method if isinstance(method, str) else method.__name__


def right_scenes(network: nn.Module, count: int, first: int = _FIRST) -> tuple[list[Scene], int]:
    """Scenes of two classes and a neutral object whose labels the network gets all right.

    Returns:
        `count` scenes, and how many were tried.

    Raises:
        CamkitError: if fewer than one in twenty is right: masks do not explain such a network.
    """
    scenes: list[Scene] = []
    for seen in range(0, 20 * count, 100):
        block = [_pair(seed) for seed in range(first + seen, first + seen + 100)]
        logits = scores_of(network, [scene.picture() for scene in block])
        for number, (scene, row) in enumerate(zip(block, logits, strict=True)):
            if bool(((row > 0) == scene.labels).all()):
                scenes.append(scene)
            if len(scenes) == count:
                return scenes, seen + number + 1
    raise RunError(
        f"the network gets {len(scenes)} of {20 * count} scenes right; {count} are needed"
    )


def _pair(seed: int) -> Scene:
    first, second = np.random.default_rng(seed).choice(len(CLASSES), 2, replace=False)
    return make_scene(seed, [CLASSES[first], CLASSES[second], NEUTRAL])


def _blocks(scenes: Sequence[Scene]) -> Iterable[Sequence[Scene]]:
    return (scenes[start : start + _BATCH] for start in range(0, len(scenes), _BATCH))


def _explained(
    model: nn.Module, method: str | Method, scenes: Sequence[Scene]
) -> list[Explanation]:
    """The explanations of each scene's first class, and those of its second class."""
    images = preprocess(np.stack([scene.picture() for scene in scenes]))
    targets = [[CLASSES.index(scene.objects[number].kind) for scene in scenes] for number in (0, 1)]
    comparison = compare(model, images, [method], targets)
    return [comparison[row, 0] for row in (0, 1)]


def _maps(pair: Sequence[Explanation]) -> tuple[Array, Array]:
    """The maps of both targets at the picture's size: in [0, 1] and signed, each (N, 2, H, W)."""
    heats = torch.stack([each.heatmap for each in pair], 1)
    signed = torch.stack([upsample(each.cam, each.images.shape[2:]) for each in pair], 1)
    return heats.double().numpy(), signed.double().numpy()


def _drops(network: nn.Module, scene: Scene) -> Array:
    """(2, 3): how far the score of each of two classes falls when each object is exchanged."""
    pictures = [scene.picture(), *(scene.picture([number]) for number in range(OBJECTS))]
    logits = scores_of(network, pictures)
    categories = [CLASSES.index(scene.objects[number].kind) for number in (0, 1)]
    return np.asarray((logits[0] - logits[1:])[:, categories].T)


def _scored(scenes: Sequence[Scene], drops: Sequence[Array], heats: Array, cams: Array) -> Array:
    """Each scene's scores, the mean over its two glyphs: (N, len(SCORES))."""
    rows = []
    for scene, worth, heat, cam in zip(scenes, drops, heats, cams, strict=True):
        boxes = [glyph.box for glyph in scene.objects]
        pair = []
        for own, other in ((0, 1), (1, 0)):
            mask = scene.objects[own].mask
            pair.append(
                (
                    pointing(heat[own], boxes[own]),
                    energy(heat[own], mask),
                    average_precision(heat[own], mask),
                    discrimination(heat[own], mask, scene.objects[other].mask),
                    rank_correlation(box_sums(cam[own], boxes), worth[own]),
                )
            )
        rows.append(_mean(np.array(pair)))
    return np.array(rows)


def _mean(pair: Array) -> Array:
    """The mean of each column over its finite values; nan if it has none."""
    finite = np.isfinite(pair)
    total, count = np.where(finite, pair, 0).sum(0), finite.sum(0)
    return np.asarray(np.where(count > 0, total / np.maximum(count, 1), np.nan))


def _ceiling(scenes: Sequence[Scene], grid: tuple[int, ...]) -> Array:
    """The masks of the glyphs, as finely as the layer's grid can show them: (N, 2, H, W)."""
    masks = np.stack([[glyph.mask for glyph in scene.objects[:2]] for scene in scenes])
    coarse = nn.AdaptiveAvgPool2d(grid)(torch.from_numpy(masks).float())
    size = masks.shape[2:]
    return heatmaps(coarse.flatten(0, 1), size).view(masks.shape).double().numpy()


def _chance(scenes: Sequence[Scene]) -> dict[str, float]:
    """The scores of a map that depends on nothing: a uniform or a random map."""
    glyphs = [glyph for scene in scenes for glyph in scene.objects[:2]]
    area = float(np.mean([glyph.mask.mean() for glyph in glyphs]))
    box = float(np.mean([glyph.box[2] ** 2 / glyph.mask.size for glyph in glyphs]))
    return dict(zip(SCORES, (box, 0.0, area, 0.5, 0.0), strict=True))
