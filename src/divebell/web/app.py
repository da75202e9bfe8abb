"""The web app of one event: portal, maps and tiles behind one sign-in, below /services/event/."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route

from divebell import features, following, gallery, notify, portal, rasters, remote, tiles
from divebell.event import CertificateStanding, Event, Ports, Secrets, Service, State, load_secrets
from divebell.web import errors, seen
from divebell.web.access import Access, confirm, read_form
from divebell.web.bearer import Bearer, of_a_notebook, of_a_person
from divebell.web.hub_tokens import HubAway
from divebell.web.middleware import RetryReads, SecurityHeaders
from divebell.web.owners import Owners
from divebell.web.pool import AWAY, DRAFTS, PORTAL, TABLES, TILES, listen, open_pool
from divebell.web.signin import ROOT, SignIn

SESSION_SECONDS = 14 * 24 * 3600
"""As long as the hub's own sign-in lasts."""


def app(event: Event, state: State, secrets: Secrets, ports: Ports) -> Starlette:
    """Build the app. Nothing is connected before it runs; the database may come and go."""
    pool, drawing, tables, drafts = _LatePool(), _LatePool(), _LatePool(), _LatePool()
    people = portal.People(pool)
    sign_in = SignIn(event, secrets, ports, made=people.made_ambassadors)
    layers = tiles.Tiles(tables, views=drawing, drafts=drafts)

    async def mapped(name: str, person: str | None) -> bool:
        return await layers.layers.find(name, person) is not None

    catalogue = portal.Catalogue(pool, shared=drawing, mapped=mapped)
    site = portal.Portal(
        event,
        catalogue,
        here=sign_in.here,
        slug=tiles.to_slug,
        unslug=tiles.from_slug,
        form=read_form,
    )

    workers = rasters.workers()
    tokens = portal.Tokens(pool)
    owners = Owners(tokens.owner, f"http://127.0.0.1:{ports.hub}/hub/api")
    repository = remote.Remote(state, event.data.branch, pool, Bearer(owners.owner, of_a_person).name)
    shared = gallery.Around(
        root=ROOT, page=site.page, form=read_form, confirm=confirm, mapped=lambda name: mapped(name, None)
    )
    token_pages = portal.TokenPages(tokens, root=ROOT, page=site.page, form=read_form)
    people_pages = portal.PeoplePages(
        event, people, catalogue, page=site.page, form=read_form, stop=sign_in.stop_server
    )

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        pool.pool, drawing.pool = await open_pool(state, PORTAL), await open_pool(state, TILES)
        tables.pool, drafts.pool = await open_pool(state, TABLES), await open_pool(state, DRAFTS)
        listener = asyncio.create_task(listen(state, "catalogue", layers.layers.forget))
        warming = asyncio.create_task(asyncio.to_thread(tiles.warm_up))
        alive = asyncio.create_task(notify.keep_beating())
        try:
            yield
        finally:
            tasks = (listener, warming, alive)
            workers.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            pool.pool.terminate()
            drawing.pool.terminate()
            tables.pool.terminate()
            drafts.pool.terminate()
            await sign_in.close()
            await owners.close()

    def webhook_secret() -> str:
        return load_secrets(state).webhook_secret

    async def health(_: Request) -> Response:
        return await _health(pool)

    session = Middleware(
        SessionMiddleware,
        secret_key=secrets.web_session_key,
        session_cookie="divebell-event",
        path=ROOT,
        max_age=SESSION_SECONDS,
        same_site="lax",
        https_only=_over_https(state),
    )
    inside = [
        Route("/health", health),
        Route("/away", _away, methods=None),
        Route("/oauth_callback", sign_in.finish),
        Route("/signout", _sign_out, methods=["POST"]),
        seen.route(layers.layers.find),
        *tiles.routes(layers),
        *features.routes(layers, drawing, event.name),
        *rasters.routes(drawing, state.rasters, workers),
        *repository.routes(),
        *following.routes(pool, webhook_secret, event.data.branch),
        *token_pages.routes(),
        *gallery.routes(pool, shared),
        *people_pages.routes(),
        *site.routes(state.event_file.parent),
    ]
    access = Middleware(
        Access,
        sign_in=sign_in,
        bearer=Bearer(tokens.owner, of_a_person),
        notebooks=Bearer(owners.of_the_hub, of_a_notebook),
        public=event.maps.public,
    )
    pages = errors.Pages(site.page)
    built = Starlette(
        routes=[Mount(ROOT.rstrip("/"), routes=inside, middleware=[access, Middleware(RetryReads)])],
        middleware=[Middleware(SecurityHeaders), session],
        exception_handlers=pages.handlers((*AWAY, TimeoutError), HubAway),
        lifespan=lifespan,
    )
    built.state.sign_in = sign_in
    built.state.owners = owners
    built.state.certificate = lambda: CertificateStanding.load(state)
    return built


def _over_https(state: State) -> bool:
    """Tell whether browsers come over HTTPS: only where the event runs behind a server's web server."""
    served = Service.load(state)
    return served is not None and served.address.startswith("https://")


class _LatePool:
    """Stands for the pool before it is open, so that the app can be put together without a running loop."""

    pool: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.pool, name)


async def _health(pool: Any) -> Response:
    try:
        await pool.fetchval("SELECT 1", timeout=4)
    except (*AWAY, TimeoutError):
        return JSONResponse({"status": "database away"}, status_code=503)
    return JSONResponse({"status": "ok"})


async def _away(_: Request) -> Response:
    """Answer in place of a part that the proxy does not reach: the proxy fetches this page."""
    raise HubAway


async def _sign_out(request: Request) -> Response:
    await read_form(request)
    request.session.clear()
    return RedirectResponse("/hub/logout", status_code=303)
