"""The pages and their addresses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import quote

import jinja2
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from divebell.event import Event
from divebell.portal import times
from divebell.portal.assets import Assets
from divebell.portal.catalogue import WIDEST, Catalogue
from divebell.portal.snippets import snippets, sql_name

ROOT = "/services/event/"
NOTEBOOK = "/hub/user-redirect/lab/tree/welcome.ipynb"
"""Starts the notebook server of whoever follows it, then opens the welcome notebook."""


class Portal:
    """The pages of one event.

    `here` gives the names of those whose notebook runs, or None; `slug` and `unslug` turn (schema, table)
    into the part of an address that names it, and back; `form` reads a form and refuses one that our pages
    did not make.
    """

    def __init__(
        self,
        event: Event,
        pool: Any,
        *,
        here: Callable[[], Awaitable[list[str] | None]],
        slug: Callable[[str, str], str],
        unslug: Callable[[str], tuple[str, str] | None],
        form: Callable[[Request], Awaitable[dict[str, str]]],
    ) -> None:
        self._event = event
        self._catalogue = Catalogue(pool)
        self._here = here
        self._slug = slug
        self._unslug = unslug
        self._form = form
        self._assets = Assets()
        self._templates = self._environment()

    def routes(self) -> list[Route]:
        """Give the routes below the app's root."""
        return [
            Route("/", self.front_door),
            Route("/data/{name}", self.dataset),
            Route("/maps/{name}", self.map),
            Route("/people", self.people),
            Route("/people/reset", self.reset, methods=["POST"]),
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
            notebook=NOTEBOOK,
            when=self._when(),
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
        """Show one table on a map; the map itself is drawn by map.js."""
        name = self._unslug(request.path_params["name"])
        columns = await self._catalogue.columns(*name) if name else []
        if name is None or not columns:
            raise HTTPException(
                404, "There is no such map. Its table may have been dropped, or no longer be shared."
            )
        if not any(column.spatial for column in columns):
            raise HTTPException(404, "This table has no geometry, so there is no map of it.")
        return self.page(request, "map.html", schema=name[0], table=name[1], slug=self._slug(*name))

    async def datasets(self, request: Request) -> Response:  # noqa: ARG002 - Starlette's signature
        """Give the catalogue as `divebell data list --json` does."""
        listing = await self._catalogue.listing()
        return JSONResponse(listing.to_json(), headers={"Cache-Control": "private, no-cache"})

    async def stamp(self, request: Request) -> Response:  # noqa: ARG002 - Starlette's signature
        """Give a word that changes when what the pages say of the data does."""
        return JSONResponse({"stamp": await self._catalogue.stamp()}, headers={"Cache-Control": "no-store"})

    async def people(self, request: Request) -> Response:
        """Show who ever signed in, to ambassadors."""
        _ambassadors_only(request)
        done = request.session.pop("done", None)
        return self.page(request, "people.html", people=await self._catalogue.people(), done=done)

    async def reset(self, request: Request) -> Response:
        """Forget a person's return code: asked once, done when confirmed."""
        _ambassadors_only(request)
        form = await self._form(request)
        name = form.get("name", "")
        if form.get("confirmed") != "yes":
            return self.page(request, "reset.html", name=name)
        if not await self._catalogue.reset(name):
            raise HTTPException(404, "Nobody has signed in with that name.")
        request.session["done"] = name
        return RedirectResponse(f"{ROOT}people", status_code=303)

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


def _ambassadors_only(request: Request) -> None:
    if not request.state.person.ambassador:
        raise HTTPException(
            403, "Only the event's ambassadors see this page. Ask one of them for what you need."
        )
