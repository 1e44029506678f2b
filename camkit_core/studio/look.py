"""How the page draws its maps, as options of pictures; and what the command does not draw."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from ..image.colour_maps import COLOUR_MAPS
from ..renderers.colour import ALPHA, COLOUR_MAP
from .question import Question


def drawing(asked: Question) -> dict[str, Any]:
    """The options of `save` that draw as the page does."""
    colours, opacity = asked.view.get("colours"), _share(asked, "opacity")
    options: dict[str, Any] = {}
    if isinstance(colours, str) and colours in COLOUR_MAPS:
        options["colormap"] = colours
    if opacity is not None:
        options["alpha"] = opacity
    if threshold(asked):
        options["threshold"] = threshold(asked)
    return options


def threshold(asked: Question) -> float:
    """From which share of the highest value on the page shows the map; 0 for all of it."""
    return _share(asked, "threshold") or 0.0


def common(asked: Question) -> bool:
    """Whether several maps are drawn on one scale."""
    several = len(asked.methods) > 1
    return several and asked.view.get("scale") == "common"


def wipe(asked: Question) -> float:
    """The share of the width, from the left, in which the page shows the photo itself."""
    return _share(asked, "wipe") or 0.0


def not_drawn(asked: Question) -> list[str]:
    """What is on the page and not in the command's pictures, as a comment; none if nothing is."""
    parts = [*_options(asked)]
    return [f"# on the page, but not in these pictures: {'; '.join(parts)}"] if parts else []


def _options(asked: Question) -> Iterator[str]:
    said = drawing(asked)
    if said.get("colormap", COLOUR_MAP) != COLOUR_MAP:
        yield f"the colours {said['colormap']}"
    if said.get("alpha", ALPHA) != ALPHA:
        yield f"the opacity {said['alpha']}"
    if level := threshold(asked):
        yield f"the threshold {level} with its contour and box"
    if common(asked):
        yield "one scale for all maps"
    if wipe(asked):
        yield f"the photo itself left of {wipe(asked):.0%} of the width"
    if asked.minus is not None:
        yield "the difference of the two classes"


def _share(asked: Question, name: str) -> float | None:
    """A number of the view in [0, 1]; None where there is none."""
    value = asked.view.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value <= 1:
        return None
    return round(float(value), 3)
