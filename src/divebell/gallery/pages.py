"""The gallery's pages, and what is shown within them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from divebell.gallery import policy
from divebell.gallery.api import download, gone
from divebell.gallery.rules import LARGEST_BYTES, PICTURES, View, suffix
from divebell.gallery.store import Store, Version, Work
from divebell.portal import policy as page_policy

Page = Callable[..., Response]
COPY = "/hub/user-redirect/divebell/gallery/{work}"
"""Starts the notebook server of whoever follows it, which copies the work and opens it."""
_LARGEST_NUMBER = 10**6


class Pages:
    """The pages of one event's gallery; `page` renders a template, `form` reads a form of ours."""

    def __init__(
        self, store: Store, *, root: str, page: Page, form: Callable[[Request], Awaitable[dict[str, str]]]
    ) -> None:
        self._store = store
        self._root = root
        self._page = page
        self._form = form

    def routes(self) -> list[Route]:
        """Give the routes below the app's root."""
        return [
            Route("/gallery", self.gallery),
            Route("/gallery/share", self.share),
            Route("/gallery/{author}/{slug}", self.work),
            Route("/gallery/{author}/{slug}/frame", self.frame),
            Route("/gallery/{author}/{slug}/file", self.file),
            Route("/gallery/{author}/{slug}/take-back", self.take_back, methods=["POST"]),
        ]

    async def gallery(self, request: Request) -> Response:
        """Show what everybody shares, newest first."""
        author = request.query_params.get("author") or None
        return self._page(
            request,
            "gallery.html",
            works=await self._store.works(author),
            authors=await self._store.authors(),
            author=author,
            stamp=await self._store.stamp(),
        )

    async def share(self, request: Request) -> Response:
        """Show the form through which a file is shared without JupyterLab."""
        return self._page(request, "share.html", largest=LARGEST_BYTES)

    async def work(self, request: Request) -> Response:
        """Show a work: itself in a frame, its versions, and what can be done with it."""
        work, version, versions = await self._found(request)
        shown_map = await self._store.map(work, version.number) if work.view is View.MAP else None
        person = request.state.person
        answer = self._page(
            request,
            "work.html",
            work=work,
            version=version,
            versions=versions,
            view=work.view.value,
            map=shown_map,
            copy=None if work.view is View.MAP else COPY.format(work=work.id),
            may_take_back=person.ambassador or person.name == work.author,
            stamp=await self._store.stamp(),
        )
        answer.headers["Content-Security-Policy"] = page_policy(within="'self'")
        return answer

    async def frame(self, request: Request) -> Response:
        """Give what the frame of a work's page holds: an origin of its own, for a stranger made it."""
        work, version, _ = await self._found(request)
        if work.view is View.PAGE:
            page = await self._store.page(work, version.number)
            if page is None:
                raise HTTPException(404, version.unrendered or "It is not shown here.")
            return Response(page, media_type="text/html", headers=policy.headers(policy.PAGE))
        contents = await self._contents(work, version)
        if work.view is View.PICTURE:
            kind = PICTURES[suffix(work.path)]
            return Response(contents, media_type=kind, headers=policy.headers(policy.PAGE))
        if work.view is View.SCRIPTS:
            # only within our page, which keeps it from leading elsewhere: alone its scripts stay off
            framed = request.headers.get("sec-fetch-dest") == "iframe"
            headers = policy.headers(policy.SCRIPTS if framed else policy.PAGE)
            return Response(contents, media_type="text/html", headers={**headers, "Vary": "Sec-Fetch-Dest"})
        raise gone()

    async def file(self, request: Request) -> Response:
        """Give a work as a file to keep."""
        work, version, _ = await self._found(request)
        return download(await self._contents(work, version), work.path)

    async def take_back(self, request: Request) -> Response:
        """Take a work back: asked once, done when confirmed."""
        form = await self._form(request)
        work, person = await self._work(request), request.state.person
        if form.get("confirmed") != "yes":
            return self._page(request, "take_back.html", work=work)
        if not await self._store.take_back(work.id, person.name, anybodys=person.ambassador):
            raise HTTPException(403, f"Only {work.author} or an ambassador can take this back.")
        return RedirectResponse(f"{self._root}gallery", status_code=303)

    async def _work(self, request: Request) -> Work:
        work = await self._store.find(request.path_params["author"], request.path_params["slug"])
        if work is None:
            raise gone()
        return work

    async def _found(self, request: Request) -> tuple[Work, Version, list[Version]]:
        """Give a work, the version that is asked for (else the newest), and all of them."""
        work = await self._work(request)
        versions = await self._store.versions(work)
        asked = request.query_params.get("version", str(work.current))
        number = (
            int(asked)
            if asked.isascii() and asked.isdigit() and len(asked) < len(str(_LARGEST_NUMBER))
            else 0
        )
        version = next((one for one in versions if one.number == number), None)
        if version is None:
            raise HTTPException(404, "There is no such version of this work any more.")
        return work, version, versions

    async def _contents(self, work: Work, version: Version) -> bytes:
        contents = await self._store.contents(work, version.number)
        if contents is None:
            raise gone()
        return contents
