"""Sign in with a token: `Bearer` or the password of `Basic` for a person, `token` for a notebook server."""

from __future__ import annotations

import base64
import binascii
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable

from starlette.exceptions import HTTPException
from starlette.requests import Request

from divebell.credentials import hash_of
from divebell.patience import Patience

LONGEST = 200
FREE_FAILURES = 30
"""Wrong tokens a minute from one address; after that only tokens that were right before are looked up."""
REMEMBERED = 2000
ASK = {"WWW-Authenticate": 'Basic realm="divebell", charset="UTF-8"'}


class Bearer:
    """Tells whose token a request carries.

    `owner` looks a token up, `carried` finds it in an Authorization header; `clock` counts seconds.
    """

    def __init__(
        self,
        owner: Callable[[str], Awaitable[str | None]],
        carried: Callable[[str], str | None],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._owner = owner
        self._carried = carried
        self._patience = Patience(FREE_FAILURES, clock)
        self._good: OrderedDict[bytes, None] = OrderedDict()

    async def name(self, request: Request) -> str | None:
        """Give whose token it is; None where the request carries none. Raises 401 for a bad one, else 429."""
        given = self._carried(request.headers.get("authorization", ""))
        if given is None:
            return None
        address = request.client.host if request.client else ""
        known = hash_of(given)
        if known not in self._good and self._patience.is_over(address):
            raise HTTPException(429, "Too many wrong tokens came from here.", {"Retry-After": "60"})
        name = await self._owner(given) if given and len(given) <= LONGEST else None
        if name is None:
            self._patience.failed(address)
            raise HTTPException(401, "This token is not known, was revoked, or has ended.", ASK)
        self._good[known] = None
        while len(self._good) > REMEMBERED:
            self._good.popitem(last=False)
        return name


def of_a_person(header: str) -> str | None:
    """Give the personal token in an Authorization header: of Bearer, or the password (else name) of Basic."""
    scheme, _, value = header.partition(" ")
    value = value.strip()
    if scheme.lower() == "bearer":
        return value
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return ""
    return password or user


def of_a_notebook(header: str) -> str | None:
    """Give the token of a notebook server, or of its owner, as JupyterHub has it in headers."""
    scheme, _, value = header.partition(" ")
    return value.strip() if scheme.lower() == "token" else None
