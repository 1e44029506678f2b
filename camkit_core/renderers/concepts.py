"""All concepts of an image in one picture, each in its colour, with a legend."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
from annotated_types import Interval
from PIL import Image, ImageDraw, ImageFont

from ..errors import ArgumentError
from .caption import INK, PAPER, wrapped
from .colour import ALPHA, FULL_FROM, heat_at
from .unseen import with_unseen

if TYPE_CHECKING:
    from ..results.explanation import Explanation

Colour = tuple[int, int, int]
# Okabe and Ito's colours, which the colour-blind can tell apart; beyond these, lighter ones.
_COLOURS: tuple[Colour, ...] = (
    (230, 159, 0),
    (86, 180, 233),
    (0, 158, 115),
    (213, 94, 0),
    (204, 121, 167),
    (240, 228, 66),
    (0, 114, 178),
)
_SMALLEST = 224  # pixels of the longer side; a legend below a smaller picture could not be read


def concepts(
    explanation: Explanation,
    index: int,
    picture: Image.Image,
    *,
    alpha: float = ALPHA,
    classes: Annotated[int, Interval(ge=0, le=100)] = 2,
) -> Image.Image:
    """The concepts over the picture, each where it is the strongest, and what the model says.

    Args:
        explanation: by a method that gives concepts, as "dff" does.
        index: which image of the batch.
        picture: that image, RGB.
        alpha: a concept's share, in [0, 1], where it is at least half as strong as at its peak.
        classes: how many of the best classes the legend names for each concept.

    Raises:
        ArgumentError: if the explanation has no concepts, or is of a signal or a volume.
    """
    found = explanation.concepts
    if found is None:
        raise ArgumentError(
            f"this explanation by {explanation.method} has no concepts: explain by method='dff', "
            f"or draw it by renderer='overlay'"
        )
    scale = max(1.0, _SMALLEST / max(picture.size))
    width, height = (round(side * scale) for side in picture.size)
    large = picture.resize((width, height), Image.Resampling.BICUBIC) if scale > 1 else picture
    heats = np.stack([_heat(explanation, index, each, large.size) for each in range(_count(found))])
    strongest, colours = heats.argmax(0), np.array([_colour(each) for each in range(len(heats))])
    share = alpha * np.minimum(heats.max(0) / FULL_FROM, 1)[..., None]
    mixed = (1 - share) * np.asarray(large, dtype=np.float32) + share * colours[strongest]
    drawn = Image.fromarray(np.rint(mixed).clip(0, 255).astype(np.uint8))
    drawn = with_unseen(drawn, large, explanation, index)
    legend = [_words(explanation, index, each, classes) for each in range(len(heats))]
    return _with_legend(drawn, legend)


def _count(found: Any) -> int:
    return int(found.maps.shape[1])


def _heat(
    explanation: Explanation, index: int, concept: int, size: tuple[int, int]
) -> np.ndarray[Any, Any]:
    """A concept's map at a picture's size; it keeps its greatest value, which may be below 1."""
    assert explanation.concepts is not None
    cam = explanation.concepts.maps[:, concept]
    top = max(float(cam[index].max()), 0.0)
    return top * heat_at(replace(explanation, cam=cam), index, size)


def _colour(number: int) -> Colour:
    colour, lighter = _COLOURS[number % len(_COLOURS)], min(number // len(_COLOURS), 4) / 6
    red, green, blue = (round(value + (255 - value) * lighter) for value in colour)
    return red, green, blue


def _words(explanation: Explanation, index: int, concept: int, classes: int) -> str:
    """Such as "concept 0, 46 %: tiger cat 62 %, tabby 21 %"."""
    found = explanation.concepts
    assert found is not None
    words = f"concept {concept}, {float(found.shares[index, concept]):.0%}"
    if found.scores is None or not classes:
        return words
    scores, names = found.scores[index, concept].float(), explanation.class_names
    values = scores.softmax(0) if len(scores) > 1 else scores
    best = values.topk(min(classes, len(values)))
    said = [
        f"{names[number] if names else f'class {number}'} "
        + (f"{value:.0%}" if len(scores) > 1 else f"{value:.2f}")
        for number, value in zip(best.indices.tolist(), best.values.tolist(), strict=True)
    ]
    return f"{words}: {', '.join(said)}"


def _with_legend(picture: Image.Image, texts: list[str]) -> Image.Image:
    size = max(11, min(28, round(picture.width / 28)))
    font, line = ImageFont.load_default(size=size), round(size * 1.35)
    lines = [(number, each) for number, text in enumerate(texts)
             for each in wrapped(text, font, picture.width - 3 * size)]  # fmt: skip
    page = Image.new("RGB", (picture.width, picture.height + line * len(lines) + size), PAPER)
    page.paste(picture, (0, 0))
    draw, before = ImageDraw.Draw(page), -1
    for row, (number, text) in enumerate(lines):
        top = picture.height + size // 2 + row * line
        if number != before:
            place = (size // 2, top + size // 6, size // 2 + size, top + size // 6 + size)
            draw.rectangle(place, fill=_colour(number), outline=INK)
        draw.text((2 * size, top), text, INK, font)
        before = number
    return page
