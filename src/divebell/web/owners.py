"""Whose token a program sends: a personal token, or that of a notebook server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from starlette.exceptions import HTTPException

from divebell.credentials import PREFIX
from divebell.web.hub_tokens import HubAway, HubTokens


class Owners:
    """Finds owners of tokens. `personal` looks up personal tokens; `hub` is the address of the hub's API."""

    def __init__(self, personal: Callable[[str], Awaitable[str | None]], hub: str) -> None:
        self._personal = personal
        self.tokens = HubTokens(hub, _is_its_owners)

    async def close(self) -> None:
        """Close the connections to the hub."""
        await self.tokens.close()

    async def owner(self, token: str) -> str | None:
        """Give the name of whose token this is; None where it is nobody's. Raises 503 without the hub."""
        return await (self._personal(token) if token.startswith(PREFIX) else self.of_the_hub(token))

    async def of_the_hub(self, token: str) -> str | None:
        """Give whose token this is: the hub's, of a notebook server or of a person. Raises 503 without it."""
        try:
            return await self.tokens.owner(token)
        except HubAway as error:
            raise HTTPException(
                503, "The hub is starting again. Try again in a moment.", {"Retry-After": "3"}
            ) from error


def _is_its_owners(told: Mapping[str, Any]) -> bool:
    """Tell a token of one's own from one that a server is given of whoever visits it."""
    return f"users:activity!user={told.get('name')}" in told.get("scopes", ())
