"""The hook, and what a CI may ask."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import time
from collections.abc import Callable
from typing import Any, NoReturn

from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from divebell.database import writing
from divebell.following.commits import commit_state
from divebell.following.signatures import Claim, asks_rightly, delivery
from divebell.patience import Patience

LARGEST = 5 * 1024**2
"""Bytes of a delivery. A push of thousands of commits may be larger; the poll sees it then."""
READ_SECONDS = 20.0
FREE_FAILURES = 20
"""Wrong signatures a minute from one address."""
SIGNED = "api/commits/"
"""Below the root: for people who have signed in, and for programs that send the header below."""
SIGNATURE = "X-Divebell-Signature"

_COMMIT = re.compile(r"^(?:[0-9a-f]{40}|[0-9a-f]{64})$")


def routes(pool: Any, secret: Callable[[], str], branch: str) -> list[Route]:
    """Give the routes. `pool` is the portal's; `secret` gives the webhook secret as it is now."""
    listening = _Listening(pool, secret, branch)
    return [
        Route("/hook", listening.hook, methods=["POST"]),
        Route("/api/commits/{sha}", listening.commit),
    ]


class _Listening:
    def __init__(self, pool: Any, secret: Callable[[], str], branch: str) -> None:
        self._pool = pool
        self._secret = secret
        self._branch = branch
        self._patience = Patience(FREE_FAILURES)

    async def hook(self, request: Request) -> Response:
        """Take a delivery down."""
        self._listens_to(request)
        claim = Claim.of(request.headers)
        if claim is None:
            self._refuse(request)
        secret = self._secret()
        signed, digest = await _read(request, secret)
        if not secret or not claim.holds(secret, signed):
            self._refuse(request)
        queued = await self._hear(delivery(request.headers, digest), digest)
        return JSONResponse({"queued": queued}, status_code=202 if queued else 200)

    async def commit(self, request: Request) -> Response:
        """Tell what became of a commit."""
        if request.state.person is None:
            self._listens_to(request)
            secret = self._secret()
            if not secret or not asks_rightly(secret, request.scope["path"], request.headers, time.time()):
                self._refuse(request)
        sha = request.path_params["sha"]
        if not _COMMIT.match(sha):
            raise HTTPException(400, "A commit is 40 or 64 lower-case hexadecimal digits.")
        answer = await commit_state(self._pool, sha, self._branch)
        return JSONResponse(answer, headers={"Cache-Control": "no-store"})

    def _listens_to(self, request: Request) -> None:
        if self._patience.is_over(_address(request)):
            raise HTTPException(429, "Too many wrong signatures came from here.", {"Retry-After": "60"})

    def _refuse(self, request: Request) -> NoReturn:
        self._patience.failed(_address(request))
        raise HTTPException(
            401, "Not signed with the event's webhook secret: divebell secrets show webhook-secret."
        )

    async def _hear(self, name: str, digest: bytes) -> bool:
        async with writing(self._pool) as connection:
            return bool(await connection.fetchval("SELECT following.hear($1, $2)", name, digest))


async def _read(request: Request, secret: str) -> tuple[str, bytes]:
    """Read the body without keeping it; give its HMAC-SHA256 in hex, and its SHA-256."""
    if int(request.headers.get("content-length") or 0) > LARGEST:
        raise HTTPException(413, "This delivery is too large.")
    signed, digest, size = hmac.new(secret.encode(), digestmod=hashlib.sha256), hashlib.sha256(), 0
    try:
        async with asyncio.timeout(READ_SECONDS):
            async for chunk in request.stream():
                size += len(chunk)
                if size > LARGEST:
                    raise HTTPException(413, "This delivery is too large.")
                signed.update(chunk)
                digest.update(chunk)
    except (TimeoutError, ClientDisconnect):
        raise HTTPException(408, "This delivery did not arrive in time.") from None
    return signed.hexdigest(), digest.digest()


def _address(request: Request) -> str:
    return request.client.host if request.client else ""
