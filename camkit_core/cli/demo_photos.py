"""Two real photos joined, each class explained by a real network: what `camkit demo` draws.

The network and the photos come with the extra `demo`, in wheels: nothing is downloaded.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor

from ..comparison import Comparison
from ..engine import compare
from ..inputs.models.load import LoadedModel
from ..inputs.models.preprocessing import Preprocessing
from ..loading.models import load_model
from ..plugins.method_groups import THE_FIVE, methods_of

MODEL = "efficientnet_lite:efficientnet-lite0"
PHOTOS = {"tiger cat": "chelsea", "espresso": "coffee"}  # of scikit-image, by what they show
SIDE = 300  # of each photo's square in the joined picture; the cat's own height
INPUT = (224, 448)  # of the network: 224 for each photo, as it was trained
SUCCESSORS = ("finercam", "eigengradcam", "refinecam", "shapleycam", "groupcam")
# As they are, Score-CAM runs the network 1,280 times and Group-CAM 32 times for each class;
# RefineCAM of four layers leaves a few points.
OPTIONS: dict[str, dict[str, Any]] = {
    "scorecam": {"max_channels": 32},
    "groupcam": {"groups": 16},
    "refinecam": {"base": "hirescam", "count": 2},
}
TITLES = {
    "scorecam": "scorecam, 32 channels",
    "groupcam": "groupcam, 16 groups",
    "refinecam": "refinecam, 2 layers",
}
LICENCES = {
    "chelsea": "the cat, by Stefan van der Walt, CC0",
    "coffee": "the coffee, by Rachel Michetti, CC0",
    "efficientnet-lite0": "weights of ML Illustrated, converted from Google's, Apache-2.0",
}


def joined() -> Image.Image:
    """The squares in the middle of both photos, beside each other: 600 x 300."""
    page = Image.new("RGB", (SIDE * len(PHOTOS), SIDE))
    for number, name in enumerate(PHOTOS.values()):
        page.paste(square(name), (number * SIDE, 0))
    return page


def square(name: str) -> Image.Image:
    """The square in the middle of a photo of scikit-image: 300 x 300."""
    from skimage import data

    photo = Image.fromarray(getattr(data, name)()).convert("RGB")
    side = min(photo.size)
    left, top = ((length - side) // 2 for length in photo.size)
    box = (left, top, left + side, top + side)
    return photo.resize((SIDE, SIDE), Image.Resampling.LANCZOS, box)


def explain_photos(methods: Sequence[str] | None = None) -> Comparison:
    """Both classes in the joined picture, each by some methods; None for all of the demo.

    Some methods are given `OPTIONS`, and have `TITLES` that say so.
    """
    asked = [*methods_of(THE_FIVE), *SUCCESSORS] if methods is None else list(methods)
    network, picture = seeing_all(load_model(MODEL)), joined()
    targets: list[Any] = list(PHOTOS)
    plain = [name for name in asked if name not in OPTIONS]
    parts = [compare(network, picture, plain, targets)] if plain else []
    parts += [
        compare(network, picture, [name], targets, **options)
        for name, options in OPTIONS.items()
        if name in asked
    ]
    made = {
        name: [row[at] for row in part.rows]
        for part in parts
        for at, name in enumerate(part.methods)
    }
    rows = zip(*(made[name] for name in asked), strict=True)
    return Comparison(tuple(rows), tuple(asked))


def seeing_all(network: LoadedModel, size: tuple[int, int] = INPUT) -> LoadedModel:
    """The network, given the whole picture at (H, W); usually it is given the middle 7/8."""
    mean, std = tuple(network.prepared["mean"]), tuple(network.prepared["std"])

    def transform(picture: Image.Image) -> Tensor:
        small = picture.resize(size[::-1], Image.Resampling.BILINEAR)
        return whole.normalised(torch.from_numpy(np.array(small)).permute(2, 0, 1) / 255)

    whole = Preprocessing(size, mean, std, transform, "the whole picture")
    return replace(network, preprocess=whole.tensor, picture=whole.picture, prepared=whole.record())


def shares(comparison: Comparison) -> dict[str, list[float]]:
    """By method, how much of each class's map lies in its own half: the cat's, the cup's."""
    return {
        name: [_share(comparison[half, name].to_numpy()[0], half) for half in range(len(PHOTOS))]
        for name in comparison.methods
    }


def _share(heat: np.ndarray[Any, Any], half: int) -> float:
    halves = np.array_split(heat, len(PHOTOS), axis=1)
    return float(halves[half].sum() / max(float(heat.sum()), 1e-12))


def drawn(comparison: Comparison, side: int | None = None) -> Image.Image:
    """The five methods and below them their successors, each over the picture at full size."""
    five = [name for name in comparison.methods if name not in SUCCESSORS]
    bands = [five, [name for name in comparison.methods if name in SUCCESSORS]]
    sheets = [_sheet(comparison, band, side or SIDE * len(PHOTOS)) for band in bands if band]
    width, height = max(sheet.width for sheet in sheets), sum(sheet.height for sheet in sheets)
    page = Image.new("RGB", (width, height), "white")
    for number, sheet in enumerate(sheets):
        page.paste(sheet, (0, sum(above.height for above in sheets[:number])))
    return page


def _sheet(comparison: Comparison, methods: Sequence[str], side: int) -> Image.Image:
    rows = tuple(
        tuple(comparison[row, name] for name in methods) for row in range(len(comparison.rows))
    )
    titles = tuple(TITLES.get(name, name) for name in methods)
    return Comparison(rows, titles).render(side=side)


def account(comparison: Comparison) -> dict[str, Any]:
    """Where the maps come from, ready for JSON."""
    by_method = {name: comparison[0, name].provenance.get("options") for name in comparison.methods}
    return {
        **comparison[0, 0].provenance,
        "method": list(comparison.methods),
        "options": {name: options for name, options in by_method.items() if options},
        "explained": [row[0].describe() for row in comparison.rows],
        "shares": shares(comparison),
        "licences": LICENCES,
    }


def in_words(comparison: Comparison) -> list[str]:
    """For each method a line: how much of each class's map lies on its own photo."""
    lines = [
        f"{name}: "
        + ", ".join(f"{thing} {share:.0%}" for thing, share in zip(PHOTOS, values, strict=True))
        for name, values in shares(comparison).items()
    ]
    return ["of each map lies on the photo of its own class, where chance is 50%:", *lines]
