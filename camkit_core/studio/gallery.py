"""A data set's explanations as a gallery: confident mistakes first, filtered, opened by a click."""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..datasets.opened import open_dataset
from ..errors import ArgumentError, CamkitError, shown
from ..results.viewer.widget import values_of
from .application import HANDLERS, asked_in, page, run, static
from .clusters import Clusters, clusters_in
from .guard import Guard
from .worker import Worker

MOST_ROWS = 500  # of one answer
_READ = [
    *("id", "method", "class_name", "class_index", "probability", "label", "label_name"),
    *("top_class", "top_name", "top_probability", "notes", "error"),
]


class Gallery:
    """The rows of a data set, without their maps, which are read when one is opened.

    Args:
        folder: what `explain_dataset` wrote.
    """

    def __init__(self, folder: Path) -> None:
        self.dataset = open_dataset(folder)
        rows = self.dataset.table.to_table(columns=_READ).to_pylist()
        self.rows = [_row(number, row) for number, row in enumerate(rows)]
        self.rows.sort(key=_order)
        self.name = folder.name
        self._found: Clusters | None = None

    def about(self) -> dict[str, Any]:
        """What the rows can be filtered by, the most frequent first."""
        classes = Counter(row["class"] for row in self.rows)
        notes = Counter(note for row in self.rows for note in row["notes"])
        sentences = self.dataset.metadata["notes"]
        return {
            "name": self.name,
            "count": len(self.rows),
            "mistakes": sum(row["mistake"] for row in self.rows),
            "classes": [name for name, _ in classes.most_common()],
            "notes": [[code, str(sentences.get(code, code))] for code, _ in notes.most_common()],
        }

    def some(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The rows from `from` on that fit what else is asked (see `_fits`), and how many fit."""
        start = asked.get("from", 0)
        if type(start) is not int or start < 0:
            raise ArgumentError(f"expected a row's number, got {shown(start)}")
        members = self._members(asked.get("cluster"))
        fitting = [
            row
            for row in self.rows
            if _fits(row, asked) and (members is None or row["number"] in members)
        ]
        return {"total": len(fitting), "rows": fitting[start : start + MOST_ROWS]}

    def clusters(self, asked: dict[str, Any]) -> dict[str, Any]:
        """The clusters of maps that look alike, found when first asked for; see `Clusters`."""
        self._found = self._found or clusters_in(self.dataset)
        return self._found.record()

    def _members(self, cluster: Any) -> frozenset[int] | None:
        """The rows of a cluster; None for no cluster."""
        if cluster is None:
            return None
        known = self._found.members if self._found else []
        if type(cluster) is not int or not 0 <= cluster < len(known):
            raise ArgumentError(f"expected a cluster that was found, got {shown(cluster)}")
        return known[cluster]

    def opened(self, asked: dict[str, Any]) -> dict[str, Any]:
        """One row's map, as the viewer shows it, by its number in the data set."""
        number = asked.get("number")
        if type(number) is not int or not 0 <= number < len(self.rows):
            raise ArgumentError(f"expected a row's number, got {shown(number)}")
        row = self.dataset[number]
        return {**values_of([[row.explanation()]], 0), "title": row.id}


def _row(number: int, row: dict[str, Any]) -> dict[str, Any]:
    """What the gallery shows of a row."""
    mistake = row["error"] is None and row["label"] is not None and row["label"] != row["top_class"]
    return {
        "number": number,
        "id": row["id"],
        "method": row["method"],
        "class": _named(row["class_name"], row["class_index"]),
        "probability": row["probability"],
        "top": _named(row["top_name"], row["top_class"]),
        "sure": row["top_probability"],
        "label": _named(row["label_name"], row["label"]),
        "mistake": mistake,
        "notes": row["notes"],
        "error": row["error"],
    }


def _named(name: str | None, number: int | None) -> str:
    return name or ("" if number is None else f"class {number}")


def _order(row: dict[str, Any]) -> tuple[bool, bool, float]:
    """Mistakes before the rest, the surest first; what has no map last."""
    return row["error"] is not None, not row["mistake"], -(row["sure"] or 0.0)


def _fits(row: dict[str, Any], asked: dict[str, Any]) -> bool:
    return (
        asked.get("class") in (None, "", row["class"])
        and (not asked.get("note") or asked["note"] in row["notes"])
        and (row["mistake"] or not asked.get("mistakes"))
    )


class GalleryStudio:
    """A gallery that is served; see `application.Studio`.

    Args:
        gallery: what is shown.
        token: the first part of the page's address.

    Attributes:
        worker: the thread that reads rows.
        clusterer: the thread that compares maps, which may take a while.
    """

    def __init__(self, gallery: Gallery, token: str) -> None:
        self.gallery, self.token = gallery, token
        self.worker, self.clusterer = Worker(), Worker()

    def warm_up(self) -> None:
        """Nothing: a gallery has no model."""

    def guarded(self, port: int | None = None) -> Guard:
        """What a server serves."""
        routes = [
            Route("/", _page),
            Route("/static/{name}", static),
            Route("/api/start", partial(_answer, self, "about")),
            Route("/api/clusters", partial(_answer, self, "clusters"), methods=["POST"]),
            Route("/api/rows", partial(_answer, self, "some"), methods=["POST"]),
            Route("/api/open", partial(_answer, self, "opened"), methods=["POST"]),
        ]
        return Guard(Starlette(routes=routes, exception_handlers=HANDLERS), self.token, port)


async def _page(request: Request) -> Response:
    return page("gallery.html", "gallery.js")


async def _answer(studio: GalleryStudio, what: str, request: Request) -> Response:
    answer = getattr(studio.gallery, what)
    if request.method == "POST":
        asked = await asked_in(request)
        if not isinstance(asked, dict):
            raise CamkitError(f"expected an object of JSON, got {shown(asked)}")
        answer = partial(answer, asked)
    worker = studio.clusterer if what == "clusters" else studio.worker
    return JSONResponse(await run(worker, request, answer))
