"""Sign-in with GitHub, for members of the event's organisations and teams and for the people on its list."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import urlsplit

from oauthenticator.oauth2 import OAuthCallbackHandler, OAuthLoginHandler, _serialize_state
from tornado import web

from divebell.event.github import GitHub
from divebell.event.model import SignIn
from divebell.hub.login import github_people as kept
from divebell.hub.login.authenticator import Beside, install, stop_server
from divebell.hub.login.door import Door, NoForm
from divebell.hub.login.github_api import (
    Account,
    AwayError,
    Client,
    EnoughError,
    MisconfiguredError,
    RefusedTokenError,
    ask_account,
    belongs,
    exchange,
    make_client,
)
from divebell.hub.login.pages import PageError, SignInPage, as_page
from divebell.hub.login.visit import Identity, RefusedError, Welcome, WrongGuessError

log = logging.getLogger("divebell.login")

LOOK_SECONDS = 30.0
"""How often it is looked whose membership is to be asked again."""


@dataclass(frozen=True)
class Gate:
    """Decides with GitHub's help who of GitHub is let in, and who stays."""

    door: Door
    github: GitHub
    client: Client
    seal: kept.Seal
    stop: Callable[[str], Awaitable[None]]
    """Stops somebody's notebook server."""

    @property
    def people(self) -> frozenset[str]:
        """The logins on the event's list; GitHub does not tell capitals from small letters."""
        return frozenset(login.lower() for login in self.github.people)

    async def admit(self, page: GitHubCallback) -> Welcome:
        """Let in who came back from GitHub, or raise RefusedError."""
        try:
            account = await exchange(self.client, page)
            listed = await self.door.ask(kept.listed_as, account, self.people)
            within = listed is not None or await belongs(self.client, account)
        except RefusedTokenError as error:
            raise WrongGuessError(TOO_LATE) from error
        except MisconfiguredError as error:
            log.error("sign-in: GitHub does not accept the OAuth app: %s", error)  # noqa: TRY400 - says it all
            raise RefusedError(403, MISCONFIGURED) from error
        except AwayError as away:
            log.warning("sign-in: GitHub is away: %s", away)
            raise RefusedError(DEPENDENCY_AWAY, AWAY) from away
        if not within:
            raise RefusedError(403, self._stranger(account))
        identity = Identity(f"github:{account.number}", SignIn.GITHUB.value, account.login)
        welcome = await self.door.admit(page.visit(), identity)
        sealed = self.seal.close(account.token) if self.client.allowed_organizations else None
        await self.door.ask(kept.remember, account, listed, sealed)
        return welcome

    async def look_again(self) -> None:
        """Ask about everybody whose membership was not looked at for a while; sign out who has left."""
        for one in await self.door.ask(kept.due):
            try:
                stays = await self._stays(one)
            except EnoughError as enough:  # whoever uses up their own questions keeps nobody else in
                log.warning("%s is not looked at again now: GitHub %s", one.name, enough)
                continue
            except AwayError as away:
                log.warning("GitHub is away, so that nobody is looked at again: %s", away)
                return
            if stays:
                await self.door.ask(kept.checked, one.number)
            else:
                log.warning("%s is signed out: GitHub does not count them to the event any more", one.name)
                await self.door.ask(kept.sign_out, one.number)
                await self.stop(one.name)  # an open page goes on with what runs there, signed in or not

    async def keep_looking(self) -> None:
        """Look again for as long as the hub runs, first at those whom the event file has ceased to name."""
        hurried = False
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                if not hurried:
                    await self.door.ask(kept.hurry, self.people)
                    hurried = True
                await self.look_again()
            except RefusedError as refused:
                log.warning("nobody of GitHub is looked at again: %s", refused)
            except Exception:
                log.exception("nobody of GitHub is looked at again this time")  # next time they are

    async def _stays(self, one: kept.Due) -> bool:
        if one.listed_as in self.people:
            return True
        token = self.seal.open(one.sealed)
        if token is None:
            return False
        try:
            account = await ask_account(self.client, token)
            return account.number == one.number and await belongs(self.client, account)
        except RefusedTokenError:
            return False

    def _stranger(self, account: Account) -> str:
        return (
            f"On GitHub you are '{account.login}', who does not belong to {in_words(self.github)}. "
            "If you do: on the page where GitHub asked you, the organisation may have to grant access. "
            f"{self.door.ask_ambassador} can help you."
        )


