"""Sign-in with a name and the event's password, as JupyterHub asks for it."""

from __future__ import annotations

from typing import Any, ClassVar

from jupyterhub.auth import Authenticator

from divebell.event.model import NAME_PATTERN
from divebell.hub.login.door import Attempt, Door, RefusedError, Welcome
from divebell.hub.login.pages import LoginPage, LogoutPage, PageError, ReturnCodePage, device_token


class EventPassword(Authenticator):  # type: ignore[misc]
    """Asks the event's door. `door` and `proxy_proof` are set by `bind`."""

    door: ClassVar[Door]
    proxy_proof: ClassVar[str]
    pending_codes: ClassVar[dict[str, tuple[str, str]]]
    """Return codes not yet confirmed as read: name -> (code, device token)."""

    @classmethod
    def bind(cls, door: Door, proxy_proof: str) -> type[EventPassword]:
        """Give the class for one event."""
        return type(cls.__name__, (cls,), {"door": door, "proxy_proof": proxy_proof, "pending_codes": {}})

    def get_handlers(self, app: Any) -> list[tuple[str, type]]:  # noqa: ARG002
        """Give our own pages."""
        return [("/login", LoginPage), ("/logout", LogoutPage), ("/return-code", ReturnCodePage)]

    async def authenticate(self, handler: Any, data: dict[str, str]) -> dict[str, Any]:
        """Let a person in; whoever is refused gets a page with the reason."""
        token, sent = device_token(handler)
        attempt = Attempt(
            name=data.get("username", ""),
            password=data.get("password", ""),
            code=data.get("code", ""),
            device=token,
            address=handler.client_address,
            knows_device=sent,
        )
        try:
            welcome = await self.door.open(attempt)
        except RefusedError as refused:
            raise as_page(refused) from None
        self._remember_code(welcome, token)
        handler.claimed_anew = welcome.anew
        return {"name": welcome.name, "admin": False}

    def _remember_code(self, welcome: Welcome, token: str) -> None:
        if welcome.return_code is not None:
            self.pending_codes[welcome.name] = (welcome.return_code, token)

    async def refresh_user(self, user: Any, handler: Any = None) -> bool:  # noqa: ARG002
        """Sign a person out everywhere once an ambassador has reset the name."""
        return not await self.door.has_lost(user.name)


def as_page(refused: RefusedError) -> PageError:
    """Turn a refusal into what JupyterHub shows on the sign-in page."""
    headers = {"Retry-After": "30"} if refused.status in (429, 503) else {}
    return PageError(refused.status, refused.message, needs_code=refused.needs_code, headers=headers)


def configure(c: Any, door: Door, proxy_proof: str) -> None:
    """Set the hub's sign-in."""
    c.JupyterHub.authenticator_class = EventPassword.bind(door, proxy_proof)
    c.Authenticator.allow_all = True
    c.Authenticator.any_allow_config = True
    c.Authenticator.username_pattern = NAME_PATTERN
    c.Authenticator.auth_refresh_age = 20
    c.Authenticator.enable_auth_state = False
