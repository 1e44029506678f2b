"""The studio's routes: JSON in and out, and the files of the page."""

from __future__ import annotations

import asyncio
import io
import json
import tempfile
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from secrets import token_urlsafe
from string import Template
from typing import Any
from urllib.parse import unquote

from PIL import Image
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ..errors import CamkitError, in_brief
from ..results.provenance import camkit_version
from ..results.viewer.modules import web_files
from ..results.viewer.record import colour_tables, picture_bytes
from ..results.viewer.saved import saved_page
from .explainer import Explainer
from .guard import Guard
from .photos import MOST_BYTES, MOST_PIXELS, Photos, photo
from .question import Question, question
from .worker import Worker

MOST_JSON = 2**20  # bytes of a question
PATIENCE = 60.0  # seconds that a request's body may take
_POLLED = 0.3  # seconds between two looks whether the page still waits
_TYPES = {"html": "text/html", "css": "text/css", "js": "text/javascript", "svg": "image/svg+xml"}
ASKED = {"explain": "answer", "layers": "layers", "trust": "trust"}  # of the model, by path
Job = Callable[[], Any]


@dataclass
class Studio:
    """The parts of a running studio.

    Attributes:
        explainer: the model, and its answers.
        photos: what may be asked about.
        token: the first part of the page's address.
        worker: the thread that the model runs in.
        reader: the thread that reads photos, while the model is at work.
    """

    explainer: Explainer
    photos: Photos
    token: str = field(default_factory=partial(token_urlsafe, 18))
    worker: Worker = field(default_factory=Worker)
    reader: Worker = field(default_factory=Worker)

    def warm_up(self) -> None:
        """Have the first photo's map made while the browser opens, so that it is there at once."""
        self.worker.submit(self.explainer.warm_up)

    def guarded(self, port: int | None = None) -> Guard:
        """What a server serves: everything lies below the token, and is guarded."""
        return Guard(Starlette(routes=_routes(self), exception_handlers=HANDLERS), self.token, port)


def _routes(studio: Studio) -> list[Route]:
    return [
        Route("/", _page),
        Route("/static/{name}", static),
        Route("/api/start", partial(_start, studio)),
        Route("/api/progress", partial(_progress, studio)),
        Route("/api/photos", partial(_hand_in, studio), methods=["POST"]),
        *(
            Route(f"/api/{path}", partial(_answer, studio, what), methods=["POST"])
            for path, what in ASKED.items()
        ),
        Route("/api/programs", partial(_programs, studio), methods=["POST"]),
        Route("/api/npz", partial(_npz, studio), methods=["POST"]),
        Route("/api/page", _saved_page),
        Route("/api/photo.png", partial(_png, studio), methods=["POST"]),
        Route("/photo/{key}", partial(_photo, studio)),
    ]


async def _page(request: Request) -> Response:
    return page("index.html", "main.js")


def page(body: str, script: str) -> Response:
    """A page: the head that all pages share, a body, and the script that it runs."""
    files = web_files(__package__ or "")
    frame = Template(files["page.html"])
    return Response(frame.substitute(body=files[body], script=script), media_type="text/html")


async def static(request: Request) -> Response:
    """A file that the page is made of."""
    return web_file(request.path_params["name"])


def web_file(name: str) -> Response:
    """A file of the page: one of those that were read from the package, or none."""
    known = {**web_files(), **web_files(__package__ or "")}
    if name not in known:
        raise HTTPException(404, "the page has no such file")
    return Response(known[name], media_type=_TYPES[name.rpartition(".")[2]])


async def _start(studio: Studio, request: Request) -> Response:
    about = {
        **studio.explainer.about(),
        "photos": studio.photos.listed(),
        "colours": colour_tables(),
        "version": camkit_version(),
    }
    return JSONResponse(about)


async def _hand_in(studio: Studio, request: Request) -> Response:
    data = await _body(request, MOST_BYTES)
    name = unquote(request.headers.get("x-name", ""))
    source = await run(studio.reader, request, partial(studio.photos.add, data, name))
    return JSONResponse({"key": source.key, "name": source.name})


