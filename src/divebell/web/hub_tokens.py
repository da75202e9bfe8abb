"""Whose a token of the hub's is, by the hub's own word, remembered for a while."""

from __future__ import annotations

import re
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from divebell.credentials import hash_of
from divebell.tiles.flight import Flights

ASK_AGAIN_AFTER = 60.0
"""Seconds after which the hub is asked whether a token is still good."""
TRUST_WITHOUT_HUB = 900.0
"""Seconds a token that was good stays so while the hub is away: its restart must not close anybody's map."""
REMEMBERED = 2000
_TOKEN = re.compile(r"[A-Za-z0-9_.-]{1,200}")
"""What the hub makes, and can stand in a header."""


class HubAway(Exception):  # noqa: N818 - a state of affairs, shown as a page
    """The hub does not answer, so nobody can be let in anew."""


class HubTokens:
    """The tokens of one hub, whose API is at `api`.

    `good` tells, by what the hub says of a token, whether it is one of those that count here.
    """

    def __init__(self, api: str, good: Callable[[Mapping[str, Any]], bool]) -> None:
        self._address = f"{api}/user"
        self._good = good
        self._http = httpx.AsyncClient(timeout=5, trust_env=False)
        self._known: OrderedDict[bytes, tuple[float, str]] = OrderedDict()
        self._flights: Flights[str | None] = Flights()

    async def close(self) -> None:
        """Close the connections to the hub."""
        await self._http.aclose()

    async def owner(self, token: str) -> str | None:
        """Give the name of whose token this is, or None. Raises HubAway when that cannot be known now."""
        age, name = self._last(token)
        if age < ASK_AGAIN_AFTER:
            return name
        return await self._flights.share(hash_of(token), lambda: self._asked(token))

    def _last(self, token: str) -> tuple[float, str]:
        """Give what was last heard of a token, and how many seconds ago."""
        heard_at, name = self._known.get(hash_of(token), (float("-inf"), ""))
        return time.monotonic() - heard_at, name

    async def _asked(self, token: str) -> str | None:
        """Ask the hub: once, however many tiles of a map wait for the answer."""
        if not _TOKEN.fullmatch(token):
            return None
        try:
            answer = await self._http.get(self._address, headers={"Authorization": f"token {token}"})
            if answer.status_code >= 500:
                return self._without_hub(token, None)
            told = answer.json() if answer.is_success else {}
        except (httpx.HTTPError, ValueError) as error:
            return self._without_hub(token, error)
        if told.get("kind") != "user" or not self._good(told):
            self._known.pop(hash_of(token), None)
            return None
        return self._remember(token, str(told["name"]))

    def _remember(self, token: str, name: str) -> str:
        key = hash_of(token)
        self._known.pop(key, None)
        self._known[key] = (time.monotonic(), name)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return name

    def _without_hub(self, token: str, error: Exception | None) -> str:
        age, name = self._last(token)
        if name and age < TRUST_WITHOUT_HUB:
            return name
        raise HubAway from error
