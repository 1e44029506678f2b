"""A correct renderer, and renderers with one bug each."""

from __future__ import annotations

from typing import Any

import numpy as np
from PIL import Image

from camkit_core import heat_at


def right_renderer(explanation: Any, index: int, picture: Image.Image) -> Image.Image:
    """The picture, dark where nothing speaks for the class."""
    heat = heat_at(explanation, index, picture.size)
    light = Image.fromarray((heat * 255).astype("uint8"))
    return Image.composite(picture, Image.new("RGB", picture.size), light)


def _array(explanation, index, picture):
    return np.asarray(right_renderer(explanation, index, picture))


def _squares(explanation, index, picture):
    heat = explanation.heatmap[index]
    side = heat.shape[0]
    return Image.fromarray(heat.reshape(side, side).numpy() * 255).convert("RGB")


def _divides(explanation, index, picture):
    cam = explanation.cam[index].numpy()
    if not np.ptp(cam) > 0:
        np.array(1.0) / np.array(0.0)
    return right_renderer(explanation, index, picture)


def _first(explanation, index, picture):
    return right_renderer(explanation, 0, picture)


def _stretches(explanation, index, picture):
    heat = Image.fromarray(explanation.heatmap[index].numpy() * 255).convert("L")
    return Image.composite(picture, Image.new("RGB", picture.size), heat.resize(picture.size))


def _noisy(explanation, index, picture):
    drawn = np.array(right_renderer(explanation, index, picture))
    drawn[0, 0] = np.random.default_rng().integers(0, 256, 3)
    return Image.fromarray(drawn)


def _edits(explanation, index, picture):
    explanation.cam.clamp_(min=0)
    return right_renderer(explanation, index, picture)


def _paints_over(explanation, index, picture):
    drawn = right_renderer(explanation, index, picture)
    picture.paste(drawn)
    return picture.copy()


def _draws_random_numbers(explanation, index, picture):
    np.random.rand()
    return right_renderer(explanation, index, picture)


def _writes(explanation, index, picture):
    drawn = right_renderer(explanation, index, picture)
    drawn.save("map.png")
    return drawn


def _leaves_a_figure(explanation, index, picture):
    import matplotlib.pyplot as plt

    plt.figure()
    return right_renderer(explanation, index, picture)


def _fails_on_signals(explanation, index, picture):
    _height, _width = explanation.heatmap[index].shape
    return right_renderer(explanation, index, picture)


RENDERERS: dict[str, tuple[str, Any]] = {
    "an array": ("picture", _array),
    "squares only": ("sizes", _squares),
    "division by zero": ("blank", _divides),
    "always the first": ("index", _first),
    "stretches the map": ("original", _stretches),
    "noise": ("repeat", _noisy),
    "edits the explanation": ("pure", _edits),
    "paints over the picture": ("pure", _paints_over),
    "draws random numbers": ("pure", _draws_random_numbers),
    "writes a file": ("pure", _writes),
    "leaves a figure": ("no-window", _leaves_a_figure),
    "fails on signals": ("other-ranks", _fails_on_signals),
}
