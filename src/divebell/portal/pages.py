"""The pages and their addresses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import jinja2
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from divebell.event import Event
from divebell.portal import background, times
from divebell.portal.assets import Assets
from divebell.portal.catalogue import WIDEST, Catalogue, Column
from divebell.portal.policy import map_policy
from divebell.portal.snippets import snippets, sql_name

ROOT = "/services/event/"
NOTEBOOK = "/hub/user-redirect/lab/tree/welcome.ipynb"
"""Starts the notebook server of whoever follows it, then opens the welcome notebook."""
COPY_FOLDER = "/hub/user-redirect/lab/tree/my-event"
"""The same, and then shows their copy of the repository."""


class Portal:
    """The pages of one event.

    `here` gives the names of those whose notebook runs, or None; `slug` and `unslug` turn (schema, table)
    into the part of an address that names it, and back; `form` reads a form and refuses one that our pages
    did not make.
    """

    def __init__(
        self,
        event: Event,
        catalogue: Catalogue,
        *,
        here: Callable[[], Awaitable[list[str] | None]],
        slug: Callable[[str, str], str],
        unslug: Callable[[str], tuple[str, str] | None],
        form: Callable[[Request], Awaitable[dict[str, str]]],
    ) -> None:
        self._event = event
        self._catalogue = catalogue
        self._here = here
        self._slug = slug
        self._unslug = unslug
        self._form = form
        self._assets = Assets()
        self._templates = self._environment()

    def routes(self, folder: Path) -> list[Route]:
        """Give the routes below the app's root; `folder` is that of the event file."""
        return [
            Route("/", self.front_door),
            Route("/data/{name}", self.dataset),
            Route("/maps/{name}", self.map),
            *background.routes(self._event, folder),
            Route("/enter", self.enter),
            Route("/api/datasets", self.datasets),
            Route("/api/datasets/stamp", self.stamp),
            Route("/static/{path:path}", self._assets.answer),
        ]

    def page(self, request: Request, template: str, *, status: int = 200, **values: Any) -> Response:
        """Render a template for whoever asks."""
        text = self._templates.get_template(template).render(
            event=self._event,
            person=getattr(request.state, "person", None),
            form_token=request.session.get("form", "") if "session" in request.scope else "",
            now=datetime.now(UTC),
            **values,
        )
        return HTMLResponse(text, status_code=status, headers={"Cache-Control": "private, no-cache"})

    async def front_door(self, request: Request) -> Response:
        """Show the event, its data, and who is here."""
        person = request.state.person
        datasets, failures = await self._catalogue.datasets(), await self._catalogue.failures()
        return self.page(
            request,
            "front_door.html",
            datasets=datasets,
            failures=failures,
            outdated={one.file: one for one in failures},
            stamp=await self._catalogue.stamp(),
            loader=await self._catalogue.loader(),
            shared=await self._catalogue.shared(),
            here=await self._here() if person else None,
            ended=await self._catalogue.interventions_for(person.name) if person else [],
            copy=await self._catalogue.copy_of(person.name) if person else None,
            notebook=NOTEBOOK,
            copy_folder=COPY_FOLDER,
            when=self._when(),
            asking=await self._catalogue.asking() if person and person.ambassador else 0,
            certificate=request.app.state.certificate() if person and person.ambassador else None,
        )

    async def dataset(self, request: Request) -> Response:
        """Show one table: where it is from, its columns, its first rows, how to read it."""
        name = request.path_params["name"]
        schema, table = (self._unslug(name) if "." in name else ("data", name)) or ("", "")
        columns = await self._catalogue.columns(schema, table)
        if not columns:
            raise HTTPException(
                404, "There is no such table. It may have been renamed, dropped, or no longer be shared."
            )
        known = [
            one for one in await self._catalogue.datasets() if (schema, table) == ("data", one.table_name)
        ]
        failures = await self._catalogue.failures()
        shared = [one for one in await self._catalogue.shared() if (one.schema, one.name) == (schema, table)]
        geometry = next((column.name for column in columns if column.spatial), None)
        return self.page(
            request,
            "dataset.html",
            schema=schema,
            table=table,
            dataset=known[0] if known else None,
            failure=next((one for one in failures if known and one.file == known[0].file), None),
            stamp=await self._catalogue.stamp(),
            shared=shared[0] if shared else None,
            columns=columns,
            originals={column["name"]: column["original"] for column in known[0].columns} if known else {},
            nulls={column["name"]: column.get("nulls") for column in known[0].columns} if known else {},
            rows=await self._catalogue.first_rows(schema, table, columns),
            shown_columns=columns[:WIDEST],
            geometry=geometry,
            snippets=snippets(schema, table, geometry),
            sql_name=sql_name(schema, table),
        )

    async def map(self, request: Request) -> Response:
        """Show one table on a map; the map itself is drawn by static/map/main.js."""
        name = self._unslug(request.path_params["name"])
        person = request.state.person
        columns = await self._catalogue.columns(*name) if name else []
        slug = self._slug(*name) if name else ""
        if name is None or not await self._catalogue.mapped(slug, person and person.name):
            return self._no_map(request, columns)
        embedded = "embed" in request.query_params
        answer = self.page(
            request,
            "map.html",
            schema=name[0],
            table=name[1],
            slug=slug,
            listed=bool(columns),
            embedded=embedded,
            background=background.described(self._event, ROOT),
        )
        answer.headers["Content-Security-Policy"] = map_policy(self._event, embedded=embedded)
        return answer

    @staticmethod
    def _no_map(request: Request, columns: list[Column]) -> Response:
        """Say why there is no map; a stranger may only have to sign in to see it."""
        if columns and not any(column.spatial for column in columns):
            raise HTTPException(404, "This table has no geometry, so there is no map of it.")
        if request.state.person is None:
            asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"{ROOT}enter?{urlencode({'next': asked})}", status_code=303)
        raise HTTPException(
            404, "There is no such map. Its table may have been dropped, or no longer be shared."
        )

    async def enter(self, request: Request) -> Response:
        """Go on to a page; whoever comes here has signed in."""
        target = request.query_params.get("next", ROOT)
        return RedirectResponse(target if target.startswith(ROOT) else ROOT, status_code=303)

    async def datasets(self, request: Request) -> Response:  # noqa: ARG002 - Starlette's signature
        """Give the catalogue as `divebell data list --json` does."""
        listing = await self._catalogue.listing()
        return JSONResponse(listing.to_json(), headers={"Cache-Control": "private, no-cache"})

    async def stamp(self, request: Request) -> Response:  # noqa: ARG002 - Starlette's signature
        """Give a word that changes when what the pages say of the data does."""
        return JSONResponse({"stamp": await self._catalogue.stamp()}, headers={"Cache-Control": "no-store"})

    def _when(self) -> dict[str, str | None]:
        zone = self._event.zone
        starts = times.placed(self._event.starts, zone) if self._event.starts else None
        ends = times.placed(self._event.ends, zone) if self._event.ends else None
        return {"span": times.span(starts, ends), "phase": times.phase(starts, ends, datetime.now(UTC))}

    def _environment(self) -> jinja2.Environment:
        environment = jinja2.Environment(
            loader=jinja2.PackageLoader("divebell.portal"),
            autoescape=True,
            undefined=jinja2.StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.globals["root"] = ROOT
        environment.globals["asset"] = lambda name: ROOT + self._assets.address(name)
        environment.globals["link"] = lambda kind, schema, table: (
            f"{ROOT}{kind}/{quote(self._slug(schema, table))}"
        )
        environment.filters["ago"] = lambda moment: times.ago(moment, datetime.now(UTC))
        environment.filters["moment"] = lambda moment: times.written(times.placed(moment, self._event.zone))
        environment.filters["number"] = lambda number: f"{number:,}"
        return environment
