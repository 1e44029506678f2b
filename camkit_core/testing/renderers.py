"""The checks of renderers: an explanation and a picture in, a picture out, and nothing else."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..errors import CamkitError
from ..inputs.models.geometry.window import Window
from ..maps import unit_size
from ..probe.further.concepts import Concepts
from ..results.explanation import Explanation
from ..results.originals import Original
from .checks import Check, Promise, checks_of, installed, promise, require, run_all
from .networks import seeded
from .state import random_facts

Render = Callable[..., Any]


def renderer_checks(renderer: str | Render, **options: Any) -> list[Check]:
    """Every check of a renderer.

    Args:
        renderer: a function of an explanation, an index and a picture, or the name of an
            installed one. Its attribute `expected_failures` says which checks it fails, and why.
        **options: of the renderer.

    Raises:
        CamkitError: for a renderer that is not installed.
    """
    function = installed("renderer", renderer) if isinstance(renderer, str) else renderer
    expected = getattr(function, "expected_failures", {})
    return checks_of(PROMISES, partial(function, **options), expected)


def check_renderer(renderer: str | Render, **options: Any) -> None:
    """Run every check of a renderer; AssertionError lists those that fail."""
    name = renderer if isinstance(renderer, str) else getattr(renderer, "__name__", "")
    run_all(f"renderer {name!r}", renderer_checks(renderer, **options))


def an_explanation(cam: Tensor, reasons: tuple[str | None, ...] | None = None) -> Explanation:
    """An explanation of maps (N, h, w), with images eight times as large and all other fields."""
    count, size = len(cam), [side * 8 for side in cam.shape[1:]]
    with seeded(11):
        images, logits = torch.randn(count, 3, *size), torch.randn(count, 4)
        guided = torch.randn(count, 3, *size)
    return Explanation(
        cam=cam,
        logits=logits,
        target=torch.arange(count) % 4,
        score=logits[:, 0],
        layer="layer",
        method="gradcam",
        adapter="given",
        notes=(),
        reasons=reasons or (None,) * count,
        images=images,
        guided=guided,
        class_names=["cat", "dog", "pug", "a class whose name takes more room than the others"],
        boxes=[_some_boxes(size) for _ in range(count)],
        concepts=_some_concepts(cam),
    )


def _some_concepts(cam: Tensor) -> Concepts:
    """Two concepts: the positive part of each map, and the negative one."""
    finite = torch.nan_to_num(cam.detach())
    maps = unit_size(torch.stack([finite.relu(), (-finite).relu()], 1))
    count = len(cam)
    features, shares = torch.ones(count, 2, 3), torch.tensor([0.7, 0.3]).expand(count, 2)
    scores = torch.tensor([[1.0, 2.0, 0.0, 4.0], [3.0, 2.0, 1.0, 0.0]]).expand(count, 2, 4)
    return Concepts(maps, features, shares, scores, torch.zeros(count, dtype=torch.long))


def _some_boxes(size: list[int]) -> dict[str, Tensor]:
    """Two boxes in an image of a size, the second beyond its edges."""
    height, width = size[0], size[-1]
    corners = [[1.0, 2.0, width / 2, height / 2], [-3.0, 1.0, width + 4.0, height + 2.0]]
    boxes, scores = torch.tensor(corners), torch.tensor([0.9, 0.4])
    return {"boxes": boxes, "labels": torch.tensor([3, 0]), "scores": scores}


def some_maps(count: int = 2, height: int = 4, width: int = 6) -> Tensor:
    """Seeded maps (count, height, width)."""
    with seeded(12):
        return torch.randn(count, height, width)


def some_picture(width: int = 61, height: int = 47) -> Image.Image:
    """Seeded noise as a picture."""
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return Image.fromarray(pixels)


def picture(render: Render) -> None:
    """It gives a PIL image."""
    drawn = render(an_explanation(some_maps()), 0, some_picture())
    require(isinstance(drawn, Image.Image), f"it gave {type(drawn).__name__}, not a PIL image")


def sizes(render: Render) -> None:
    """Pictures and maps of any shape are drawn: tall, wide, tiny."""
    for height, width in ((4, 6), (6, 4), (1, 1)):
        explanation = an_explanation(some_maps(1, height, width))
        for wide, high in ((61, 47), (47, 61), (1, 1), (300, 20)):
            drawn = render(explanation, 0, some_picture(wide, high))
            what = f"of a picture {wide} wide and {high} high it gave an empty one"
            require(min(drawn.size) > 0, what)


def blank(render: Render) -> None:
    """A map of zeros and one that is not finite are drawn, without a warning."""
    for cam in (torch.zeros(1, 4, 6), torch.full((1, 4, 6), float("nan")), torch.ones(1, 4, 6)):
        reasons = (None,) if bool((cam > 0).all()) else ("nothing speaks for it",)
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            render(an_explanation(cam, reasons), 0, some_picture())


def index(render: Render) -> None:
    """The map drawn is that of the image asked for."""
    cam = torch.zeros(2, 4, 6)
    cam[0, :2], cam[1, 2:] = 1, 1
    explanation = an_explanation(cam)
    first, second = (render(explanation, number, some_picture()) for number in range(2))
    require(first.tobytes() != second.tobytes(), "two maps look the same")


def original(render: Render) -> None:
    """The map lies where the model's input lies in the picture, which may be a part of it."""
    explanation, given = an_explanation(some_maps()), some_picture()
    height, width = explanation.images.shape[2:]
    size, pixels = (given.height, given.width), np.asarray(given)
    drawn = []
    for left in (2.0, 40.0):
        window = Window(size, (height, width), (left, 10.0), (20 / width, 20 / height))
        lying = explanation.lying_in(Original(pixels, pixels, window))
        drawn.append(_pixels(render(lying, 0, given)))
    require(
        drawn[0] != drawn[1],
        "it draws the map in the same place, wherever the model's input lies in the picture; "
        "camkit_core.heat_at(explanation, index, picture.size) puts it in its place",
    )


