"""The one authenticator that JupyterHub is given, whatever way people sign in by."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Any, ClassVar

from jupyterhub.app import JupyterHub
from jupyterhub.auth import Authenticator

from divebell.event.model import NAME_PATTERN, SignIn
from divebell.hub.login.door import Door, Way
from divebell.hub.login.pages import LoginPage, LogoutPage, ReturnCodePage
from divebell.hub.login.passwords import OwnPasswordPage
from divebell.hub.login.visit import Welcome

Beside = Callable[[], Coroutine[Any, Any, None]]
"""What goes on for as long as the hub runs."""
Handlers = Sequence[tuple[str, type]]


class EventAuthenticator(Authenticator):  # type: ignore[misc]
    """Takes the door's word for who somebody is. What is not set here is set by `install`."""

    door: ClassVar[Door]
    kind: ClassVar[SignIn]
    way: ClassVar[Way]
    proxy_proof: ClassVar[str]
    pages: ClassVar[Handlers]
    pending_codes: ClassVar[dict[str, tuple[str, str]]]
    """Return codes not yet confirmed as read: name -> (code, device token)."""

    def get_handlers(self, app: Any) -> list[tuple[str, type]]:  # noqa: ARG002
        """Give our own pages, and those of the event's way."""
        common = [
            ("/login", LoginPage),
            ("/logout", LogoutPage),
            ("/return-code", ReturnCodePage),
            ("/own-password", OwnPasswordPage),
        ]
        return [*common, *self.pages]

    async def authenticate(self, handler: Any, data: Any) -> dict[str, Any] | None:  # noqa: ARG002
        """Take whom our own pages have let in, and nobody who asks JupyterHub's API."""
        return {"name": data.name, "admin": False} if isinstance(data, Welcome) else None

    async def refresh_user(self, user: Any, handler: Any = None) -> bool:  # noqa: ARG002
        """Sign a person out everywhere once an ambassador has reset the name."""
        return not await self.door.has_lost(user.name)


async def stop_server(name: str) -> None:
    """Stop somebody's notebook server, if one runs; what goes wrong with that is only written down."""
    hub = JupyterHub.instance()
    user = hub.users.get(name)
    for spawner in [] if user is None else [one for one in user.spawners.values() if one.ready]:
        try:
            await hub.proxy.delete_user(user, spawner.name)
            await user.stop(spawner.name)
        except Exception:
            hub.log.exception("the notebook server of %s does not stop", name)


def install(c: Any, door: Door, kind: SignIn, way: Way, proxy_proof: str, pages: Handlers = ()) -> None:
    """Set the hub's sign-in to one way; `pages` are those it has besides the form, below /hub."""
    settings = {
        "door": door,
        "kind": kind,
        "way": way,
        "proxy_proof": proxy_proof,
        "pages": pages,
        "pending_codes": {},
    }
    c.JupyterHub.authenticator_class = type(EventAuthenticator.__name__, (EventAuthenticator,), settings)
    c.Authenticator.allow_all = True
    c.Authenticator.any_allow_config = True
    c.Authenticator.username_pattern = NAME_PATTERN
    c.Authenticator.auth_refresh_age = 20
    c.Authenticator.auth_refresh_strict = True  # who was reset is out in open notebooks too
    c.Authenticator.enable_auth_state = False
