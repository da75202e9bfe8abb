"""Sign in through the hub, which is the event's OAuth provider, and ask it again who is still welcome."""

from __future__ import annotations

import hashlib
import secrets as random
import time
import warnings
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from divebell.event import Event, Ports, Secrets
from divebell.tiles.flight import Flights

ROOT = "/services/event/"
CALLBACK = f"{ROOT}oauth_callback"
CLIENT_ID = "service-event"
ASK_AGAIN_AFTER = 60.0
"""Seconds after which the hub is asked whether a session's token is still good."""
TRUST_WITHOUT_HUB = 900.0
"""Seconds a session lives on while the hub is away: its restart must not close anybody's map."""
REMEMBERED = 2000

Made = Callable[[], Awaitable[frozenset[str]]]
"""Gives whom the event's ambassadors made ambassadors."""


@dataclass(frozen=True)
class Person:
    """Who is signed in."""

    name: str
    ambassador: bool


class HubAway(Exception):  # noqa: N818 - a state of affairs, shown as a page
    """The hub does not answer, so nobody can be let in anew."""


class SignIn:
    """Sessions of one event's web app."""

    def __init__(self, event: Event, secrets: Secrets, ports: Ports, *, made: Made | None = None) -> None:
        self._ambassadors = frozenset(event.people.ambassadors)
        self._made = made
        self._token = secrets.web_token
        self._api = f"http://127.0.0.1:{ports.hub}/hub/api"
        self._known: OrderedDict[str, tuple[float, str]] = OrderedDict()
        self._flights: Flights[str | None] = Flights()
        self._http = httpx.AsyncClient(timeout=5, trust_env=False)
        self._hub = _oauth_client(secrets, self._api)

    async def close(self) -> None:
        """Close the connections to the hub."""
        await self._http.aclose()

    async def person(self, request: Request) -> Person | None:
        """Give who sent this request, or None. Raises HubAway when that cannot be known now."""
        token = request.session.get("token")
        if not token:
            return None
        name = await self._name(token)
        if name is None:
            request.session.clear()
            return None
        return await self.known_as(name)

    async def known_as(self, name: str) -> Person:
        """Give the person of a name."""
        made = await self._made() if self._made and name not in self._ambassadors else frozenset()
        return Person(name, ambassador=name in self._ambassadors or name in made)

    async def begin(self, request: Request) -> Response:
        """Send the browser to the hub; it comes back to the page it asked for."""
        asked = request.url.path + (f"?{request.url.query}" if request.url.query else "")
        request.session["next"] = asked if asked.startswith(ROOT) and len(asked) < 1000 else ROOT
        redirect: Response = await self._hub.authorize_redirect(request, CALLBACK)
        return redirect

    async def finish(self, request: Request) -> Response:
        """Take the hub's answer and begin a session."""
        from authlib.integrations.base_client import OAuthError  # noqa: PLC0415 - see _oauth_client

        target = request.session.get("next", ROOT)
        try:
            token = await self._hub.authorize_access_token(request)
        except httpx.HTTPError as error:
            raise HubAway from error
        except (OAuthError, ValueError, TypeError) as error:
            raise HTTPException(
                403, "This sign-in was begun in another window or took too long. Open the event's page again."
            ) from error
        request.session.clear()
        request.session["token"] = token["access_token"]
        request.session["form"] = random.token_urlsafe(24)
        return RedirectResponse(target if target.startswith(ROOT) else ROOT, status_code=303)

    async def here(self) -> list[str] | None:
        """Give the names of everyone whose notebook runs now, or None when the hub does not say."""
        try:
            answer = await self._http.get(
                f"{self._api}/users",
                params={"state": "active", "limit": 500},
                headers={"Authorization": f"token {self._token}"},
            )
            answer.raise_for_status()
            return sorted(user["name"] for user in answer.json())
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            return None

    async def stop_server(self, name: str) -> bool:
        """Have the hub stop somebody's notebook server, if one runs; False where it does not answer."""
        try:
            headers = {"Authorization": f"token {self._token}"}
            answer = await self._http.delete(f"{self._api}/users/{name}/server", headers=headers, timeout=30)
        except httpx.HTTPError:
            return False
        return answer.status_code in {202, 204, 400, 404}  # 400: none runs; 404: nobody of that name

    async def _name(self, token: str) -> str | None:
        key = hashlib.sha256(token.encode()).hexdigest()
        asked_at, name = self._known.get(key, (float("-inf"), ""))
        age = time.monotonic() - asked_at
        if age < ASK_AGAIN_AFTER:
            return name
        return await self._flights.share(key, lambda: self._asked(token, key, age, name))

    async def _asked(self, token: str, key: str, age: float, name: str) -> str | None:
        """Ask the hub: once, however many tiles of a map wait for the answer."""
        try:
            answer = await self._http.get(f"{self._api}/user", headers={"Authorization": f"token {token}"})
        except httpx.HTTPError as error:
            return self._last_known(age, name, error)
        if answer.status_code >= 500:
            return self._last_known(age, name, None)
        self._known.pop(key, None)
        if answer.status_code != 200 or answer.json().get("kind") != "user":
            return None
        name = str(answer.json()["name"])
        self._known[key] = (time.monotonic(), name)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return name

    @staticmethod
    def _last_known(age: float, name: str, error: Exception | None) -> str:
        if name and age < TRUST_WITHOUT_HUB:
            return name
        raise HubAway from error


def _oauth_client(secrets: Secrets, api: str) -> Any:
    with warnings.catch_warnings():
        from authlib.deprecate import AuthlibDeprecationWarning  # noqa: PLC0415

        warnings.simplefilter("ignore", AuthlibDeprecationWarning)  # authlib 1.9 prefers httpx2 to httpx
        from authlib.integrations.starlette_client import OAuth  # noqa: PLC0415

    oauth = OAuth()
    return oauth.register(
        "hub",
        client_id=CLIENT_ID,
        client_secret=secrets.web_token,
        authorize_url="/hub/api/oauth2/authorize",  # relative: the browser knows under which name it came
        access_token_url=f"{api}/oauth2/token",
        client_kwargs={
            "token_endpoint_auth_method": "client_secret_post",
            "code_challenge_method": "S256",
            "trust_env": False,
            "timeout": 10,
        },
    )
