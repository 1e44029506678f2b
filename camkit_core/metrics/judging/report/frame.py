"""What camkit's reports are as pages: head, style sheet, boxes that scroll; no torch is needed."""

from __future__ import annotations

import os
from collections.abc import Iterable
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template

from ....errors import InputError


def report_path(path: str | os.PathLike[str]) -> Path:
    """The path, which ends as a report does.

    Raises:
        InputError: for a file of another type.
    """
    path = Path(path)
    if path.suffix.lower() not in (".html", ".htm", ".json"):
        raise InputError(f"cannot write {path.name!r}: expected a name that ends in .html or .json")
    return path


def framed(heading: str, meta: str, body: str, style: str = "") -> str:
    """A whole page: light and dark, wide and narrow, on screen and paper.

    Args:
        heading: of the page; escaped here, as `meta` is.
        meta: the line below it.
        body: HTML.
        style: rules of CSS that this page has besides.
    """
    here = files(__package__)
    return Template(here.joinpath("frame.html").read_text("utf-8")).substitute(
        style=here.joinpath("report.css").read_text("utf-8") + style,
        title=escape(f"{heading} - camkit"),
        heading=escape(heading),
        meta=escape(meta),
        body=body,
    )


def scrolling(table: str, label: str) -> str:
    """A table in a box that scrolls on a narrow page, also by keyboard."""
    what = f'class="scroll" role="region" tabindex="0" aria-label="{escape(label)}"'
    return f"<div {what}>\n{table}\n</div>"


def definitions(lines: Iterable[tuple[str, str]], kind: str = "") -> str:
    """A list of terms, which are escaped here, with their definitions, which are HTML."""
    items = "".join(f"<dt>{escape(name)}</dt><dd>{text}</dd>\n" for name, text in lines)
    return f'<dl class="{kind}">\n{items}</dl>'
