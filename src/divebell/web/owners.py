"""Whose token a git client sends as its password: a personal token, or that of a notebook server."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable

import httpx
from starlette.exceptions import HTTPException

from divebell.credentials import PREFIX, hash_of

ASK_AGAIN_AFTER = 60.0
TRUST_WITHOUT_HUB = 900.0
"""Seconds for which a token that was good stays so while the hub is away."""
_REMEMBERED = 500
_AWAY = HTTPException(503, "The hub is starting again. Try again in a moment.", {"Retry-After": "3"})


class Owners:
    """Finds owners of tokens. `personal` looks up personal tokens; `hub` is the address of the hub's API."""

    def __init__(self, personal: Callable[[str], Awaitable[str | None]], hub: str) -> None:
        self._personal = personal
        self._address = f"{hub}/user"
        self._http = httpx.AsyncClient(timeout=5, trust_env=False)
        self._known: OrderedDict[bytes, tuple[float, str]] = OrderedDict()

    async def close(self) -> None:
        """Close the connections to the hub."""
        await self._http.aclose()

    async def owner(self, token: str) -> str | None:
        """Give the name of whose token this is; None where it is nobody's. Raises 503 without the hub."""
        return await (self._personal(token) if token.startswith(PREFIX) else self.of_the_hub(token))

    async def of_the_hub(self, token: str) -> str | None:
        """Give whose token this is: the hub's, of a notebook server or of a person. Raises 503 without it."""
        key = hash_of(token)
        asked_at, name = self._known.get(key, (float("-inf"), ""))
        age = time.monotonic() - asked_at
        if age < ASK_AGAIN_AFTER:
            return name
        try:
            found = await self._asked(token)
        except HTTPException:
            if age < TRUST_WITHOUT_HUB:
                return name
            raise
        self._known.pop(key, None)
        if found is not None:
            self._known[key] = (time.monotonic(), found)
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)
        return found

    async def _asked(self, token: str) -> str | None:
        if not token.isascii() or not token.isalnum():
            return None
        try:
            answer = await self._http.get(self._address, headers={"Authorization": f"token {token}"})
            answer.raise_for_status()
            told = answer.json()
        except httpx.HTTPStatusError as error:
            if error.response.status_code < 500:
                return None
            raise _AWAY from error
        except (httpx.HTTPError, ValueError) as error:
            raise _AWAY from error
        name = str(told.get("name", ""))
        # Whose server somebody visits is told who it is with a token as well: that one is not good for this.
        own = told.get("kind") == "user" and f"users:activity!user={name}" in told.get("scopes", ())
        return name if own else None
