"""The server: on this machine alone, on a free port, ended by Ctrl-C at once."""

from __future__ import annotations

import contextlib
import os
import socket
import sys
import webbrowser
from collections.abc import Callable, Iterator
from functools import partial

import uvicorn

from ..errors import ArgumentError
from .application import Studio
from .gallery import GalleryStudio

HOST = "127.0.0.1"
MOST_AT_ONCE = 256  # connections; others are told to come again


class _Server(uvicorn.Server):
    """A server that leaves Ctrl-C to Python, and says when it is there."""

    started_by: Callable[[], None]

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.started_by()


def serve(studio: Studio | GalleryStudio, port: int, started: Callable[[str], None]) -> None:
    """Serve until Ctrl-C, which ends the process.

    Args:
        studio: what is served.
        port: of this machine; 0 takes a free one.
        started: is called with the address as soon as there is an answer.

    Raises:
        ArgumentError: if the port is in use.
    """
    with _bound(port) as bound:
        port = bound.getsockname()[1]
        config = uvicorn.Config(
            studio.guarded(port),
            log_level="critical",
            access_log=False,
            lifespan="off",
            ws="none",
            server_header=False,
            limit_concurrency=MOST_AT_ONCE,
            timeout_keep_alive=5,
        )
        server = _Server(config)
        server.started_by = partial(_begin, studio, port, started)
        try:
            server.run(sockets=[bound])
        except KeyboardInterrupt:
            _end_at_once()


def _begin(studio: Studio | GalleryStudio, port: int, started: Callable[[str], None]) -> None:
    studio.warm_up()
    started(address(studio, port))


def address(studio: Studio | GalleryStudio, port: int) -> str:
    """Where the page is."""
    return f"http://{HOST}:{port}/{studio.token}/"


def open_browser(url: str) -> None:
    """Show the page, where there is a browser."""
    with contextlib.suppress(Exception):  # whatever stands in the way, the address is printed
        webbrowser.open(url)


def _bound(port: int) -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    if os.name == "posix":
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((HOST, port))
    except (OSError, OverflowError) as error:
        bound.close()
        raise ArgumentError(
            f"port {port} cannot be used ({error}); choose another, or leave --port out"
        ) from error
    return bound


def _end_at_once() -> None:
    """End the process: no thread can be asked to stop, and to clear torch takes seconds."""
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    sys.stderr.write("camkit: interrupted\n")
    sys.stderr.flush()
    os._exit(130)
