"""The addresses that say which layers there are, and what changes."""

from __future__ import annotations

from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from divebell.tiles.asking import fresh, person_of
from divebell.tiles.changes import MOST_NAMES, Changes
from divebell.tiles.layers import KINDS, Entry, Layers
from divebell.tiles.tilejson import SHAPES, owner


class News:
    """Answers about the layers as a whole."""

    def __init__(self, layers: Layers) -> None:
        self._layers = layers
        self._changes = Changes(layers)

    def routes(self) -> list[Route]:
        """Give the routes below the app's root."""
        return [
            Route("/tiles/changes", self.changes),
            Route("/tiles/versions", self.versions),
            Route("/api/layers", self.layers),
        ]

    async def changes(self, request: Request) -> Response:
        """Stream what changes."""
        events = self._changes.stream(person_of(request), _names(request))
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(events, media_type="text/event-stream", headers=headers)

    async def versions(self, request: Request) -> Response:
        """Give the layers' present versions."""
        return fresh(await self._changes.versions(person_of(request), _names(request)))

    async def layers(self, request: Request) -> Response:
        """List the layers that whoever asks may see."""
        person = person_of(request)
        return fresh([_listed(one) for one in await self._layers.all() if one.readers.include(person)])


def _names(request: Request) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(request.query_params.getlist("layer")))
    if len(names) > MOST_NAMES:
        raise HTTPException(400, f"At most {MOST_NAMES} layers can be named.")
    return names


def _listed(entry: Entry) -> dict[str, Any]:
    return {
        "name": entry.slug,
        "schema": entry.schema,
        "table": entry.table,
        "owner": owner(entry.owner),
        "shared": entry.readers.shared,
        "kind": KINDS[entry.kind],
        "geometry": SHAPES.get(entry.type.removeprefix("Multi"), "mixed"),
        "rows": entry.estimate if entry.estimate >= 0 else None,
        "version": entry.version,
    }
