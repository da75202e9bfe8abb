"""The event as JupyterHub's settings, one small function a subject."""

from __future__ import annotations

from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import psycopg

from divebell import database
from divebell.event import Event, Ports, Secrets, State
from divebell.hub import login, proxy, spawner
from divebell.hub.login.authenticator import Beside
from divebell.hub.pages import page_variables
from divebell.hub.proxy import PORTAL, SERVICE

DATABASE_ROLE = "event_hub"
OWN = ("read:users!user", "users:activity!user", "servers!user", "access:servers!user")
"""What everybody may do at the hub. No tokens that people make themselves: they would outlive a reset."""


def configure(c: Any, event: Event, state: State, known: Secrets, ports: Ports) -> list[Beside]:
    """Set everything JupyterHub needs to know of one event; give what goes on beside it."""

    def connect() -> AbstractContextManager[psycopg.Connection]:
        return database.connect(state, DATABASE_ROLE)

    state.hub.mkdir(mode=0o700, parents=True, exist_ok=True)
    update_hub(c, state, known, ports)
    update_survival(c)
    update_service(c, known)
    update_pages(c, event)
    update_headers(c, encrypted=proxy.public_address(state, ports).startswith("https:"))
    proxy.update_proxy(c, state, known, ports)
    spawner.configure(c, event, state, ports, PORTAL)
    doorstep = login.Doorstep(proxy.proof(known), proxy.public_address(state, ports))
    return login.configure(c, event, known, connect, doorstep)


def update_hub(c: Any, state: State, known: Secrets, ports: Ports) -> None:
    """Say where the hub listens and what it keeps."""
    c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{ports.hub}"
    c.JupyterHub.hub_connect_url = f"http://127.0.0.1:{ports.hub}"
    c.JupyterHub.db_url = f"sqlite:///{state.hub.absolute() / 'jupyterhub.sqlite'}"
    c.JupyterHub.upgrade_db = True
    c.JupyterHub.cookie_secret = bytes.fromhex(known.cookie_secret)
    c.JupyterHub.cookie_max_age_days = 14
    c.JupyterHub.pid_file = ""
    c.Application.log_level = "INFO"


def update_survival(c: Any) -> None:
    """Let notebook servers and the proxy outlive the hub."""
    c.JupyterHub.cleanup_servers = False
    c.JupyterHub.cleanup_proxy = False
    c.JupyterHub.shutdown_on_logout = False
    c.JupyterHub.init_spawners_timeout = 10


def update_service(c: Any, known: Secrets) -> None:
    """Make the web app a service of the hub, open to everybody who has signed in.

    It has no `url` here: the proxy knows the way, and the hub would wait for it half a minute at each start.
    """
    c.JupyterHub.services = [
        {
            "name": SERVICE,
            "oauth_redirect_uri": f"{PORTAL}oauth_callback",
            "api_token": known.web_token,
            "oauth_no_confirm": True,
            "oauth_client_allowed_scopes": ["read:users:name!user", f"access:services!service={SERVICE}"],
            "display": False,
        }
    ]
    c.JupyterHub.load_roles = [
        {"name": "user", "scopes": [*OWN, f"access:services!service={SERVICE}"]},
        {
            "name": SERVICE,
            "services": [SERVICE],
            "scopes": [
                "list:users",
                "read:users:name",
                "read:users:activity",
                "read:servers",
                "delete:servers",
            ],
        },
    ]
    c.JupyterHub.default_url = PORTAL


def update_pages(c: Any, event: Event) -> None:
    """Use our own pages, with the event's name on them."""
    c.JupyterHub.template_paths = [str(Path(__file__).with_name("templates"))]
    c.JupyterHub.template_vars = page_variables(event, PORTAL)
    c.JupyterHub.implicit_spawn_seconds = 1
    c.JupyterHub.allow_named_servers = False


def update_headers(c: Any, *, encrypted: bool) -> None:
    """Tell browsers what the hub's own pages may do, and where its cookies may go."""
    policy = (
        "default-src 'self'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; "
        "img-src 'self' data:; object-src 'none'; base-uri 'self'; frame-ancestors 'none'"
    )
    c.JupyterHub.tornado_settings = {
        "headers": {
            "Content-Security-Policy": policy,
            "X-Content-Type-Options": "nosniff",
            "Referrer-Policy": "same-origin",
            "X-Frame-Options": "DENY",
        },
        "cookie_options": {"samesite": "Lax"},
        "xsrf_cookie_kwargs": {"samesite": "Lax", "secure": encrypted},
    }
