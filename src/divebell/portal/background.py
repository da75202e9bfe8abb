"""What lies under the data of a map, where the event file names something else than divebell's own."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from divebell.event import Event
from divebell.event.maps import Background

FILE = "maps/-/background.pmtiles"
"""Where the event's own PMTiles file is read from, below the app's root."""


@dataclass(frozen=True)
class Described:
    """A background as the map page is told of it."""

    kind: str
    url: str
    attribution: str


def described(event: Event, root: str) -> Described:
    """Say what the map page loads its background from."""
    maps = event.maps
    url = f"{root}{FILE}" if maps.kind is Background.PMTILES else maps.background or ""
    return Described(maps.kind.value, url, maps.attribution or "")


def routes(event: Event, folder: Path) -> list[Route]:
    """Give the route to the event's own background, if it has one; parts of it are read by range."""
    name = event.maps.background
    if name is None or event.maps.kind is not Background.PMTILES:
        return []
    path = folder / name

    async def answer(request: Request) -> Response:  # noqa: ARG001 - Starlette's signature
        if not path.is_file():
            raise HTTPException(
                404, f"The event file names {name} as the maps' background; there is no such file."
            )
        return FileResponse(path, media_type="application/vnd.pmtiles", headers={"Cache-Control": "no-cache"})

    return [Route(f"/{FILE}", answer)]
