"""Tell the web server in front whether somebody may have a tile it keeps, and of which state of the table."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from urllib.parse import unquote

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from divebell.tiles.layers import Layer
from divebell.web.signin import ROOT

ADDRESS = "api/seen"
ASKED, STATE = "X-Divebell-Asked", "X-Divebell-State"
HOLDS = "max-age=1"
"""For a second an answer holds; while this app is away the last one counts: its restart closes no map."""

Find = Callable[[str, str | None], Awaitable[Layer | None]]
"""Gives the layer of an address's name, if the person of that name may see it."""


def route(find: Find) -> Route:
    """Give the route. Who has not signed in has been answered before (`Access`)."""

    async def seen(request: Request) -> Response:
        slug, person = _slug(request.headers.get(ASKED, "")), request.state.person
        layer = await find(slug, person.name if person else None) if slug else None
        headers = {"Cache-Control": HOLDS, STATE: _state(layer) if layer else ""}
        return Response(status_code=204, headers=headers)

    return Route(f"/{ADDRESS}", seen)


def _slug(address: str) -> str:
    """Give the layer's name in a tile's address, as the route of tiles reads it; nothing in any other."""
    prefix = f"{ROOT}tiles/"
    path = unquote(address.partition("?")[0])
    name, slash, _ = path.removeprefix(prefix).partition("/")
    return name if path.startswith(prefix) and slash else ""


def _state(layer: Layer) -> str:
    """Name the state of a layer's table: another one has other tiles."""
    return hashlib.sha256(f"{layer.slug}|{layer.oid}|{layer.version}".encode()).hexdigest()[:24]
