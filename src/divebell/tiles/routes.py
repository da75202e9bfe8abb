"""The addresses of tiles: TileJSON, tiles, class breaks, one feature's attributes, a preview."""

from __future__ import annotations

import gzip
import json
from dataclasses import asdict
from typing import Any

import asyncpg
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from divebell.tiles import sql
from divebell.tiles.boxes import in_range
from divebell.tiles.classes import MAX_CLASSES, MIN_CLASSES, Scheme, breaks
from divebell.tiles.flight import Flights, Left
from divebell.tiles.layers import Layer
from divebell.tiles.preview import draw
from divebell.tiles.tile import Place, Tiles, etag
from divebell.tiles.tilejson import tilejson

MVT = "application/vnd.mapbox-vector-tile"
LARGEST_ID = 2**63 - 1
GONE = 499
"""What nginx made usual for "the client closed the request"; nobody is there to read it."""


def routes(tiles: Tiles) -> list[Route]:
    """Give the routes below the app's root; every one only reads."""
    pages = _Pages(tiles)
    return [
        Route("/tiles/{name}/{z:int}/{x:int}/{y:int}.mvt", pages.tile),
        Route("/tiles/{name}/breaks", pages.breaks),
        Route("/tiles/{name}/feature/{id:int}", pages.feature),
        Route("/tiles/{name}.json", pages.tilejson),
        Route("/preview/{name}.svg", pages.preview),
    ]


class _Pages:
    def __init__(self, tiles: Tiles) -> None:
        self._tiles = tiles
        self._pictures: dict[str, tuple[str, str]] = {}
        self._flights: Flights[str] = Flights()

    async def tile(self, request: Request) -> Response:
        z, x, y = (request.path_params[axis] for axis in "zxy")
        if not in_range(z, x, y):
            raise HTTPException(404, "There is no such tile.")
        layer = await self._layer(request)
        place = Place(z, x, y, _column(request, layer))
        tag = etag(layer, place)
        headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Accept-Encoding"}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        try:
            tile = await self._tiles.tile(layer, place, gone=lambda: _gone(request))
        except Left:
            return Response(status_code=GONE)
        headers["X-Divebell-Aggregated"] = "true" if tile.aggregated else "false"
        if not tile.body:
            return Response(status_code=204, headers=headers)
        body = tile.body
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
        else:
            body = gzip.decompress(body)
        return Response(body, headers=headers, media_type=MVT)

    async def tilejson(self, request: Request) -> Response:
        layer = await self._layer(request)
        frame = await self._tiles.frame(layer)
        base = f"{request.url.scheme}://{request.url.netloc}{request.url.path.rpartition('/tiles/')[0]}"
        return _json(tilejson(layer, frame, base=base, column=_column(request, layer)))

    async def breaks(self, request: Request) -> Response:
        layer = await self._layer(request)
        column = _column(request, layer)
        if column is None:
            raise HTTPException(400, "Say which numeric column: ?column=NAME.")
        scheme, k = _scheme(request), _k(request)
        found = await breaks(self._tiles.pool, layer, column, scheme=scheme, k=k)
        return _json({**asdict(found), "k": k})

    async def feature(self, request: Request) -> Response:
        layer = await self._layer(request)
        query = sql.feature(layer)
        number = request.path_params["id"]
        if query is None or number > LARGEST_ID:
            raise HTTPException(404, "There is no such feature.")
        try:
            text = await self._tiles.pool.fetchval(query, number)
        except (asyncpg.DataError, asyncpg.ProgramLimitExceededError):
            text = None
        if text is None:
            raise HTTPException(
                404, "There is no such feature: the table has changed since the map was drawn."
            )
        return _json({"id": number, "attributes": json.loads(text)})

    async def preview(self, request: Request) -> Response:
        layer = await self._layer(request)
        tag = etag(layer, Place(0, 0, 0, "preview"))
        headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        picture = await self._picture(layer)
        return Response(picture, headers=headers, media_type="image/svg+xml")

    async def _picture(self, layer: Layer) -> str:
        known = self._pictures.get(layer.slug)
        if known and known[0] == layer.version:
            return known[1]
        frame = await self._tiles.frame(layer)
        picture = await self._flights.share(
            (layer.slug, layer.version), lambda: draw(self._tiles.pool, layer, frame)
        )
        self._pictures[layer.slug] = (layer.version, picture)
        return picture

    async def _layer(self, request: Request) -> Layer:
        layer = await self._tiles.layers.find(request.path_params["name"])
        if layer is None:
            raise HTTPException(
                404,
                "There is no such layer. Its table may have been renamed, dropped, or no longer be shared.",
            )
        return layer


def _column(request: Request, layer: Layer) -> str | None:
    name = request.query_params.get("column")
    if not name:
        return None
    field = layer.field(name)
    if field is None or not field.numeric:
        raise HTTPException(400, "A map is coloured by a numeric column of its table; this is none.")
    return field.name


def _scheme(request: Request) -> Scheme:
    try:
        return Scheme(request.query_params.get("scheme", Scheme.QUANTILES))
    except ValueError:
        raise HTTPException(400, f"Expected scheme to be one of {', '.join(Scheme)}.") from None


def _k(request: Request) -> int:
    text = request.query_params.get("k", "5")
    if not (text.isascii() and text.isdigit() and MIN_CLASSES <= int(text[:3]) <= MAX_CLASSES):
        raise HTTPException(400, f"Expected k, the number of classes, from {MIN_CLASSES} to {MAX_CLASSES}.")
    return int(text)


def _json(value: Any) -> Response:
    return JSONResponse(value, headers={"Cache-Control": "private, no-cache"})


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