async def _answer(studio: Studio, what: str, request: Request) -> Response:
    asked = await _question(request)
    answer = await run(studio.worker, request, partial(getattr(studio.explainer, what), asked))
    return JSONResponse(answer)


async def _progress(studio: Studio, request: Request) -> Response:
    return JSONResponse(studio.explainer.judging.progress())


async def _programs(studio: Studio, request: Request) -> Response:
    return JSONResponse(studio.explainer.programs(await _question(request)))


async def _npz(studio: Studio, request: Request) -> Response:
    asked = await _question(request)

    def written() -> bytes:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, "map.npz")
            studio.explainer.file(asked, path)
            return path.read_bytes()

    data = await run(studio.worker, request, written)
    return Response(data, media_type="application/octet-stream")


async def _saved_page(request: Request) -> Response:
    # As text: a page that the browser completes, and never shows from here.
    return Response(saved_page(), media_type="text/plain")


async def _photo(studio: Studio, request: Request) -> Response:
    source = studio.photos[request.path_params["key"]]
    side = request.query_params.get("side", "")
    longest = min(int(side), 2048) if side.isdecimal() and int(side[:6]) > 0 else 2048
    data = await run(studio.reader, request, lambda: picture_bytes(source.read(), longest))
    return Response(data, media_type="image/jpeg")


async def _png(studio: Studio, request: Request) -> Response:
    """The photo at its own size, painted as asked, without a loss."""
    asked = await _question(request)

    def made() -> bytes:
        stream = io.BytesIO()
        pixels = photo(studio.photos[asked.photo], asked.painted).pixels
        Image.fromarray(pixels).save(stream, "PNG", compress_level=3)
        return stream.getvalue()

    return Response(await run(studio.reader, request, made), media_type="image/png")


async def run(worker: Worker, request: Request, job: Job) -> Any:
    """What a job gives when its turn has come; not begun if the page no longer waits for it."""
    future = worker.submit(job)
    wrapped = asyncio.wrap_future(future)
    while not (await asyncio.wait({wrapped}, timeout=_POLLED))[0]:
        if await request.is_disconnected() and future.cancel():
            raise HTTPException(499, "nobody waits for this any more")
    return await wrapped


async def _question(request: Request) -> Question:
    return question(await asked_in(request))


async def asked_in(request: Request) -> Any:
    """The JSON that a request holds."""
    data = await _body(request, MOST_JSON)
    try:
        return json.loads(data)
    except (ValueError, RecursionError) as error:
        raise HTTPException(400, "expected a question in JSON") from error


async def _body(request: Request, most: int) -> bytes:
    """The body of a request, within limits of size and time."""
    stated = request.headers.get("content-length", "0")
    if stated.isdecimal() and int(stated[:18]) > most:
        raise HTTPException(413, f"more than {_in_words(most)}")
    try:
        return await asyncio.wait_for(_received(request, most), PATIENCE)
    except asyncio.TimeoutError as error:
        raise HTTPException(408, f"not sent within {PATIENCE:.0f} seconds") from error


async def _received(request: Request, most: int) -> bytes:
    received = bytearray()
    async for chunk in request.stream():
        received += chunk
        if len(received) > most:
            raise HTTPException(413, f"more than {_in_words(most)}")
    return bytes(received)


def _in_words(most: int) -> str:
    return f"{most // 2**20} MB, the most that is taken ({MOST_PIXELS // 10**6} megapixels)"


async def _refused(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": str(error)}, 400)


async def _http_error(request: Request, error: Any) -> Response:
    return JSONResponse({"error": str(error.detail)}, error.status_code)


async def _failed(request: Request, error: Exception) -> Response:
    return JSONResponse({"error": f"the model failed ({in_brief(error)})"}, 500)


HANDLERS: Any = {CamkitError: _refused, HTTPException: _http_error, Exception: _failed}