def repeat(render: Render) -> None:
    """The same picture twice, to the last bit."""
    explanation = an_explanation(some_maps())
    first, again = (_pixels(render(explanation, 1, some_picture())) for _ in range(2))
    require(first == again, "the second picture differs")


def pure(render: Render) -> None:
    """Explanation, picture and random states are what they were, and no file is written."""
    explanation, given = an_explanation(some_maps()), some_picture()
    before = _state(explanation, given)
    render(explanation, 0, given)
    changed = [name for name, value in _state(explanation, given).items() if value != before[name]]
    require(not changed, f"it changed {', '.join(changed)}")


def no_window(render: Render) -> None:
    """It opens no window and leaves no figure: matplotlib's state is what it was."""
    before = _of_matplotlib()
    render(an_explanation(some_maps()), 0, some_picture())
    require(before in (None, _of_matplotlib()), "it changed matplotlib's figures or settings")


def other_ranks(render: Render) -> None:
    """Signals and volumes are drawn, or refused with an error that says so."""
    for sides in ((6,), (3, 4, 6)):
        with suppress(CamkitError):
            render(an_explanation(torch.ones(1, *sides)), 0, some_picture())


def _pixels(drawn: Image.Image) -> tuple[Any, ...]:
    return drawn.mode, drawn.size, drawn.tobytes()


def _state(explanation: Explanation, given: Image.Image) -> dict[str, Any]:
    values = {
        f"the explanation's {name}": value.tolist()
        for name, value in vars(explanation).items()
        if isinstance(value, Tensor) and name != "heatmap"
    }
    return {
        **values,
        "the heatmap": explanation.heatmap.tolist(),
        "the picture": _pixels(given),
        **random_facts(),
        "the working directory's files": sorted(os.listdir()),
    }


def _of_matplotlib() -> Any:
    if "matplotlib.pyplot" not in sys.modules:
        return None
    import matplotlib
    import matplotlib.pyplot as plt

    return matplotlib.get_backend(), dict(matplotlib.rcParams), plt.get_fignums()


PROMISES: list[Promise[Any]] = [
    promise(test)
    for test in (picture, sizes, blank, index, original, repeat, pure, no_window, other_ranks)
]
