"""The hub's pages around signing in: the form, the return code, signing out.

`SignInPage` is what every page that lets somebody in builds on, another site's callback too: `visit()` says
which browser asks, `let_in()` begins the session.
"""

from __future__ import annotations

import hmac
import re
from typing import Any

from jupyterhub import orm
from jupyterhub.handlers.base import BaseHandler
from jupyterhub.handlers.login import LoginHandler, LogoutHandler
from jupyterhub.utils import new_token, url_path_join
from tornado import web
from tornado.httputil import HTTPServerRequest, url_concat

from divebell.codes import new_device_token
from divebell.hub.login.visit import Attempt, RefusedError, Visit, Welcome
from divebell.hub.proxy import PROXY_HEADER

DEVICE_COOKIE = "divebell-device"
_DEVICE_DAYS = 180
_TOKEN = re.compile(r"[A-Za-z0-9_-]{43}")
_FORM_FIELDS = ("username", "password", "code")


def device_token(handler: BaseHandler) -> tuple[str, bool]:
    """Give the browser's token, and whether the browser sent it; without one a new one is set."""
    known = handler.get_cookie(DEVICE_COOKIE) or ""
    if _TOKEN.fullmatch(known):
        return known, True
    if not hasattr(handler, "_new_device_token"):
        handler._new_device_token = new_device_token()  # noqa: SLF001
    _set_device_cookie(handler, handler._new_device_token)  # noqa: SLF001
    return handler._new_device_token, False  # noqa: SLF001


def _set_device_cookie(handler: BaseHandler, token: str) -> None:
    handler._set_cookie(  # noqa: SLF001
        DEVICE_COOKIE,
        token,
        encrypted=False,
        path=handler.hub.base_url,
        expires_days=_DEVICE_DAYS,
        samesite="Lax",
    )


