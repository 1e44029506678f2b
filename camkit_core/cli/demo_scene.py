"""A generated scene with two glyphs, each explained by the five methods."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
from PIL import Image
from torch import Tensor

from ..comparison import Comparison
from ..engine import compare
from ..plugins.method_groups import THE_FIVE, methods_of
from ..testing.ground_truth.networks import preprocess, trained
from ..testing.ground_truth.scenes import CLASSES, make_scene

SEED, KINDS = 43, ("W", "U", "neutral")
FACTORY = "camkit_core.testing.ground_truth.scene_network:scene_network"


def explain_scene(
    family: str = "vgg", methods: Sequence[str] | None = None
) -> tuple[Comparison, Any]:
    """Two glyphs of a scene, each by some methods, and the scene, four times as large.

    Args:
        family: of the small networks that camkit ships.
        methods: names of methods; None for the five.
    """
    picture = make_scene(SEED, KINDS).picture()
    large = picture.repeat(4, 0).repeat(4, 1)  # its pixels stay square when it is drawn
    targets = [CLASSES.index(kind) for kind in KINDS if kind in CLASSES]
    methods = methods_of(THE_FIVE) if methods is None else methods
    comparison = compare(trained(family), preprocess(picture), methods, targets)
    rows = tuple(
        tuple(replace(explanation, class_names=CLASSES) for explanation in row)
        for row in comparison.rows
    )
    return Comparison(rows, comparison.methods), large


def drawn(comparison: Comparison, scene: Any, side: int | None = None) -> Image.Image:
    """The sheet of all maps over the scene."""
    return comparison.render(image=scene, side=224 if side is None else side, transform=_small)


def _small(scene: Image.Image) -> Tensor:
    """The network's input of the scene as it is drawn, four times as large."""
    size = (scene.width // 4, scene.height // 4)
    return preprocess(np.array(scene.resize(size, Image.Resampling.BOX)))[0]


def account(comparison: Comparison) -> dict[str, Any]:
    """Where the maps come from, ready for JSON."""
    return {
        **comparison[0, 0].provenance,
        "method": list(comparison.methods),
        "explained": [row[0].describe() for row in comparison.rows],
    }


def scenes() -> list[Any]:
    """Some scenes, as the studio takes photos."""
    from ..studio.photos import Source

    def source(seed: int) -> Source:
        code = f"make_scene({seed}, {KINDS!r}).picture()"
        return Source(
            f"scene-{seed}", f"scene {seed}", code, lambda: make_scene(seed, KINDS).picture()
        )

    return list(map(source, range(SEED, SEED + 4)))
