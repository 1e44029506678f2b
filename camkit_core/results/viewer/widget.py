"""Maps to look into in a notebook, by anywidget: the viewer of the studio, without its model."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, TypeAlias

from ...errors import ImportFailed
from .modules import joined, web_files
from .record import best_classes, colour_tables, map_record, picture_of

Explanation: TypeAlias = Any  # `results.explanation.Explanation`, which imports this folder
LONGEST = 1024  # pixels of the picture's longer side; a notebook keeps it


def widget_of(rows: Sequence[Sequence[Explanation]], index: int) -> Any:
    """A widget of one image's maps: a row for each target, a column for each method.

    Raises:
        ImportFailed: if anywidget is not installed.
        InputError: for maps of signals or volumes.
    """
    return _viewer()(values=values_of(rows, index))


def values_of(rows: Sequence[Sequence[Explanation]], index: int) -> dict[str, Any]:
    """What the viewer shows; see `viewer.js`."""
    first = rows[0][0]
    shares = _shares(first, index)
    maps = [[map_record(each, index) for each in row] for row in rows]
    name = first.originals[index].name if first.originals else None
    best = [
        {
            "target": row[0]["target"],
            "class": row[0]["class"],
            "score": row[0]["score"],
            "share": shares.get(row[0]["target"]),
        }
        for row in maps
    ]
    return {
        "picture": picture_of(first, index, LONGEST),
        "colours": colour_tables(),
        "maps": [record for row in maps for record in row],
        "best": best,
        "target": maps[0][0]["target"],
        "title": name or "",
    }


def _shares(explanation: Explanation, index: int) -> dict[Any, float]:
    """The probability of each class, where the model gives scores of classes."""
    logits = explanation.logits
    if logits is None:
        return {}
    every = best_classes(logits[index], None, logits.shape[1])
    return {each["target"]: each["share"] for each in every}


@cache
def _viewer() -> type[Any]:
    """The widget's class, made when it is first asked for."""
    try:
        import anywidget
        import traitlets
    except ImportError as error:
        raise ImportFailed(
            f"widgets need anywidget ({error}); pip install anywidget, or camkit with its extra: "
            f"pip install 'camkit[widget]'"
        ) from error

    class Viewer(anywidget.AnyWidget):
        """Maps over a picture, with their controls."""

        _esm = joined("widget.js", web_files())
        _css = web_files()["viewer.css"]
        values = traitlets.Dict().tag(sync=True)

    return Viewer