DEPENDENCY_AWAY = 424
"""Status for what another site is missing for; instead of a 503 the proxy shows that the event is away."""
AWAY = "GitHub does not answer just now. Please try again in a few minutes."
TOO_LATE = "GitHub did not take that sign-in: it was too old, or had been used. Please try again."
DENIED = "You did not let GitHub tell us who you are, so nobody was signed in. Please try again."
LOST = (
    "This answer of GitHub's does not belong to a sign-in that this browser began. Please try again, in one "
    "tab, with cookies allowed."
)
MISCONFIGURED = (
    "GitHub does not know this event as it is set up: its secret or its callback address there is "
    "another one. Whoever runs the event can put that right."
)
UNFINISHED = "Sign-in with GitHub is not set up to its end yet: its secret is missing."


class _OnSignInPage(SignInPage):
    """A page without a face of its own: what goes wrong is said on the sign-in page."""

    def render_template(self, name: str, **values: Any) -> Any:
        """Show the sign-in page instead of an error's own."""
        if name != "error.html":
            return super().render_template(name, **values)
        values["login_error"] = values.get("message") or values.get("status_message", "")
        return self._render(**values)


class GitHubStart(OAuthLoginHandler, _OnSignInPage):  # type: ignore[misc]
    """Sends a browser to GitHub, with a state that only this browser can show on its return."""

    gate: ClassVar[Gate]

    @property
    def _OAUTH_AUTHORIZE_URL(self) -> str:  # noqa: N802 - tornado names it
        return str(self.gate.client.authorize_url)

    def get(self) -> None:
        """Begin."""
        client = self.gate.client
        if not client.client_secret:
            raise PageError(DEPENDENCY_AWAY, UNFINISHED)
        home = urlsplit(client.oauth_callback_url)
        if self.request.host_name == "localhost" and home.hostname == "127.0.0.1":
            self.redirect(
                f"{home.scheme}://{home.netloc}{self.request.uri}"
            )  # where GitHub sends people back to
            return
        self.visit()
        verifier, challenge = self._generate_pkce_params()
        state = {"state_id": self._generate_state_id(), "next_url": self._get_next_url()}
        self.set_state_cookie(_serialize_state(state | {"code_verifier": verifier}))
        params = {"code_challenge": challenge, "code_challenge_method": "S256"}
        self.authorize_redirect(
            redirect_uri=client.oauth_callback_url,
            client_id=client.client_id,
            scope=client.scope,
            extra_params=params | {"state": _serialize_state({"state_id": state["state_id"]})},
            response_type="code",
        )


class GitHubCallback(OAuthCallbackHandler, _OnSignInPage):  # type: ignore[misc]
    """Where GitHub sends a browser back to."""

    gate: ClassVar[Gate]

    async def get(self) -> None:
        """Let in who it is, if this browser began and GitHub says they belong here."""
        try:
            self.check_state()
        except web.HTTPError as error:
            raise PageError(400, LOST) from error
        said = self.get_query_argument("error", "")
        if said:
            log.warning("sign-in: GitHub said %r", said[:100])
            raise PageError(403, DENIED if said == "access_denied" else MISCONFIGURED)
        if not self.get_query_argument("code", ""):
            raise PageError(400, LOST)
        visit, gate = self.visit(), self.gate
        try:
            welcome = await gate.door.guard(visit, f"github:{visit.device}", lambda: gate.admit(self))
        except RefusedError as refused:
            raise as_page(refused) from None
        await self.let_in(welcome)


def in_words(github: GitHub) -> str:
    """Say who may sign in: the organisations, the teams, the list."""
    groups = [*(f"the organisation {one}" for one in github.organisations)]
    groups += [f"the team {one}" for one in github.teams]
    groups += ["the list of people of this event"] if github.people else []
    return " or ".join(groups)


def configure(c: Any, door: Door, proxy_proof: str, address: str) -> list[Beside]:
    """Set the hub's sign-in; give what goes on beside it."""
    github = door.event.people.github
    if github is None:
        raise ValueError("an event whose people sign in with GitHub says who of GitHub may")
    client = make_client(github, door.secrets.github_client_secret, address)
    gate = Gate(door, github, client, kept.Seal(door.secrets.cookie_secret), stop_server)
    pages = [
        ("/oauth_login", type("GitHubStart", (GitHubStart,), {"gate": gate})),
        ("/oauth_callback", type("GitHubCallback", (GitHubCallback,), {"gate": gate})),
    ]
    install(c, door, SignIn.GITHUB, NoForm(), proxy_proof, pages)
    c.JupyterHub.template_vars.update(github_ready=bool(client.client_secret), github_list=in_words(github))
    return [gate.keep_looking]
