"""Sign in through the hub, which is the event's OAuth provider, and ask it again who is still welcome."""

from __future__ import annotations

import secrets as random
import warnings
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from divebell.event import Event, Ports, Secrets
from divebell.web.hub_tokens import HubAway, HubTokens

ROOT = "/services/event/"
CALLBACK = f"{ROOT}oauth_callback"
CLIENT_ID = "service-event"

Made = Callable[[], Awaitable[frozenset[str]]]
"""Gives whom the event's ambassadors made ambassadors."""


@dataclass(frozen=True)
class Person:
    """Who is signed in."""

    name: str
    ambassador: bool


class SignIn:
    """Sessions of one event's web app."""

    def __init__(self, event: Event, secrets: Secrets, ports: Ports, *, made: Made | None = None) -> None:
        self._ambassadors = frozenset(event.people.ambassadors)
        self._made = made
        self._token = secrets.web_token
        self._api = f"http://127.0.0.1:{ports.hub}/hub/api"
        self.tokens = HubTokens(self._api, lambda _: True)
        self._http = httpx.AsyncClient(timeout=5, trust_env=False)
        self._hub = _oauth_client(secrets, self._api)

    async def close(self) -> None:
        """Close the connections to the hub."""
        await self.tokens.close()
        await self._http.aclose()

    async def person(self, request: Request) -> Person | None:
        """Give who sent this request, or None. Raises HubAway when that cannot be known now."""
        token = request.session.get("token")
        if not token:
            return None
        name = await self.tokens.owner(token)
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
