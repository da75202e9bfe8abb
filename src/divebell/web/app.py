"""The web app of one event: portal, maps and tiles behind one sign-in, below /services/event/."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.sessions import SessionMiddleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Mount, Route

from divebell import features, following, gallery, notify, portal, rasters, remote, tiles
from divebell.event import CertificateStanding, Event, Ports, Secrets, Service, State, load_secrets
from divebell.pipeline.reading.workers import Workers
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
    pools = _Pools()
    pool, drawing = pools.portal, pools.tiles
    people = portal.People(pool)
    sign_in = SignIn(event, secrets, ports, made=people.made_ambassadors)
    layers = tiles.Tiles(pools.tables, views=drawing, drafts=pools.drafts)

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
    repository = remote.Remote(event, state, pool, Bearer(owners.owner, of_a_person).name)
    shared = gallery.Around(
        root=ROOT, page=site.page, form=read_form, confirm=confirm, mapped=lambda name: mapped(name, None)
    )
    token_pages = portal.TokenPages(tokens, root=ROOT, page=site.page, form=read_form)
    people_pages = portal.PeoplePages(
        event, people, catalogue, page=site.page, form=read_form, stop=sign_in.stop_server
    )

    inside = [
        _health(pool),
        Route("/away", _away, methods=None),
        Route("/oauth_callback", sign_in.finish),
        Route("/signout", _sign_out, methods=["POST"]),
        seen.route(layers.layers.find),
        *tiles.routes(layers),
        *features.routes(layers, drawing, event.name),
        *rasters.routes(drawing, state.rasters, workers),
        *repository.routes(),
        *following.routes(pool, lambda: load_secrets(state).webhook_secret, event.data.branch),
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
        middleware=[Middleware(SecurityHeaders), _session(state, secrets)],
        exception_handlers=pages.handlers((*AWAY, TimeoutError), HubAway),
        lifespan=_Running(state, pools, layers, workers, (sign_in.close, owners.close)).lifespan,
    )
    built.state.sign_in = sign_in
    built.state.owners = owners
    built.state.certificate = lambda: CertificateStanding.load(state)
    return built


@dataclass(frozen=True)
class _Running:
    """What runs for as long as the app does."""

    state: State
    pools: _Pools
    layers: tiles.Tiles
    workers: Workers
    closing: tuple[Callable[[], Awaitable[None]], ...]
    """What else is closed at the end."""

    @contextlib.asynccontextmanager
    async def lifespan(self, _: Starlette) -> AsyncIterator[None]:
        """Open the pools and begin what goes on beside; end all of it."""
        await self.pools.open(self.state)
        tasks = (
            asyncio.create_task(listen(self.state, "catalogue", self.layers.layers.forget)),
            asyncio.create_task(asyncio.to_thread(tiles.warm_up)),
            asyncio.create_task(notify.keep_beating()),
        )
        try:
            yield
        finally:
            self.workers.close()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.pools.close()
            for close in self.closing:
                await close()


def _session(state: State, secrets: Secrets) -> Middleware:
    return Middleware(
        SessionMiddleware,
        secret_key=secrets.web_session_key,
        session_cookie="divebell-event",
        path=ROOT,
        max_age=SESSION_SECONDS,
        same_site="lax",
        https_only=_over_https(state),
    )


def _over_https(state: State) -> bool:
    """Tell whether browsers come over HTTPS: only where the event runs behind a server's web server."""
    served = Service.load(state)
    return served is not None and served.address.startswith("https://")


class _LatePool:
    """Stands for a pool before it is open, so that the app can be put together without a running loop."""

    def __init__(self, role: str) -> None:
        self.role = role
        self.pool: Any = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self.pool, name)


class _Pools:
    """All of the app's connections."""

    def __init__(self) -> None:
        self.portal, self.tiles = _LatePool(PORTAL), _LatePool(TILES)
        self.tables, self.drafts = _LatePool(TABLES), _LatePool(DRAFTS)
        self._all = (self.portal, self.tiles, self.tables, self.drafts)

    async def open(self, state: State) -> None:
        """Open them."""
        for late in self._all:
            late.pool = await open_pool(state, late.role)

    def close(self) -> None:
        """Close them, whatever they are about."""
        for late in self._all:
            late.pool.terminate()


def _health(pool: Any) -> Route:
    async def health(_: Request) -> Response:
        try:
            await pool.fetchval("SELECT 1", timeout=4)
        except (*AWAY, TimeoutError):
            return JSONResponse({"status": "database away"}, status_code=503)
        return JSONResponse({"status": "ok"})

    return Route("/health", health)


async def _away(_: Request) -> Response:
    """Answer in place of a part that the proxy does not reach: the proxy fetches this page."""
    raise HubAway


async def _sign_out(request: Request) -> Response:
    await read_form(request)
    request.session.clear()
    return RedirectResponse("/hub/logout", status_code=303)
