"""The addresses of OGC API - Features, Part 1, below `ogc`. Every one only reads."""

from __future__ import annotations

from typing import Any

import asyncpg
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from divebell.features import documents, page, sql
from divebell.features.asked import Asked, Wrong, json_only, read
from divebell.features.documents import GEOJSON, OPENAPI, Service
from divebell.features.near import near
from divebell.features.openapi import document
from divebell.tiles import Tiles
from divebell.tiles.asking import layer_of, person_of
from divebell.tiles.boxes import Box
from divebell.tiles.flight import Flights, Left
from divebell.tiles.frames import Frame
from divebell.tiles.layers import CODE, Entry, Layer
from divebell.tiles.names import to_slug
from divebell.tiles.turns import Turns

PAGES_AT_ONCE, PAGES_EACH, WAITING_EACH = 4, 2, 20
"""So that maps keep their connections."""
COUNT_SECONDS = 1.0
"""Longer than this nobody waits to be told how many there are."""
GONE = 499
"""What nginx made usual for "the client closed the request"; nobody is there to read it."""
KEEP = {"Cache-Control": "private, no-cache"}
EXTENTS = "SELECT table_name, bbox FROM catalogue.dataset WHERE array_length(bbox, 1) = 4"


def routes(tiles: Tiles, pool: Any, title: str) -> list[Route]:
    """Give the routes below the app's root; `pool` reads what everyone at the event may read."""
    pages = _Pages(tiles, pool, title)
    one = "/ogc/collections/{name}"
    return [
        Route("/ogc", pages.landing),
        Route("/ogc/", pages.landing),
        Route("/ogc/conformance", pages.conformance),
        Route("/ogc/api", pages.api),
        Route("/ogc/collections", pages.collections),
        Route(one, pages.collection),
        Route(f"{one}/items", pages.items),
        Route(f"{one}/items/{{item}}", pages.item),
    ]


