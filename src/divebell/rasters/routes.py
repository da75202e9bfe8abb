"""The addresses of rasters: TileJSON, tiles, the values of a place. Every one only reads."""

from __future__ import annotations

import hashlib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from divebell.pipeline.reading.frames import Raster
from divebell.pipeline.reading.workers import TooMuch, Workers
from divebell.rasters import draw
from divebell.rasters.palettes import DEFAULT, PALETTES
from divebell.rasters.tilejson import tilejson
from divebell.tiles.asking import LONGEST_NUMBER
from divebell.tiles.boxes import in_range
from divebell.tiles.flight import Flights
from divebell.tiles.kept import Kept, Tile
from divebell.tiles.names import from_slug

KEPT_BYTES = 32 * 1024**2
KEEP = {"Cache-Control": "private, no-cache"}
FORMS = {"png": "image/png", "webp": "image/webp"}
FIND = "SELECT version, facts::text AS facts, reason FROM catalogue.raster WHERE table_name = $1"


@dataclass(frozen=True)
class Known:
    """A raster of the event; no facts where it cannot be drawn, for that reason."""

    table: str
    version: str
    facts: Raster | None
    reason: str | None


def routes(pool: Any, folder: Path, workers: Workers) -> list[Route]:
    """Give the routes below the app's root; `folder` holds the copies that the loader keeps."""
    pages = _Pages(pool, folder, workers)
    return [
        Route("/rasters/{name}.json", pages.tilejson),
        Route("/rasters/{name}/{z:int}/{x:int}/{y:int}.{form:str}", pages.tile),
        Route("/rasters/{name}/value", pages.value),
    ]


class _Pages:
    def __init__(self, pool: Any, folder: Path, workers: Workers) -> None:
        self._pool = pool
        self._folder = folder
        self._workers = workers
        self._flights: Flights[bytes] = Flights()
        self._kept = Kept(KEPT_BYTES)

    async def tilejson(self, request: Request) -> Response:
        known = await self._known(request)
        base = f"{request.url.scheme}://{request.url.netloc}{request.url.path.rpartition('/rasters/')[0]}"
        style = _style(request, known.facts) if known.facts else None
        asked = {name: value for name, value in request.query_params.items() if name != "f"}
        return JSONResponse(
            tilejson(known, style, address=f"{base}/rasters/data.{known.table}", asked=asked), headers=KEEP
        )

    async def tile(self, request: Request) -> Response:
        z, x, y = (request.path_params[axis] for axis in "zxy")
        form = request.path_params["form"]
        if form not in FORMS or not in_range(z, x, y):
            raise HTTPException(404, "There is no such tile.")
        known, facts = await self._drawable(request)
        style = _style(request, facts)
        key = (known.version, z, x, y, style, form)
        tag = f'"{hashlib.sha256(repr(key).encode()).hexdigest()[:24]}"'
        headers = {**KEEP, "ETag": tag}
        if tag in request.headers.get("if-none-match", ""):
            return Response(status_code=304, headers=headers)
        kept = self._kept.get(key)
        if kept is None:
            wanted = draw.Wanted(self._path(known), facts, z, x, y, style, form)
            try:
                body = await self._flights.share(key, lambda: self._workers.do(draw.tile, wanted))
            except TooMuch:
                raise HTTPException(
                    503, "This tile took too much. Try again.", {"Retry-After": "5"}
                ) from None
            kept = Tile(body, "whole" if body else "empty")
            self._kept.put(key, kept)
        if not kept.body:
            return Response(status_code=204, headers=headers)
        return Response(kept.body, headers=headers, media_type=FORMS[form])

    async def value(self, request: Request) -> Response:
        known, facts = await self._drawable(request)
        longitude, latitude = _number(request, "lon", 540), _number(request, "lat", 90)
        try:
            found = await self._workers.do(draw.value, self._path(known), facts, longitude, latitude)
        except TooMuch:
            raise HTTPException(503, "This took too much. Try again.", {"Retry-After": "5"}) from None
        bands = [
            {"name": band.name, "value": None if found is None else found[at]}
            for at, band in enumerate(facts.bands)
        ]
        return JSONResponse(
            {"lon": longitude, "lat": latitude, "inside": found is not None, "bands": bands}, headers=KEEP
        )

    async def _drawable(self, request: Request) -> tuple[Known, Raster]:
        known = await self._known(request)
        if known.facts is None:
            raise HTTPException(422, known.reason or "It cannot be drawn.")
        return known, known.facts

    async def _known(self, request: Request) -> Known:
        schema, table = from_slug(request.path_params["name"]) or ("", "")
        row = await self._pool.fetchrow(FIND, table) if schema == "data" else None
        if row is None:
            raise HTTPException(404, "There is no such raster, or it is not ready yet.")
        facts = Raster.model_validate_json(row["facts"]) if row["facts"] else None
        return Known(table, row["version"], facts, row["reason"])

    def _path(self, known: Known) -> Path:
        path = self._folder / f"{known.version}.tif"
        if not path.is_file():
            raise HTTPException(404, "There is no such raster, or it is not ready yet.")
        return path


def _style(request: Request, facts: Raster) -> draw.Style:
    """Read how a raster is to be coloured; what is not said follows from its pixels."""
    asked = request.query_params
    number = asked.get("band", "1")
    plain = number.isascii() and number.isdigit() and len(number) <= LONGEST_NUMBER
    if not (plain and 1 <= int(number) <= len(facts.bands)):
        raise HTTPException(400, f"Expected band to be from 1 to {len(facts.bands)}.")
    palette = asked.get("palette", DEFAULT)
    if palette not in PALETTES:
        raise HTTPException(400, f"Expected palette to be one of {', '.join(PALETTES)}.")
    first, last = facts.bands[int(number) - 1].middle or (0.0, 1.0)
    low = _number(request, "low", 1e300) if "low" in asked else first
    high = _number(request, "high", 1e300) if "high" in asked else last
    if low > high:
        raise HTTPException(400, "Expected low to be less than high.")
    return draw.Style(int(number), palette, low, high)


def _number(request: Request, name: str, most: float) -> float:
    try:
        found = float(request.query_params.get(name, ""))
    except ValueError:
        found = math.nan
    if not abs(found) <= most:
        raise HTTPException(400, f"Expected {name} to be a number from {-most:g} to {most:g}.")
    return found
