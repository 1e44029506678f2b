"""Makes the two pictures of the README, `docs/images/demo.jpg` and `docs/images/methods.jpg`.

    pip install -e ".[demo]" && python benchmarks/readme_pictures.py

The first is that of `camkit demo`, smaller. The second shows three photos of scikit-image, each by
fourteen methods: the class of each row is the one that the network sees in it.
"""

from __future__ import annotations

import warnings
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

import camkit_core as camkit
from camkit_core.cli import demo_photos as demo

IMAGES = Path(__file__).parents[1] / "docs" / "images"
PHOTOS = {"tiger cat": "chelsea", "espresso": "coffee", "tripod": "camera"}  # all CC0
BANDS = (  # xgradcam and hirescam are gradcam here, gradcam_elementwise is layercam
    ("gradcam", "gradcam++", "ablationcam", "scorecam", "finercam", "shapleycam", "layercam"),
    (
        "eigengradcam",
        "refinecam",
        "groupcam",
        "reciprocam",
        "fullgrad",
        "eigencam",
        "smoothgradcam++",
    ),
)
OPTIONS = {**demo.OPTIONS, "scorecam": {"max_channels": 64}}
CELL, GAP, LINE, MARGIN = 150, 6, 28, 92  # pixels: a photo, between two, a line of text, the labels


def maps(network: camkit.LoadedModel, method: str) -> list[Image.Image]:
    """A method's map of each photo, over the photo."""
    made = []
    for name, photo in PHOTOS.items():
        options = OPTIONS.get(method, {})
        e = camkit.explain(network, demo.square(photo), method, name, batch_size=32, **options)
        made.append(e.render())
    return made


def table(network: camkit.LoadedModel) -> Image.Image:
    """The photos, and a column for each method, in two bands."""
    bands = [band(network, methods) for methods in BANDS]
    page = Image.new("RGB", (bands[0].width, sum(each.height for each in bands)), "white")
    for number, each in enumerate(bands):
        page.paste(each, (0, number * each.height))
    return page


def band(network: camkit.LoadedModel, methods: tuple[str, ...]) -> Image.Image:
    """A row for each photo: the photo, and its maps by some methods."""
    columns = {"photo": [demo.square(photo) for photo in PHOTOS.values()]}
    columns |= {method: maps(network, method) for method in methods}
    size = (MARGIN + len(columns) * (CELL + GAP), LINE + len(PHOTOS) * (CELL + GAP))
    page = Image.new("RGB", size, "white")
    draw, font = ImageDraw.Draw(page), ImageFont.load_default(size=16)
    for row, name in enumerate(PHOTOS):
        draw.text((4, LINE + row * (CELL + GAP) + CELL / 2), name, "black", font, anchor="lm")
    for column, (title, pictures) in enumerate(columns.items()):
        left = MARGIN + column * (CELL + GAP)
        draw.text((left + CELL / 2, LINE / 2), title, "black", font, anchor="mm")
        for row, picture in enumerate(pictures):
            small = picture.resize((CELL, CELL), Image.Resampling.LANCZOS)
            page.paste(small, (left, LINE + row * (CELL + GAP)))
    return page


def main() -> None:
    warnings.simplefilter("ignore")
    write(demo.drawn(demo.explain_photos(), 300), "demo")
    write(table(demo.seeing_all(camkit.load_model(demo.MODEL), (224, 224))), "methods")


def write(picture: Image.Image, name: str) -> None:
    path = IMAGES / f"{name}.jpg"
    picture.save(path, quality=80, optimize=True, progressive=True)
    print(path, picture.size, f"{path.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
