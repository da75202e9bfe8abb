"""Answers for what went wrong: a kind page for people, JSON for scripts. Each says what to do next."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import asyncpg
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

log = logging.getLogger(__name__)

Page = Callable[..., Response]
"""`page(request, template, status=..., **what the template needs)`."""

TITLES = {
    400: "That address is not quite right",
    401: "Please sign in",
    403: "That is not allowed",
    404: "There is nothing here",
    405: "That cannot be done here",
    422: "This cannot be drawn",
    500: "Something broke on our side",
    503: "One moment",
}

DATABASE_WORDS: tuple[tuple[tuple[type[Exception], ...], int, str], ...] = (
    (
        (asyncpg.QueryCanceledError,),
        503,
        "This took the database too long. Zoom in, or give the table a spatial index.",
    ),
    (
        (
            asyncpg.UndefinedTableError,
            asyncpg.UndefinedColumnError,
            asyncpg.InsufficientPrivilegeError,
            asyncpg.ObjectNotInPrerequisiteStateError,  # a table that has become a view
            asyncpg.WrongObjectTypeError,
        ),
        404,
        "This table has just been changed, dropped, or is no longer shared.",
    ),
    (
        (asyncpg.InternalServerError, asyncpg.DataError, asyncpg.InvalidTransactionStateError),
        422,
        "The database cannot read this table or view: {error}",
    ),
)
"""What a table can do to a request, the answer's status, and the words for it."""


class Pages:
    """The event's error pages."""

    def __init__(self, page: Page) -> None:
        self._page = page

    def handlers(
        self, database_away: tuple[type[Exception], ...], hub_away: type[Exception]
    ) -> dict[Any, Any]:
        """Give Starlette's exception handlers."""
        return {
            HTTPException: self._http,
            asyncpg.PostgresError: self._refused,
            **dict.fromkeys(database_away, self._database_away),
            hub_away: self._hub_away,
            Exception: self._bug,
        }

    def _answer(self, request: Request, status: int, detail: str, headers: Any = None) -> Response:
        if "text/html" not in request.headers.get("accept", ""):
            return JSONResponse({"error": detail}, status_code=status, headers=headers)
        title = TITLES.get(status, "That did not work")
        answer = self._page(request, "error.html", status=status, title=title, detail=detail)
        answer.headers.update(headers or {})
        return answer

    async def _http(self, request: Request, error: HTTPException) -> Response:
        detail = error.detail
        if error.status_code == 404 and detail == "Not Found":
            detail = "There is no page at this address."
        return self._answer(request, error.status_code, detail, error.headers)

    async def _database_away(self, request: Request, error: Exception) -> Response:
        log.warning("the database is away: %s", error)
        detail = (
            "The event's database is starting again. Your work is safe; this page loads anew by itself. "
            "If it takes longer than a minute, tell an ambassador (divebell status says more)."
        )
        return self._answer(request, 503, detail, {"Retry-After": "3", "Refresh": "3"})

    async def _hub_away(self, request: Request, error: Exception) -> Response:
        log.warning("%s: the hub is away: %r", request.url.path, error.__cause__)
        detail = (
            "This part of the event is starting again. Your work is safe, notebooks keep running, and this "
            "page loads anew by itself. If it takes longer than a minute, tell an ambassador."
        )
        return self._answer(request, 503, detail, {"Retry-After": "3", "Refresh": "3"})

    async def _refused(self, request: Request, error: asyncpg.PostgresError) -> Response:
        """Answer for what a volunteer's own table or view can cause; anything else is ours."""
        for kinds, status, detail in DATABASE_WORDS:
            if isinstance(error, kinds):
                return self._answer(request, status, detail.format(error=error))
        raise error

    async def _bug(self, request: Request, _: Exception) -> Response:
        detail = (
            "It has been written to the log. Try again; if it happens again, tell an ambassador what you did."
        )
        return self._answer(request, 500, detail)
