"""What stands before the page: only the browser that was given the address gets an answer."""

from __future__ import annotations

import hmac
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

HEADERS = {
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data: blob:; media-src 'self' blob:; connect-src 'self'; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-resource-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "permissions-policy": "camera=(self), microphone=(), geolocation=()",
    "cache-control": "no-store",
}
_OWN_SITES = ("same-origin", "none")  # asked by the page itself, or typed by the user


class Guard:
    """Refuses what does not come from the page whose address was printed.

    The address begins with a random token. The Host must be this machine's, so that no name which
    somebody else points here gets in (DNS rebinding), and the Origin, where a browser states one,
    must be the page's own.

    Args:
        application: what answers; it sees the path behind the token.
        token: the first part of every path.
        port: of the server; None takes any.
    """

    def __init__(self, application: Application, token: str, port: int | None = None) -> None:
        self.application, self.token, self.port = application, token, port

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or refuse it."""
        if scope["type"] != "http":
            return None if scope["type"] == "lifespan" else await _closed(send)

        async def guarded(message: MutableMapping[str, Any]) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(HEADERS)
            await send(message)

        code, reason = self._refusal(scope)
        if code:
            return await PlainTextResponse(reason, code)(scope, receive, guarded)
        path = scope["path"][len(self.token) + 1 :]
        return await self.application({**scope, "path": path, "raw_path": b""}, receive, guarded)

    def _refusal(self, scope: Scope) -> tuple[int, str]:
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if host not in self._hosts():
            return 421, "this server answers to 127.0.0.1 and localhost alone"
        origin = headers.get("origin")
        if origin is not None and origin != f"http://{host}":
            return 403, "this server answers to its own page alone"
        if headers.get("sec-fetch-site", "none") not in _OWN_SITES:
            return 403, "this server answers to its own page alone"
        token, slash, _ = scope["path"][1:].partition("/")
        if not slash or not hmac.compare_digest(token.encode(), self.token.encode()):
            return 404, "open the address that camkit studio printed"
        return 0, ""

    def _hosts(self) -> tuple[str, ...]:
        end = "" if self.port is None else f":{self.port}"
        return f"127.0.0.1{end}", f"localhost{end}"


async def _closed(send: Send) -> None:
    await send({"type": "websocket.close", "code": 1008})
