"""The ambassadors' page: who takes part, who signed in when, and what can be decided about each person."""

from __future__ import annotations

import contextlib
import csv
import io
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

import asyncpg
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from divebell.database import writing
from divebell.database.people import PRIVILEGES, ROSTER, SIGN_INS, Action, Decision, decision
from divebell.errors import DivebellError
from divebell.event import Event
from divebell.event.model import SignIn
from divebell.portal.catalogue import Catalogue
from divebell.portal.pages import ROOT

AT_ONCE = frozenset({Action.ADD, Action.APPROVE})
"""What is done without asking again: nothing is taken from anybody."""
CROWD = 5
"""From so many on, those who asked from one address can be turned away at once."""
SHOWN_SIGN_INS = 200
KNOWN_FOR = 5.0
"""Seconds for which it is remembered who was made an ambassador."""

Page = Callable[..., Response]


class People:
    """The people of one event; `pool` is the portal's."""

    def __init__(self, pool: Any) -> None:
        self._pool = pool
        self._made: frozenset[str] = frozenset()
        self._made_at = float("-inf")

    async def roster(self) -> list[Mapping[str, Any]]:
        """Give everybody who takes part or asks to: those who ask first, then the latest."""
        return list(await self._pool.fetch(ROSTER))

    async def sign_ins(self) -> list[Mapping[str, Any]]:
        """Give who signed in when, the latest first."""
        return list(await self._pool.fetch(SIGN_INS))

    async def made_ambassadors(self) -> frozenset[str]:
        """Give who was made an ambassador and has signed in as one since."""
        if time.monotonic() - self._made_at > KNOWN_FOR:
            with contextlib.suppress(OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError):
                rows = await self._pool.fetch(
                    "SELECT name FROM people.roster WHERE made_ambassador AND state = 'in' AND NOT signed_out"
                )
                self._made = frozenset(row["name"] for row in rows)
            self._made_at = time.monotonic()
        return self._made

    async def take(self, decided: Decision) -> None:
        """Do what was decided. Raises DivebellError when the database refuses it."""
        async with writing(self._pool) as connection:
            answer = await connection.fetchval(decided.statement().as_string())
        self._made_at = float("-inf")
        decided.judge(str(answer))


class PeoplePages:
    """The pages. `form` reads a form that our pages made; `stop` stops somebody's notebook server."""

    def __init__(
        self,
        event: Event,
        people: People,
        catalogue: Catalogue,
        *,
        page: Page,
        form: Callable[[Request], Awaitable[dict[str, str]]],
        stop: Callable[[str], Awaitable[bool]],
    ) -> None:
        self._event, self._people, self._catalogue = event, people, catalogue
        self._page, self._form, self._stop = page, form, stop

    def routes(self) -> list[Route]:
        """Give the routes below the app's root."""
        return [
            Route("/people", self.people),
            Route("/people/sign-ins", self.sign_ins),
            Route("/people/sign-ins.csv", self.sign_ins_csv),
            Route("/people/{action}", self.decide, methods=["POST"]),
        ]

    async def people(self, request: Request, *, status: int = 200, **values: Any) -> Response:
        """Show who takes part, and what was just decided."""
        _ambassadors_only(request)
        kind, roster = self._event.people.sign_in, await self._people.roster()
        asking = [one for one in roster if one["state"] == "asked"]
        known = {"done": request.session.pop("done", None), "error": None, "shown": None, **values}
        answer = self._page(
            request,
            "people.html",
            status=status,
            asking=asking,
            crowds=_crowds(asking),
            people=[one for one in roster if one["state"] in {"in", "removed"}],
            places=sum(self._takes_a_place(one) for one in roster),
            kind=kind.value,
            adds=kind in {SignIn.EVENT_PASSWORD, SignIn.ACCOUNTS, SignIn.INVITATIONS},
            may_make=self._may_make(request),
            ended=await self._catalogue.interventions(),
            copies=await self._catalogue.copies_in_need(),
            **known,
        )
        if known["shown"]:
            answer.headers["Cache-Control"] = "no-store"
        return answer

    async def decide(self, request: Request) -> Response:
        """Do what was decided; what takes something away is asked once more."""
        _ambassadors_only(request)
        form = await self._form(request)
        action, name = _action(request.path_params["action"]), form.get("name", "").strip().lower()
        if action in PRIVILEGES and not self._may_make(request):
            raise HTTPException(403, "Only ambassadors whom the event file names decide who else is one.")
        if action not in AT_ONCE and form.get("confirmed") != "yes":
            kind = self._event.people.sign_in.value
            return self._page(request, "decide.html", name=name, action=action.value, kind=kind)
        try:
            decided = decision(action, self._event, name, request.state.person.name)
            await self._people.take(decided)
        except DivebellError as refused:
            return await self.people(request, status=409, error=refused.message)
        done = decided.done
        if action is Action.REMOVE and not await self._stop(name):
            done += ". A notebook server that still runs could not be stopped"
        if decided.shown:
            return await self.people(request, done=done, shown=decided.shown)
        request.session["done"] = done
        return RedirectResponse(f"{ROOT}people", status_code=303)

    async def sign_ins(self, request: Request) -> Response:
        """Show who signed in when, from where, by which way."""
        _ambassadors_only(request)
        rows = await self._people.sign_ins()
        return self._page(request, "sign_ins.html", rows=rows[:SHOWN_SIGN_INS], total=len(rows))

    async def sign_ins_csv(self, request: Request) -> Response:
        """Give the whole list for the owner of the data."""
        _ambassadors_only(request)
        text = io.StringIO()
        writer = csv.writer(text)
        writer.writerow(("at", "name", "identity", "way", "address"))
        writer.writerows(map(_cells, await self._people.sign_ins()))
        headers = {
            "Content-Disposition": 'attachment; filename="sign-ins.csv"',
            "Cache-Control": "no-store",
        }
        return Response(text.getvalue(), media_type="text/csv", headers=headers)

    def _may_make(self, request: Request) -> bool:
        return request.state.person.name in self._event.people.ambassadors

    def _takes_a_place(self, one: Mapping[str, Any]) -> bool:
        ambassador = one["made_ambassador"] or one["name"] in self._event.people.ambassadors
        return one["state"] == "in" and not ambassador


def _crowds(asking: Sequence[Mapping[str, Any]]) -> list[tuple[str, int, str]]:
    """Give the addresses from which many asked: the address, how many, and one of them."""
    names: dict[str, list[str]] = {}
    for one in asking:
        names.setdefault(one["asked_address"] or "", []).append(one["name"])
    return [(address, len(who), who[0]) for address, who in names.items() if address and len(who) >= CROWD]


def _cells(row: Mapping[str, Any]) -> list[str]:
    return [value.isoformat() if isinstance(value, datetime) else str(value) for value in row.values()]


def _action(text: str) -> Action:
    try:
        return Action(text)
    except ValueError:
        raise HTTPException(404) from None


def _ambassadors_only(request: Request) -> None:
    if not request.state.person.ambassador:
        raise HTTPException(
            403, "Only the event's ambassadors see this page. Ask one of them for what you need."
        )
