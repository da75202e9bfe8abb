"""Personal tokens: kept as hashes, made and revoked on a page of their owner's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import asyncpg
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from divebell.credentials import PREFIX, Token, hash_of, label_of, new_token
from divebell.database import writing

Page = Callable[..., Response]


class Tokens:
    """The tokens of one event; `pool` is the portal's."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool

    async def owner(self, token: str) -> str | None:
        """Give the name of whose token this is; None where it is nobody's, revoked or has ended."""
        if not token.startswith(PREFIX):
            return None
        row = await self._pool.fetchrow(
            "SELECT id, name, used_at IS NULL OR used_at < now() - interval '1 minute' AS note"
            " FROM tokens.known WHERE hash = $1 AND now() < expires_at",
            hash_of(token),
        )
        if row is None:
            return None
        if row["note"]:
            await self._write("UPDATE tokens.token SET used_at = now() WHERE id = $1", row["id"])
        return str(row["name"])

    async def of(self, name: str) -> list[Token]:
        """Give a person's tokens."""
        rows = await self._pool.fetch(
            "SELECT id, label, made_at, used_at, expires_at FROM tokens.known WHERE name = $1 ORDER BY id",
            name,
        )
        return [Token(**row) for row in rows]

    async def make(self, name: str, label: str) -> str:
        """Make a token and give it. Raises asyncpg.ProgramLimitExceededError when the person has ten."""
        token = new_token()
        await self._write("CALL tokens.add($1, $2, $3)", name, label_of(label), hash_of(token))
        return token

    async def revoke(self, name: str, which: int) -> None:
        """End a person's token at once."""
        await self._write("DELETE FROM tokens.token WHERE id = $1 AND name = $2", which, name)

    async def _write(self, statement: str, *values: Any) -> None:
        async with writing(self._pool) as connection:
            await connection.execute(statement, *values)


class TokenPages:
    """The page on which a person makes and revokes tokens. `form` reads a form that our pages made."""

    def __init__(
        self,
        tokens: Tokens,
        *,
        root: str,
        page: Page,
        form: Callable[[Request], Awaitable[dict[str, str]]],
    ) -> None:
        self._tokens = tokens
        self._root = root
        self._page = page
        self._form = form

    def routes(self) -> list[Route]:
        """Give the routes below the app's root."""
        return [
            Route("/tokens", self.tokens),
            Route("/tokens/make", self.make, methods=["POST"]),
            Route("/tokens/revoke", self.revoke, methods=["POST"]),
        ]

    async def tokens(self, request: Request, *, made: str | None = None) -> Response:
        """Show whose tokens there are, and a new one this once."""
        here = f"{request.url.scheme}://{request.url.netloc}{self._root}"
        answer = self._page(
            request,
            "tokens.html",
            tokens=await self._tokens.of(request.state.person.name),
            made=made,
            service=f"{here}ogc/",
            repository=f"{here}git/event.git",
        )
        if made:
            answer.headers["Cache-Control"] = "no-store"
        return answer

    async def make(self, request: Request) -> Response:
        """Make a token; it is in this answer and nowhere else."""
        form = await self._form(request)
        try:
            made = await self._tokens.make(request.state.person.name, form.get("label", ""))
        except asyncpg.ProgramLimitExceededError:
            raise HTTPException(
                403, "You have ten tokens. Revoke one that you no longer use first."
            ) from None
        return await self.tokens(request, made=made)

    async def revoke(self, request: Request) -> Response:
        """End a token."""
        form = await self._form(request)
        which = form.get("id", "")
        if not (which.isascii() and which.isdigit() and len(which) < 19):
            raise HTTPException(400, "Say which token: its number.")
        await self._tokens.revoke(request.state.person.name, int(which))
        return RedirectResponse(f"{self._root}tokens", status_code=303)
