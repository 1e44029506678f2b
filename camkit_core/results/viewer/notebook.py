"""Explanations in a notebook: a block of HTML that needs nothing else, in any light.

Colours are those of the notebook, lighter or darker, as no style sheet knows whether it is dark.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any, TypeAlias

from PIL import Image

from ...image.embedded import data_uri
from ..originals import ground

Explanation: TypeAlias = Any  # `results.explanation.Explanation`, which imports this file

SHOWN = 6  # images, or rows of a comparison: with more, a notebook is slow
SIDES = ((2, 400), (4, 280), (12, 200), (10_000, 128))  # of so many pictures, the longer side
STYLE = """\
.camkit { color: inherit; line-height: 1.45; overflow-wrap: anywhere; }
.camkit p { margin: .3em 0; }
.camkit ul { margin: .3em 0; padding-left: 1.2em; }
.camkit .pictures { display: flex; flex-wrap: wrap; gap: .6em 1.6em; margin: .5em 0; }
.camkit .pictures .pictures { gap: .6em; margin: 0; }
.camkit figure { margin: 0; }
.camkit img { display: block; max-width: 100%; height: auto; border-radius: 3px; margin: 0; }
.camkit small, .camkit figcaption, .camkit .aside, .camkit summary {
  font-size: .88em; opacity: .75;
}
.camkit small { display: block; font-weight: 400; white-space: normal; max-width: 34em; }
.camkit .lead { font-weight: 650; }
.camkit .verdict { border-left: 3px solid currentColor; padding: .1em .9em; margin: .4em 0 .8em; }
.camkit .scroll { overflow-x: auto; max-width: 100%; }
.camkit table { border-collapse: collapse; margin: .4em 0; color: inherit; font-size: .95em; }
.camkit tr, .camkit th, .camkit td { background: none !important; color: inherit; border: 0; }
.camkit th, .camkit td { text-align: left; vertical-align: top; padding: .3em .6em .3em 0; }
.camkit .numbers th, .camkit .numbers td { border-bottom: 1px solid rgba(128, 128, 128, .35); }
.camkit .best { font-weight: 700; }
.camkit .hidden { position: absolute; width: 1px; height: 1px; clip-path: inset(50%); }
.camkit dl { display: grid; grid-template-columns: max-content 1fr; gap: .1em 1em; }
.camkit dd { margin: 0; }"""


def block(*parts: str) -> str:
    """Parts of HTML as one block, with their style."""
    return f'<div class="camkit">\n<style>\n{STYLE}\n</style>\n{"".join(parts)}</div>'


def explanation_block(explanation: Explanation) -> str:
    """The pictures of an explanation with their classes, its notes, and where it comes from."""
    shown = range(min(len(explanation), SHOWN))
    made = f"<b>{escape(explanation.method)}</b> at <code>{escape(explanation.layer)}</code>"
    side = _side(2 * len(shown))
    pictures = "".join(_pair(explanation, index, side) for index in shown)
    return block(
        f"<p>{made}</p>\n",
        f'<div class="pictures">\n{pictures}</div>\n' if pictures else "",
        _left_out(len(shown), len(explanation), "images"),
        _items(_further(explanation)),
        _details(explanation),
    )


def table(rows: Sequence[Sequence[Explanation]], methods: Sequence[str]) -> str:
    """The maps of a comparison: a row for each target of each image, a column for each method."""
    asked = [(row, index) for row in rows for index in range(len(row[0]))]
    shown, side = asked[:SHOWN], _side(len(asked[:SHOWN]) * (1 + len(methods)))
    heads = "".join(f'<th scope="col">{escape(name)}</th>' for name in ("image", *methods))
    lines = "".join(_row(row, index, side) for row, index in shown)
    what = f"<table>\n<thead><tr>{heads}</tr></thead>\n<tbody>\n{lines}</tbody>\n</table>"
    return f'<div class="scroll">\n{what}\n</div>\n' + _left_out(len(shown), len(asked), "rows")


def _pair(explanation: Explanation, index: int, side: int) -> str:
    """A picture and its map, with the class and the score below; "" for a signal or a volume."""
    text = escape(_label(explanation, index))
    if explanation.images.ndim != 4:
        return f"<p>{text}{_reason(explanation, index)}</p>\n"
    picture = _small(explanation, index, side)
    images = _image(picture, f"image {index}") + _map(explanation, index, picture)
    caption = f"<figcaption>{text}{_reason(explanation, index)}</figcaption>"
    return f'<figure><div class="pictures">{images}</div>{caption}</figure>\n'


def _row(row: Sequence[Explanation], index: int, side: int) -> str:
    label = escape(_label(row[0], index))
    if row[0].images.ndim != 4:
        cells = "".join(f"<td>{_reason(each, index) or 'no picture'}</td>" for each in row)
        return f'<tr><th scope="row">{label}</th>{cells}</tr>\n'
    picture = _small(row[0], index, side)
    cells = "".join(f"<td>{_map(each, index, picture)}{_reason(each, index)}</td>" for each in row)
    head = f"{_image(picture, f'image {index}')}<small>{label}</small>"
    return f'<tr><th scope="row">{head}</th>{cells}</tr>\n'


def _label(explanation: Explanation, index: int) -> str:
    """The name of the image's file, if it is known, its class and its score."""
    name = explanation.originals[index].name if explanation.originals else None
    return f"{name}, {explanation.describe(index)}" if name else explanation.describe(index)


def _small(explanation: Explanation, index: int, side: int) -> Image.Image:
    """The picture that the map is drawn on, shrunk."""
    known = explanation.originals[index] if explanation.originals else None
    picture, _ = ground(explanation.images[index], known)
    picture.thumbnail((side, side))
    return picture


def _map(explanation: Explanation, index: int, picture: Image.Image) -> str:
    """The map over a picture; the picture as it is where the map is blank."""
    from ...plugins.lookup import find_renderer

    alt = f"{explanation.method}, {explanation.describe(index)}"
    if explanation.blank(index):
        return _image(picture, f"{alt}: no evidence")
    renderer = "overlay" if explanation.boxes is None else "boxes"
    return _image(find_renderer(renderer, {})(explanation, index, picture), alt)


def _image(picture: Image.Image, alt: str) -> str:
    size = f'width="{picture.width}" height="{picture.height}"'
    return f'<img src="{data_uri(picture)}" alt="{escape(alt)}" {size}>'


def _reason(explanation: Explanation, index: int) -> str:
    reason = explanation.blank(index)
    return f"<small>no evidence: {escape(reason)}</small>" if reason else ""


def _side(pictures: int) -> int:
    return next(side for count, side in SIDES if pictures <= count)


def _left_out(shown: int, count: int, things: str) -> str:
    if shown == count:
        return ""
    return f'<p class="aside">The first {shown} of {count} {things}.</p>\n'


def _further(explanation: Explanation) -> list[str]:
    """The notes that do not repeat the reason below a picture."""
    reasons = tuple(reason for reason in explanation.reasons[:SHOWN] if reason)
    return [note for note in explanation.notes if not note.endswith(reasons)]


def _items(texts: Iterable[str]) -> str:
    items = "".join(f"<li>{escape(text)}</li>\n" for text in texts)
    return f"<ul>\n{items}</ul>\n" if items else ""


def _details(explanation: Explanation) -> str:
    lines = "".join(
        f"<dt>{escape(name)}</dt><dd>{escape(_plain(value))}</dd>\n"
        for name, value in {"chosen by": explanation.adapter, **explanation.provenance}.items()
    )
    return f"<details><summary>provenance</summary>\n<dl>\n{lines}</dl>\n</details>\n"


def _plain(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value, default=str)
