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

from divebell import portal, tiles
from divebell.event import Event, Ports, Secrets, State
from divebell.web import errors
from divebell.web.access import Access, read_form
from divebell.web.middleware import RetryReads, SecurityHeaders
from divebell.web.pool import AWAY, listen, open_pool
from divebell.web.signin import ROOT, HubAway, SignIn

SESSION_SECONDS = 14 * 24 * 3600
"""As long as the hub's own sign-in lasts."""


def app(event: Event, state: State, secrets: Secrets, ports: Ports) -> Starlette:
    """Build the app. Nothing is connected before it runs; the database may come and go."""
    sign_in = SignIn(event, secrets, ports)
    pool = _LatePool()
    layers = tiles.Tiles(pool)
    site = portal.Portal(
        event, pool, here=sign_in.here, slug=tiles.to_slug, unslug=tiles.from_slug, form=read_form
    )

    @contextlib.asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        pool.pool = await open_pool(state)
        listener = asyncio.create_task(listen(state, "catalogue", layers.layers.forget))
        warming = asyncio.create_task(asyncio.to_thread(tiles.warm_up))
        try:
            yield
        finally:
            listener.cancel()
            warming.cancel()
            await asyncio.gather(listener, warming, return_exceptions=True)
            pool.pool.terminate()
            await sign_in.close()

    async def health(_: Request) -> Response:
        return await _health(pool)

    session = Middleware(
        SessionMiddleware,
        secret_key=secrets.web_session_key,
        session_cookie="divebell-event",
        path=ROOT,
        max_age=SESSION_SECONDS,
        same_site="lax",
        https_only=event.address is not None,
    )
    inside = [
        Route("/health", health),
        Route("/away", _away, methods=None),
        Route("/oauth_callback", sign_in.finish),
        Route("/signout", _sign_out, methods=["POST"]),
        *tiles.routes(layers),
        *site.routes(),
    ]
    access = Middleware(Access, sign_in=sign_in, public=event.maps.public)
    pages = errors.Pages(site.page)
    built = Starlette(
        routes=[Mount(ROOT.rstrip("/"), routes=inside, middleware=[access, Middleware(RetryReads)])],
        middleware=[Middleware(SecurityHeaders), session],
        exception_handlers=pages.handlers((*AWAY, TimeoutError), HubAway),
        lifespan=lifespan,
    )
    built.state.sign_in = sign_in
    return built


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