class _Pages:
    def __init__(self, tiles: Tiles, pool: Any, title: str) -> None:
        self._tiles = tiles
        self._pool = pool
        self._title = title
        self._turns = Turns(PAGES_AT_ONCE, each=PAGES_EACH, waiting=WAITING_EACH)
        self._flights: Flights[page.Written] = Flights()

    async def landing(self, request: Request) -> Response:
        _only(request)
        return JSONResponse(documents.landing(self._service(request)), headers=KEEP)

    async def conformance(self, request: Request) -> Response:
        _only(request)
        return JSONResponse(documents.conformance(), headers=KEEP)

    async def api(self, request: Request) -> Response:
        _only(request)
        return JSONResponse(document(self._service(request)), headers=KEEP, media_type=OPENAPI)

    async def collections(self, request: Request) -> Response:
        _only(request, "after")
        start = request.query_params.get("after", "0")
        if not (start.isascii() and start.isdigit()):
            raise HTTPException(400, "'after' is given by the link to the next page; this is none.")
        person = person_of(request)
        layers = [one for one in await self._tiles.layers.all() if _given(one, person)]
        found = documents.collections(self._service(request), layers, await self._extents(), int(start[:9]))
        return JSONResponse(found, headers=KEEP)

    async def collection(self, request: Request) -> Response:
        _only(request)
        layer = await layer_of(self._tiles, request)
        extent = (await self._extents()).get(layer.slug)
        if extent is None:
            extent = (await self._tiles.drawing(layer, person_of(request))).frame.bounds
        return JSONResponse(documents.collection(self._service(request), layer, extent), headers=KEEP)

    async def _extents(self) -> dict[str, Box]:
        """Give the extents that the loader wrote down; for others one has to look at the table."""
        rows = await self._pool.fetch(EXTENTS)
        return {to_slug("data", row["table_name"]): tuple(row["bbox"]) for row in rows}

    async def items(self, request: Request) -> Response:
        layer = await layer_of(self._tiles, request)
        given = request.query_params.multi_items()
        asked = _read(given, layer)
        packed = "gzip" in request.headers.get("accept-encoding", "")
        try:
            written = await self._flights.share(
                object(),
                lambda: self._page(request, layer, asked, packed=packed),
                gone=lambda: _gone(request),
            )
        except Left:
            return Response(status_code=GONE)
        encoding = {"Content-Encoding": "gzip"} if packed else {}
        headers = {**KEEP, **encoding, "Vary": "Accept-Encoding", "Content-Crs": f"<{documents.CRS84}>"}
        return StreamingResponse(page.sent(written), headers=headers, media_type=GEOJSON)

    async def item(self, request: Request) -> Response:
        _only(request)
        layer = await layer_of(self._tiles, request)
        query = sql.item(layer, await self._frame(request, layer), request.path_params["item"])
        row = await self._tiles.pool(layer).fetchrow(query[0], *query[1]) if query else None
        if row is None:
            raise HTTPException(404, "There is no such feature, or no longer.")
        links = documents.item_links(self._service(request), layer, str(row["id"]))
        return Response(page.feature(row, links=links), headers=KEEP, media_type=GEOJSON)

    async def _page(self, request: Request, layer: Layer, asked: Asked, *, packed: bool) -> page.Written:
        try:
            frame = await self._frame(request, layer)
            async with (
                self._turns.take(person_of(request)),
                self._tiles.pool(layer).acquire() as connection,
            ):
                boxes = await near(connection, frame, asked.boxes)
                query, values = sql.items(layer, frame, asked, boxes)
                written = await page.features(connection, query, values, asked, packed=packed)
                total = await self._count(connection, asked, sql.count(layer, frame, asked, boxes))
        except Wrong as error:
            raise HTTPException(400, str(error)) from None
        except TimeoutError:
            raise HTTPException(
                503, "This page took too long. Ask for fewer features, or a smaller box."
            ) from None
        except asyncpg.DataError:
            if not asked.equal:
                raise
            raise HTTPException(400, "A value asked for does not fit the type of its column.") from None
        following = sql.after(layer, asked, written.sent) if written.more else None
        links = documents.page_links(
            self._service(request), layer, request.query_params.multi_items(), following
        )
        page.finished(written, {"links": links, **documents.counted(asked, total)})
        return written

    @staticmethod
    async def _count(connection: Any, asked: Asked, query: tuple[str, list[Any]]) -> int | None:
        if asked.after:
            return None
        try:
            found = await connection.fetchval(query[0], *query[1], timeout=COUNT_SECONDS)
        except (TimeoutError, asyncpg.QueryCanceledError):
            return None
        return int(found) if found <= sql.COUNTED else None

    async def _frame(self, request: Request, layer: Layer) -> Frame:
        frame = (await self._tiles.drawing(layer, person_of(request))).frame
        if frame.reason:
            raise HTTPException(422, frame.reason)
        return frame

    def _service(self, request: Request) -> Service:
        before = request.url.path.partition("/ogc")[0]
        return Service(self._title, f"{request.url.scheme}://{request.url.netloc}{before}/ogc")


def _read(given: list[tuple[str, str]], layer: Layer) -> Asked:
    try:
        return read(given, layer)
    except Wrong as error:
        raise HTTPException(400, str(error)) from None


def _only(request: Request, *known: str) -> None:
    """Refuse parameters that mean nothing here, as the standard has it."""
    try:
        json_only(request.query_params.get("f", "json"))
    except Wrong as error:
        raise HTTPException(400, str(error)) from None
    unknown = sorted(set(request.query_params) - {"f", *known})
    if unknown:
        raise HTTPException(400, f"There is no parameter '{unknown[0]}' here.")


def _given(entry: Entry, person: str | None) -> bool:
    """Say whether somebody may read a layer, and it is one that is read for them."""
    return entry.readers.include(person) and (entry.readers.shared or entry.kind not in CODE)


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
