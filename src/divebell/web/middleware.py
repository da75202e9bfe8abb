"""What every answer of the web app has in common: headers, and one retry."""

from __future__ import annotations

from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from divebell.portal import policy
from divebell.web.pool import AWAY
from divebell.web.signin import ROOT

HEADERS = {
    "Content-Security-Policy": policy(),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
}


KEPT_IN_FRONT = tuple(f"{ROOT}{path}" for path in ("tiles/", "static/", "api/seen"))
"""What the web server in front keeps and gives to others too: nobody's cookie may be in it."""


class SecurityHeaders:
    """Set the headers above on every answer, and no cookie on what is kept in front."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                if scope["path"].startswith(KEPT_IN_FRONT):
                    del headers["set-cookie"]
                for name, value in HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, with_headers)


class RetryReads:
    """Answer a read again, once, when a connection turned out to be dead: the pool has dropped it by then."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http" or scope["method"] not in {"GET", "HEAD"}:
            await self._app(scope, receive, send)
            return
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        state: dict[str, Any] = dict(scope)
        try:
            await self._app(scope, receive, watched)
        except AWAY:
            if begun:
                raise
            await self._app(state, receive, send)