class PageError(web.HTTPError):
    """An error whose words the sign-in page shows."""

    def __init__(
        self, status: int, message: str, *, needs_code: bool = False, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(status, "sign-in refused")
        self.jupyterhub_message, self.needs_code, self.headers = message, needs_code, headers or {}


STALE_PAGE = (
    "This page had been open for a while. Nothing is wrong: please type your password and try again, "
    "or reload the page."
)


def client_address(request: HTTPServerRequest, proof: str, expected: str) -> str:
    """Give the address a request really came from.

    Tornado believes forwarding headers of anything on this machine, and a volunteer's notebook is on this
    machine: they count only with the proxy's proof.
    """
    if hmac.compare_digest(proof.encode("utf-8", "replace"), expected.encode()):
        return str(request.remote_ip)
    return f"direct {request.connection.context.address[0]}"  # type: ignore[union-attr]


def as_page(refused: RefusedError) -> PageError:
    """Turn a refusal into what JupyterHub shows on the sign-in page."""
    headers = {"Retry-After": "30"} if refused.status in (429, 503) else {}
    return PageError(refused.status, refused.message, needs_code=refused.needs_code, headers=headers)


class SignInPage(LoginHandler):  # type: ignore[misc]
    """A page that may let somebody in."""

    _anew = False
    _address = ""

    async def prepare(self) -> None:
        """Find out where the request comes from before anything else sees it."""
        proof = self.request.headers.pop(PROXY_HEADER, "")
        self._address = client_address(self.request, proof, self.authenticator.proxy_proof)
        await super().prepare()

    def set_default_headers(self) -> None:
        """Keep the page out of caches."""
        super().set_default_headers()
        self.set_header("Cache-Control", "no-store")

    def check_xsrf_cookie(self) -> None:
        """Say what helps when the form is older than its cookie."""
        try:
            super().check_xsrf_cookie()
        except web.HTTPError as stale:
            raise PageError(stale.status_code, STALE_PAGE) from stale

    def visit(self) -> Visit:
        """Give the browser that asks."""
        token, sent = device_token(self)
        return Visit(self._address, token, sent)

    async def let_in(self, welcome: Welcome) -> None:
        """Begin the session and go on to where the person wanted to, by way of the return code."""
        if welcome.return_code is not None:
            self.authenticator.pending_codes[welcome.name] = (welcome.return_code, self.visit().device)
        self._anew = welcome.anew
        self._end_session_of_another(welcome.name)
        user = await self.login_user(welcome)
        if user is None:  # the name passed our door but not JupyterHub's own rules
            raise web.HTTPError(403)
        self._jupyterhub_user = user
        target = self.get_next_url(user)
        if user.name in self.authenticator.pending_codes:
            target = url_concat(url_path_join(self.hub.base_url, "return-code"), {"next": target})
        self.redirect(target)

    def _end_session_of_another(self, name: str) -> None:
        """End the session of whoever else was signed in here at the portal and in notebooks, too."""
        before, session = self.current_user, self.get_session_cookie()
        if before is None or before.name == name or not session:
            return
        for token in self.db.query(orm.APIToken).filter_by(user_id=before.id, session_id=session):
            self.db.delete(token)
        self.db.commit()

    async def auth_to_user(self, authenticated: Any, user: Any = None) -> Any:
        """End the sessions of whoever had the name before."""
        user = await super().auth_to_user(authenticated, user)
        if self._anew:
            user.orm_user.cookie_id = new_token()
            for token in self.db.query(orm.APIToken).filter_by(user_id=user.id):
                if token.session_id or not _is_of_a_server(token, user.name):
                    self.db.delete(token)
            self.db.commit()
        return user

    def render_template(self, name: str, **values: Any) -> Any:
        """Tell the page which way people sign in by, and whether the return code is what is missing."""
        values.setdefault("needs_code", getattr(values.get("exception"), "needs_code", False))
        values["kind"] = self.authenticator.kind.value
        door = self.authenticator.door
        values["closed"] = door.closed()
        values["asks"] = door.event.people.accounts.requests and not door.over()
        return super().render_template(name, **values)


def _is_of_a_server(token: orm.APIToken, name: str) -> bool:
    """Tell whether a token is what a notebook server reports with, and no more: it runs on."""
    own = (f"!server={name}/", f"users:activity!user={name}")
    return bool(token.scopes) and all(scope.endswith(own) for scope in token.scopes)


class LoginPage(SignInPage):
    """The sign-in form."""

    async def get(self) -> None:
        """Show the form; every browser gets its token here, before it is needed."""
        if not self.current_user:
            device_token(self)
        await super().get()

    async def post(self) -> None:
        """Sign in with what was typed."""
        name, password, code = (self.get_body_argument(field, "", strip=False) for field in _FORM_FIELDS)
        try:
            welcome = await self.authenticator.door.open(
                self.authenticator.way, Attempt(name, password, code, self.visit())
            )
        except RefusedError as refused:
            raise as_page(refused) from None
        await self.let_in(welcome)


class ReturnCodePage(BaseHandler):  # type: ignore[misc]
    """Shows the return code after a first sign-in, until the person says it is noted."""

    def set_default_headers(self) -> None:
        """Keep the page out of caches."""
        super().set_default_headers()
        self.set_header("Cache-Control", "no-store")

    @web.authenticated
    async def get(self) -> None:
        """Show the code to the browser that claimed the name, and to no other."""
        code, token = self.authenticator.pending_codes.get(self.current_user.name, ("", ""))
        if not code or token != device_token(self)[0]:
            self.redirect(self.get_next_url(self.current_user))
            return
        self.finish(
            await self.render_template("return_code.html", code=code, next=self.get_argument("next", ""))
        )

    @web.authenticated
    async def post(self) -> None:
        """Go on; the code is not shown again."""
        _, token = self.authenticator.pending_codes.get(self.current_user.name, ("", ""))
        if token == device_token(self)[0]:
            self.authenticator.pending_codes.pop(self.current_user.name, None)
        self.redirect(self.get_next_url(self.current_user))


class LogoutPage(LogoutHandler):  # type: ignore[misc]
    """Signs out and forgets the browser, so that on a shared computer nobody comes back as somebody else."""

    async def handle_logout(self) -> None:
        """Forget the browser, unless another site's link led here."""
        user, (token, sent) = self.current_user, device_token(self)
        if user is None or not sent or self.request.headers.get("Sec-Fetch-Site") == "cross-site":
            return
        try:
            await self.authenticator.door.forget(user.name, token)
        except RefusedError as away:
            self.log.warning("the browser of %s was not forgotten: %s", user.name, away)
        else:
            _set_device_cookie(self, new_device_token())
