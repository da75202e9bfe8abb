"""The addresses of tiles: TileJSON, tiles, a preview, and what `facts` and `news` answer."""

from __future__ import annotations

import gzip
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from functools import partial

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from divebell.tiles.asking import fresh, layer_of, person_of, style
from divebell.tiles.boxes import in_range
from divebell.tiles.facts import Facts
from divebell.tiles.flight import Flights, Left
from divebell.tiles.kept import Place
from divebell.tiles.layers import Layer
from divebell.tiles.news import News
from divebell.tiles.preview import draw
from divebell.tiles.tile import Tiles, etag
from divebell.tiles.tilejson import tilejson

MVT = "application/vnd.mapbox-vector-tile"
GONE = 499
"""What nginx made usual for "the client closed the request"; nobody is there to read it."""
KEPT_PICTURES = 500


def routes(tiles: Tiles) -> list[Route]:
    """Give the routes below the app's root; every one only reads."""
    pages = _Pages(tiles)
    return [
        *News(tiles.layers).routes(),
        Route("/tiles/{name}/{z:int}/{x:int}/{y:int}.mvt", pages.tile),
        *Facts(tiles).routes(),
        Route("/tiles/{name}.json", pages.tilejson),
        Route("/preview/{name}.svg", pages.preview),
    ]


class _Pages:
    def __init__(self, tiles: Tiles) -> None:
        self._tiles = tiles
        self._pictures: OrderedDict[tuple[str, str], str] = OrderedDict()
        self._flights: Flights[str] = Flights()

    async def tile(self, request: Request) -> Response:
        try:
            return await self._tile(request, partial(_gone, request))
        except Left:
            return Response(status_code=GONE)

    async def _tile(self, request: Request, gone: Callable[[], Awaitable[None]]) -> Response:
        z, x, y = (request.path_params[axis] for axis in "zxy")
        if not in_range(z, x, y):
            raise HTTPException(404, "There is no such tile.")
        layer = await layer_of(self._tiles, request)
        place = Place(z, x, y, style(request, layer))
        plan = (await self._tiles.drawing(layer, person_of(request), gone=gone)).plan
        tag = etag(layer, (place, plan.at(z)))
        headers = {"ETag": tag, "Cache-Control": "private, no-cache", "Vary": "Accept-Encoding"}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        tile = await self._tiles.tile(layer, place, person=person_of(request), gone=gone)
        headers["ETag"] = etag(layer, (place, tile.how))
        headers["X-Divebell-Tile"] = tile.kind
        headers["X-Divebell-Aggregated"] = "true" if tile.kind == "cells" else "false"
        if not tile.body:
            return Response(status_code=204, headers=headers)
        body = tile.body
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
        else:
            body = gzip.decompress(body)
        return Response(body, headers=headers, media_type=MVT)

    async def tilejson(self, request: Request) -> Response:
        layer = await layer_of(self._tiles, request)
        drawing = await self._tiles.drawing(layer, person_of(request))
        base = f"{request.url.scheme}://{request.url.netloc}{request.url.path.rpartition('/tiles/')[0]}"
        return fresh(tilejson(layer, drawing, base=base, style=style(request, layer)))

    async def preview(self, request: Request) -> Response:
        layer = await layer_of(self._tiles, request)
        tag = etag(layer, "preview")
        headers = {"ETag": tag, "Cache-Control": "private, no-cache"}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        picture = await self._picture(layer, person_of(request))
        return Response(picture, headers=headers, media_type="image/svg+xml")

    async def _picture(self, layer: Layer, person: str | None) -> str:
        key = (layer.slug, layer.version)
        if key not in self._pictures:
            drawing = await self._tiles.drawing(layer, person)
            pool = self._tiles.pool(layer)
            async with self._tiles.turns.take(person):
                self._pictures[key] = await self._flights.share(key, lambda: draw(pool, layer, drawing.frame))
        while len(self._pictures) > KEPT_PICTURES:
            self._pictures.popitem(last=False)
        return self._pictures[key]


async def _gone(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass
