"""What is asked of GitHub: who somebody is, and whether they belong to the event's organisations or teams."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urljoin

from oauthenticator.github import GitHubOAuthenticator
from tornado import web
from tornado.httpclient import HTTPClientError

from divebell.event.github import GitHub

CONNECT_SECONDS, ANSWER_SECONDS = 5, 10
CALLBACK = "hub/oauth_callback"


class AwayError(Exception):
    """GitHub does not answer, answers nonsense, or asks us to come back later."""


class EnoughError(AwayError):
    """GitHub has had enough questions for now, which may hold for one person's token alone."""


class MisconfiguredError(Exception):
    """GitHub does not know the event's OAuth app, or knows it with another secret or address."""


class RefusedTokenError(Exception):
    """GitHub takes a code or a token for nothing: it is old, or its owner has taken it back."""


@dataclass(frozen=True)
class Account:
    """Somebody on GitHub. The number stays when the login changes."""

    number: int
    login: str
    token: dict[str, Any] = field(repr=False)
    """GitHub's answer with the token in it."""


class Client(GitHubOAuthenticator):  # type: ignore[misc]
    """The library's client, which tells a GitHub that is away from one that says no."""

    async def httpfetch(
        self, url: str, label: str = "", parse_json: bool = True, raise_error: bool = True, **kwargs: Any
    ) -> Any:
        """Ask GitHub; raise AwayError unless it answers to the question."""
        try:
            response = await super().httpfetch(url, label, parse_json=False, raise_error=False, **kwargs)
        except (HTTPClientError, OSError) as error:
            raise AwayError(f"{type(error).__name__}: {error}") from error
        if _has_enough(response):
            raise EnoughError(f"answered {response.code}, after too many questions")
        if response.code >= 500:
            raise AwayError(f"answered {response.code}")
        if raise_error:
            response.rethrow()
        if not parse_json:
            return response
        try:
            answer = json.loads(response.body)
        except ValueError as error:
            raise AwayError("answered something else than JSON") from error
        if isinstance(answer, dict) and answer.get("error") in _OURS_TO_MEND:
            raise MisconfiguredError(answer["error"])
        return answer


_OURS_TO_MEND = frozenset({"incorrect_client_credentials", "redirect_uri_mismatch", "application_suspended"})


def _has_enough(response: Any) -> bool:
    """Tell whether GitHub has had enough questions for now."""
    said = response.headers.get("X-RateLimit-Remaining") == "0" or "Retry-After" in response.headers
    return response.code == 429 or (response.code == 403 and said)


def make_client(github: GitHub, secret: str, address: str) -> Client:
    """Give the client of an event that people open at `address`."""
    return Client(
        client_id=github.client_id,
        client_secret=secret,
        github_url=github.address,
        oauth_callback_url=urljoin(address, CALLBACK),
        scope=["read:org"] if github.organisations or github.teams else [],
        allowed_organizations={*github.organisations, *(team.replace("/", ":") for team in github.teams)},
        allow_all=False,
        allow_existing_users=False,
        http_request_kwargs={"connect_timeout": CONNECT_SECONDS, "request_timeout": ANSWER_SECONDS},
    )


async def exchange(client: Client, handler: Any) -> Account:
    """Give who came back from GitHub with a code.

    Raises AwayError, MisconfiguredError and RefusedTokenError.
    """
    params = client.build_access_tokens_request_params(handler)
    try:
        token = await client.get_token_info(handler, params)
    except (HTTPClientError, web.HTTPError) as error:
        raise RefusedTokenError(str(error)) from error
    return await ask_account(client, token)


async def ask_account(client: Client, token: dict[str, Any]) -> Account:
    """Give whose token this is. Raises AwayError and RefusedTokenError."""
    try:
        user = await client.token_to_user(token)
    except HTTPClientError as error:
        raise RefusedTokenError(str(error)) from error
    if not isinstance(user, dict):
        raise AwayError("answered something else than a person")
    number, login = user.get("id"), user.get("login")
    if not isinstance(number, int) or not isinstance(login, str):
        raise AwayError("answered without a number and a login")
    return Account(number, login, token)


async def belongs(client: Client, account: Account) -> bool:
    """Tell whether somebody is in one of the organisations or teams. Raises AwayError."""
    if not client.allowed_organizations:
        return False
    model = {"name": account.login, "admin": None, "auth_state": {"token_response": account.token}}
    return bool(await client.check_allowed(account.login, model))
