"""The report's pictures: a row for each explained image, a column for each method and baseline."""

from __future__ import annotations

from html import escape

from PIL import Image

from ....image import to_picture
from ....image.embedded import data_uri
from ....renderers.colour import ALPHA, COLOUR_MAP, heat_at
from ....renderers.overlay import mixed
from ....results.explanation import Explanation
from ..baselines import BASELINES
from ..judgement import Judgement
from .frame import scrolling

ROWS = 24  # of pictures: with more, the file is too large for browsers
SIDE = 224  # pixels of a picture's longer side


def picture_grid(judgement: Judgement) -> str:
    """The table of pictures as data URIs, for at most `ROWS` explained images."""
    first = next(iter(judgement.explanations.values()))
    if first[0].images.ndim != 4:
        return "<p>These are maps of signals or volumes, which have no pictures.</p>"
    names = list(judgement.explanations)
    start = next((name for name in names if name in BASELINES), None)
    heads = "".join(_head(name, name == start) for name in names)
    shown = range(min(len(judgement.names), ROWS))
    rows = "\n".join(_row(judgement, row, start) for row in shown)
    head = f'<thead><tr><th scope="col">image</th>{heads}</tr></thead>'
    table = f'<table class="pictures">\n{head}\n<tbody>\n{rows}\n</tbody>\n</table>'
    grid = scrolling(table, "Maps of each method over each image")
    if len(judgement.names) <= ROWS:
        return grid
    left = f"The first {ROWS} of {len(judgement.names)} explained images; the numbers are of all."
    return f'{grid}\n<p class="aside">{left}</p>'


def _head(name: str, first: bool) -> str:
    kind = f"<small>baseline: {BASELINES[name].meaning}</small>" if name in BASELINES else ""
    return f'<th scope="col"{_border(first)}>{escape(name)}{kind}</th>'


def _border(first: bool) -> str:
    return ' class="first"' if first else ""


def _row(judgement: Judgement, row: int, start: str | None) -> str:
    picture = to_picture(judgement.pictures[row])
    picture.thumbnail((SIDE, SIDE))
    name = judgement.names[row]
    cells = []
    for method, explanations in judgement.explanations.items():
        explanation, index = _at_row(explanations, row)
        cell = _cell(method, name, explanation, index, picture)
        cells.append(f"<td{_border(method == start)}>{cell}</td>")
    explanation, index = _at_row(next(iter(judgement.explanations.values())), row)
    score = f"{float(explanation.score[index]):.2f}"
    score = "" if name.endswith(f" {score}") else f"<small>score {score}</small>"
    original = f'<img src="{data_uri(picture)}" alt="{escape(name)}, as the model saw it">'
    head = f'<th scope="row">{original}{escape(name)}{score}</th>'
    return f"<tr>{head}{''.join(cells)}</tr>"


def _at_row(explanations: tuple[Explanation, ...], row: int) -> tuple[Explanation, int]:
    """The explanation of one row, and the image's index in it; rows go target by target."""
    target, index = divmod(row, len(explanations[0]))
    return explanations[target], index


def _cell(
    method: str, name: str, explanation: Explanation, index: int, picture: Image.Image
) -> str:
    reason = explanation.blank(index)
    if reason:
        alt = escape(f"{method} for {name}: no evidence")
        said = f"<small>no evidence: {escape(reason)}</small>"
        return f'<img src="{data_uri(picture)}" alt="{alt}">{said}'
    heat = heat_at(explanation, index, picture.size)
    alt = escape(f"{method} for {name}: {_seen(method, explanation, index)}")
    return f'<img src="{data_uri(mixed(picture, heat, COLOUR_MAP, ALPHA))}" alt="{alt}">'


def _seen(method: str, explanation: Explanation, index: int) -> str:
    if method in BASELINES:
        return BASELINES[method].meaning
    return f"highest at the {_where(explanation, index)}"


def _where(explanation: Explanation, index: int) -> str:
    """Where the map is highest, for readers who cannot see it: "upper left", "centre"."""
    heat = explanation.heatmap[index]
    row, column = divmod(int(heat.argmax()), heat.shape[1])
    down = ("upper", "", "lower")[row * 3 // heat.shape[0]]
    across = ("left", "", "right")[column * 3 // heat.shape[1]]
    return f"{down} {across}".strip() or "centre"
