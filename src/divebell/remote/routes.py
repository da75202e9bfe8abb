"""Git over HTTP, by the two addresses its clients know; see gitprotocol-http(5)."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from divebell.event import Event, State
from divebell.pipeline import git
from divebell.pipeline.branch_commands import LARGEST_PUSH, MOST_OF_ONE, PREFIX
from divebell.remote import commands, packets, running
from divebell.remote.pushes import Pushes

PATH = "/git/event.git"
FETCHES_AT_ONCE, PUSHES_AT_ONCE = 4, 3
FETCHES_OF_ONE, PUSHES_OF_ONE = 2, 1
"""One person who is slow on purpose leaves room for others."""
WAIT_SECONDS = 30.0
LARGEST_QUESTION = 4 * 1024**2
"""Bytes in which a client says what it has."""
_VERSION = re.compile(r"version=[012]")
_TOO_LARGE = f"a push is at most {LARGEST_PUSH // 1024**2} MB; data goes to the event's own branch"
_USED_UP = "all your pushes together may take {most} MB; data goes to the event's own branch"
_NO_ANSWER = "the event is busy or its loader is starting again; push again in a moment"
_BROKE_OFF = "git could not take this in; is it whole? (git fsck)"


class Remote:
    """The event's repository for git clients. `who` says whose request it is, or raises 401."""

    def __init__(
        self, event: Event, state: State, pool: Any, who: Callable[[Request], Awaitable[str | None]]
    ) -> None:
        self._mirror = state.repository
        self._branch = f"refs/heads/{event.data.branch}"
        self._most = min(MOST_OF_ONE, event.workspace.disk_bytes)
        self._settings = state.repository / "divebell.gitconfig"
        self._pushes = Pushes(pool)
        self._who = who
        self._fetching = running.Slots(FETCHES_AT_ONCE, FETCHES_OF_ONE, WAIT_SECONDS)
        self._pushing = running.Slots(PUSHES_AT_ONCE, PUSHES_OF_ONE, WAIT_SECONDS)

    def routes(self) -> list[Route]:
        """Give the routes, below the web app's root."""
        return [
            Route(f"{PATH}/info/refs", self.refs, methods=["GET"]),
            Route(f"{PATH}/git-{commands.FETCH}", self.fetch, methods=["POST"]),
            Route(f"{PATH}/git-{commands.PUSH}", self.push, methods=["POST"]),
        ]

    async def refs(self, request: Request) -> Response:
        """Say which branches there are."""
        name = await self._person(request)
        service = request.query_params.get("service", "").removeprefix("git-")
        if service not in {commands.FETCH, commands.PUSH}:
            raise HTTPException(403, "Use git 1.7 or newer.")
        env = self._environment(request)
        await self._fetching.take(name)
        try:
            listed = await running.said(commands.advertise(self._mirror, service), env)
        finally:
            self._fetching.give_back(name)
        if env.get("GIT_PROTOCOL") != "version=2" or service == commands.PUSH:
            listed = packets.packet(f"# service=git-{service}\n".encode()) + packets.FLUSH + listed
        return _answer(listed, f"application/x-git-{service}-advertisement")

    async def fetch(self, request: Request) -> Response:
        """Send what a client lacks."""
        name = await self._person(request)
        _asked_by_git(request, commands.FETCH)
        body, whole = await running.read(request, LARGEST_QUESTION)
        if not whole:
            raise HTTPException(413, "This question is too large.")
        env = self._environment(request)
        await self._fetching.take(name)
        pieces = running.stream(commands.fetch(self._mirror), env, body)
        return running.Streamed(
            partial(self._fetching.give_back, name), pieces, f"application/x-git-{commands.FETCH}-result"
        )

    async def push(self, request: Request) -> Response:
        """Take commits for the branch that is the client's own, and only for that one."""
        name = await self._person(request)
        _asked_by_git(request, commands.PUSH)
        await self._pushing.take(name)
        try:
            said = await self._pushed(name, request)
        finally:
            self._pushing.give_back(name)
        return _answer(said, f"application/x-git-{commands.PUSH}-result")

    async def _pushed(self, name: str, request: Request) -> bytes:
        body, whole = await running.read(request, LARGEST_PUSH)
        if body == packets.FLUSH:
            return b""  # before a large push git asks whether it may
        try:
            asked = packets.parse(body)
        except packets.NotAPushError as error:
            raise HTTPException(400, f"This is no push as git makes it: {error}") from None
        reason = packets.refusal(asked, f"{PREFIX}{name}") or (None if whole else _TOO_LARGE)
        if reason is None and await self._pushes.taken(name) + len(body) > self._most:
            reason = _USED_UP.format(most=self._most // 1024**2)
        if reason:
            return packets.report(asked, reason)
        answer = await self._pushes.send(name, body)
        if answer:
            return answer
        return packets.report(asked, _NO_ANSWER if answer is None else _BROKE_OFF)

    async def _person(self, request: Request) -> str:
        name = await self._who(request)
        if name is None:
            raise HTTPException(
                401,
                "Sign in with a personal token as the password.",
                {"WWW-Authenticate": 'Basic realm="divebell", charset="UTF-8"'},
            )
        return name

    def _environment(self, request: Request) -> dict[str, str]:
        if not self._has_arrived():
            raise HTTPException(503, "The event's repository has not arrived yet.", {"Retry-After": "5"})
        version = request.headers.get("git-protocol", "")
        asked = {"GIT_PROTOCOL": version} if _VERSION.fullmatch(version) else {}
        return {**git.environment(self._settings, network=False), **asked}

    def _has_arrived(self) -> bool:
        """Tell whether the event's branch is there: who cloned nothing would begin a history of their own."""
        if (self._mirror / self._branch).exists():
            return True
        try:
            return f" {self._branch}\n" in (self._mirror / "packed-refs").read_text()
        except OSError:
            return False


def _asked_by_git(request: Request, service: str) -> None:
    """Refuse what a page in a browser could send with its user's password."""
    if request.headers.get("content-type") != f"application/x-git-{service}-request":
        raise HTTPException(415, "This address is for git.")


def _answer(content: bytes, media_type: str) -> Response:
    return Response(content, media_type=media_type, headers={"Cache-Control": "no-store"})
