"""Sharing over HTTP: a file is sent as it is, what is said of it stands in the address."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import PurePosixPath
from typing import Any, Protocol
from urllib.parse import quote

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from divebell.gallery import policy
from divebell.gallery.rules import (
    LARGEST_BYTES,
    LONGEST_DESCRIPTION,
    LONGEST_TITLE,
    Refused,
    one_line,
    too_large,
)
from divebell.gallery.sharing import Offered, Sharing
from divebell.gallery.store import Store, Version, Work

FRESH = {"Cache-Control": "no-store"}
HEARD_OUT_BYTES = 4 * LARGEST_BYTES


class Person(Protocol):
    """Who asks."""

    name: str
    ambassador: bool


class Api:
    """What notebooks and the portal's form ask; `confirm` refuses what a session's pages did not send."""

    def __init__(
        self, store: Store, sharing: Sharing, *, root: str, confirm: Callable[[Request], Mapping[str, str]]
    ) -> None:
        self._store = store
        self._sharing = sharing
        self._root = root
        self._confirm = confirm
        self._sending: set[str] = set()

    def routes(self) -> list[Route]:
        """Give the routes below the app's root."""
        return [
            Route("/api/shared", self.list, methods=["GET"]),
            Route("/api/shared", self.share, methods=["POST"]),
            Route("/api/shared/stamp", self.stamp),
            Route("/api/shared/{work:int}", self.one, methods=["GET"]),
            Route("/api/shared/{work:int}/file", self.file),
            Route("/api/shared/{work:int}", self.take_back, methods=["DELETE"]),
        ]

    async def list(self, request: Request) -> Response:
        """Give what is shared, newest first; `author` narrows it."""
        works = await self._store.works(request.query_params.get("author"))
        return JSONResponse({"works": [self._said(work) for work in works]}, headers=FRESH)

    async def stamp(self, request: Request) -> Response:  # noqa: ARG002 - Starlette's signature
        """Give a word that changes when the gallery does."""
        return JSONResponse({"stamp": await self._store.stamp()}, headers=FRESH)

    async def one(self, request: Request) -> Response:
        """Give one work and its versions."""
        work = await self._work(request)
        versions = [_version(one) for one in await self._store.versions(work)]
        return JSONResponse({**self._said(work), "versions": versions}, headers=FRESH)

    async def share(self, request: Request) -> Response:
        """Share what is sent: `path` says what it is called, or `map` is the link of a map."""
        secrets = self._confirm(request)
        person: Person = request.state.person
        if person.name in self._sending:
            raise HTTPException(429, "Share one thing at a time.", {"Retry-After": "3"})
        self._sending.add(person.name)
        try:
            work = await self._taken(request, person.name, secrets)
        except Refused as refused:
            said = {"error": f"This was not shared: {refused.reason}.", "next_step": f"{refused.next_step}."}
            # what is still on its way of something too large is not waited for
            headers = {**FRESH, "Connection": "close"} if refused.status == 413 else FRESH
            return JSONResponse(said, status_code=refused.status, headers=headers)
        finally:
            self._sending.discard(person.name)
        return JSONResponse(self._said(work), status_code=201, headers=FRESH)

    async def file(self, request: Request) -> Response:
        """Give the newest version of a work as it was sent."""
        work = await self._work(request)
        contents = await self._store.contents(work, work.current)
        if contents is None:
            raise gone()
        return download(contents, work.path)

    async def take_back(self, request: Request) -> Response:
        """Take a work back: its author may, and any ambassador."""
        self._confirm(request)
        work, person = await self._work(request), request.state.person
        if not await self._store.take_back(work.id, person.name, anybodys=person.ambassador):
            raise HTTPException(403, f"Only {work.author} or an ambassador can take this back.")
        return JSONResponse({"taken_back": work.id}, headers=FRESH)

    async def _taken(self, request: Request, name: str, secrets: Mapping[str, str]) -> Work:
        asked = request.query_params
        offered = Offered(
            author=name,
            path=asked.get("path", ""),
            title=one_line(asked.get("title", ""), LONGEST_TITLE),
            description=asked.get("description", "").replace("\0", "").strip()[:LONGEST_DESCRIPTION],
        )
        if "map" in asked:
            return await self._sharing.map(offered, asked["map"])
        return await self._sharing.file(offered, await _body(request), secrets)

    async def _work(self, request: Request) -> Work:
        number = request.path_params["work"]
        work = await self._store.by_id(number) if number < 2**63 else None
        if work is None:
            raise gone()
        return work

    def _said(self, work: Work) -> dict[str, Any]:
        return {
            "id": work.id,
            "author": work.author,
            "path": work.path,
            "kind": work.kind.value,
            "title": work.title,
            "description": work.description,
            "version": work.current,
            "size": work.size,
            "shared_at": work.shared_at.isoformat(),
            "changed_at": work.changed_at.isoformat(),
            "url": f"{self._root}{work.place}",
        }


def gone() -> HTTPException:
    """Say that a work is not there."""
    return HTTPException(404, "This is not shared, or was taken back.")


def _version(version: Version) -> dict[str, Any]:
    return {
        "version": version.number,
        "title": version.title,
        "size": version.size,
        "shared_at": version.shared_at.isoformat(),
        "commit": version.commit,
        "pushed": version.pushed_at is not None,
        "problem": version.problem,
    }


def download(contents: bytes, path: str) -> Response:
    """Answer with a stranger's file, to keep and not to show."""
    name = quote(PurePosixPath(path).name, safe="")
    return Response(
        contents,
        media_type="application/octet-stream",
        headers={
            **policy.headers(policy.DOWNLOAD),
            "Content-Disposition": f"attachment; filename*=UTF-8''{name}",
        },
    )


async def _body(request: Request) -> bytes:
    """Read what is sent; what is a little too much as well, for who is still sending hears no answer."""
    announced = request.headers.get("content-length", "0")
    if announced.isascii() and announced.isdigit() and int(announced[:18]) > HEARD_OUT_BYTES:
        raise too_large()
    came, body = 0, bytearray()
    async for chunk in request.stream():
        came += len(chunk)
        if came > HEARD_OUT_BYTES:
            raise too_large()
        if came <= LARGEST_BYTES:
            body += chunk
    if came > LARGEST_BYTES:
        raise too_large()
    return bytes(body)
