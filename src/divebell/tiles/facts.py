"""The addresses that say something of a layer's rows: class breaks, categories, one feature, a search."""

from __future__ import annotations

import json
from dataclasses import asdict

import asyncpg
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from divebell.tiles import sql
from divebell.tiles.asking import column_of, fresh, layer_of, person_of, whole_number
from divebell.tiles.categories import categories
from divebell.tiles.classes import MAX_CLASSES, MIN_CLASSES, Scheme, breaks
from divebell.tiles.layers import CODE, Layer
from divebell.tiles.search import LONGEST, MOST_RESULTS, in_degrees, search
from divebell.tiles.style import MOST_CATEGORIES
from divebell.tiles.tile import NOT_RUN, Tiles

LARGEST_ID = 2**63 - 1
NO_FEATURE = "There is no such feature: the table has changed since the map was drawn."


class Facts:
    """Answers about a layer's rows."""

    def __init__(self, tiles: Tiles) -> None:
        self._tiles = tiles

    def routes(self) -> list[Route]:
        """Give the routes below the app's root."""
        return [
            Route("/tiles/{name}/breaks", self.breaks),
            Route("/tiles/{name}/categories", self.categories),
            Route("/tiles/{name}/search", self.search),
            Route("/tiles/{name}/feature/{id:int}", self.feature),
        ]

    async def breaks(self, request: Request) -> Response:
        """Give a numeric column's classes."""
        layer = await self._read(request)
        column = column_of(request, layer, numeric=True)
        scheme = _scheme(request)
        k = whole_number(request, "k", usual=5, least=MIN_CLASSES, most=MAX_CLASSES)
        async with self._tiles.turns.take(person_of(request)):
            found = await breaks(self._tiles.pool(layer), layer, column, scheme=scheme, k=k)
        return fresh({**asdict(found), "k": k})

    async def categories(self, request: Request) -> Response:
        """Give a column's commonest values."""
        layer = await self._read(request)
        column = column_of(request, layer, numeric=False)
        limit = whole_number(request, "limit", usual=12, least=1, most=MOST_CATEGORIES)
        async with self._tiles.turns.take(person_of(request)):
            found = await categories(self._tiles.pool(layer), layer, column, limit=limit)
        return fresh(asdict(found))

    async def search(self, request: Request) -> Response:
        """Give rows by their names."""
        layer = await self._read(request)
        q = request.query_params.get("q", "").strip()
        if not 0 < len(q) <= LONGEST or "\0" in q:
            raise HTTPException(400, f"Say what to look for: ?q=TEXT, at most {LONGEST} characters.")
        limit = whole_number(request, "limit", usual=8, least=1, most=MOST_RESULTS)
        drawing = await self._tiles.drawing(layer, person_of(request))
        async with self._tiles.turns.take(person_of(request)):
            found = await search(self._tiles.pool(layer), layer, drawing.frame, q, limit=limit)
        return fresh(asdict(found))

    async def feature(self, request: Request) -> Response:
        """Give one row's attributes and where it is."""
        layer = await self._read(request)
        number = request.path_params["id"]
        frame = (await self._tiles.drawing(layer, person_of(request))).frame
        query = sql.feature(layer, frame)
        if query is None or number > LARGEST_ID:
            raise HTTPException(404, "There is no such feature.")
        pool = self._tiles.pool(layer)
        async with self._tiles.turns.take(person_of(request)):
            try:
                row = await pool.fetchrow(query, number)
            except (asyncpg.DataError, asyncpg.ProgramLimitExceededError):
                row = None
            if row is None:
                raise HTTPException(404, NO_FEATURE)
            bounds = await in_degrees(pool, frame, row["bounds"])
        point = ((bounds[0] + bounds[2]) / 2, (bounds[1] + bounds[3]) / 2) if bounds else None
        attributes = json.loads(row["attributes"] or "[]")
        return fresh({"id": number, "attributes": attributes, "point": point, "bounds": bounds})

    async def _read(self, request: Request) -> Layer:
        layer = await layer_of(self._tiles, request)
        if layer.kind in CODE and not layer.readers.shared:
            raise HTTPException(422, NOT_RUN)
        return layer


def _scheme(request: Request) -> Scheme:
    try:
        return Scheme(request.query_params.get("scheme", Scheme.QUANTILES))
    except ValueError:
        raise HTTPException(400, f"Expected scheme to be one of {', '.join(Scheme)}.") from None
