"""The proxy: Traefik with its routes in a file, so that hub and proxy can each be restarted alone."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from divebell.event import Ports, Secrets, Service, State

SERVICE = "event"
PORTAL = f"/services/{SERVICE}/"
ENTRY, API_ENTRY, INSIDE_ENTRY, PACKAGES_ENTRY = "event", "api", "inside", "packages"
API_USER = "hub"
ASKED_PER_SECOND = 50
"""Requests that one container may send to the hub's API, on average; a server sends a few in a minute."""
_ROUTES = "jupyterhub_traefik_proxy.fileprovider.TraefikFileProviderProxy"
PROXY_HEADER = "X-Divebell-Proxy"
"""Proves that a request came through our proxy: what it says of the client's address can be believed.

Only the sign-in page is told, which takes it out of the request before anything could be logged.
"""


@dataclass(frozen=True)
class Inside:
    """What the proxy lets containers reach, at an address that only they have."""

    gateway: str
    package_hosts: tuple[str, ...] = ()
    """Hosts whose HTTPS is passed on untouched: the package index, where the event allows it."""


def traefik_files(
    state: State,
    secrets: Secrets,
    ports: Ports,
    inside: Inside | None = None,
    served: Service | None = None,
) -> dict[Path, str]:
    """Give the files Traefik is started from: `traefik --configFile=<the first>`.

    The hub writes its own routes to `rules_file(state)`, where they stay over restarts of either. The folder
    must be there before Traefik starts, or it never looks at it again; these files see to that. The routes to
    the web app and the sign-in page are among them: the web app needs no hub to be reached, and a hub that
    starts need not wait for it. Where a part does not answer, the web app's page says so kindly.

    On a server (`served`) the web server in front says for whom it asks; nobody else of this machine reaches
    the proxy there, and elsewhere nobody is believed.
    """
    fixed = rules_file(state).with_name("event.toml")
    return {
        static_file(state): _static(rules_file(state).parent, ports)
        + (_IN_FRONT if served else "")
        + (_doors(inside, ports) if inside else ""),
        fixed: _fixed_routes(secrets, ports) + (_inner_routes(inside, ports) if inside else ""),
    }


def static_file(state: State) -> Path:
    """Give the file Traefik is started with."""
    return state.proxy_file


def rules_file(state: State) -> Path:
    """Give the file that holds the routes."""
    return state.proxy_rules / "routes.toml"


def proof(known: Secrets) -> str:
    """Give what the proxy adds to requests for the hub, and to no others."""
    return hmac.new(known.proxy_token.encode(), b"through the proxy", "sha256").hexdigest()


_IN_FRONT = f"""
[entryPoints.{ENTRY}.forwardedHeaders]
trustedIPs = ["127.0.0.1/32"]
"""


def _static(rules: Path, ports: Ports) -> str:
    return f"""\
[global]
checkNewVersion = false
sendAnonymousUsage = false

[log]
level = "ERROR"
noColor = true

[api]

[entryPoints.{ENTRY}]
address = "127.0.0.1:{ports.proxy}"
reusePort = true
[entryPoints.{ENTRY}.http]
middlewares = ["away@file"]
[entryPoints.{ENTRY}.transport.lifeCycle]
graceTimeOut = "2s"
[entryPoints.{ENTRY}.transport.respondingTimeouts]
readTimeout = "0s"
idleTimeout = "180s"

[entryPoints.{API_ENTRY}]
address = "127.0.0.1:{ports.proxy_api}"
reusePort = true

[providers]
providersThrottleDuration = "200ms"
[providers.file]
directory = {json.dumps(str(rules.absolute()))}
watch = true
"""


LOGIN_PAGES = (
    "login",
    "account",
    "account/wait",
    "own-password",
    "oauth_login",
    "oauth_callback",
    "invitation",
)
"""The hub's pages that let somebody in: they are told that a request came through the proxy."""


def public_address(state: State, ports: Ports) -> str:
    """Give where people open the event: on a server, through the web server in front of it."""
    served = Service.load(state)
    return served.address if served else f"http://127.0.0.1:{ports.proxy}/"


def _fixed_routes(secrets: Secrets, ports: Ports) -> str:
    login = " || ".join(f"Path(`/hub/{page}`)" for page in LOGIN_PAGES)
    return f"""\
[http.routers.web]
rule = "PathPrefix(`{PORTAL}`) || Path(`{PORTAL.rstrip("/")}`)"
entryPoints = ["{ENTRY}"]
service = "web"

[[http.services.web.loadBalancer.servers]]
url = "http://127.0.0.1:{ports.web}"

[http.routers.login]
rule = "{login}"
entryPoints = ["{ENTRY}"]
service = "login"
middlewares = ["prove"]

[[http.services.login.loadBalancer.servers]]
url = "http://127.0.0.1:{ports.hub}"

[http.middlewares.away.errors]
status = ["502-504"]
service = "web"
query = "{PORTAL}away"

[http.middlewares.prove.headers.customRequestHeaders]
{PROXY_HEADER} = "{proof(secrets)}"
"""


def _doors(inside: Inside, ports: Ports) -> str:
    """Give the entry points on the containers' gateway."""
    packages = f"""
[entryPoints.{PACKAGES_ENTRY}]
address = "{inside.gateway}:{ports.packages}"
reusePort = true
"""
    return f"""
[entryPoints.{INSIDE_ENTRY}]
address = "{inside.gateway}:{ports.inside}"
reusePort = true
[entryPoints.{INSIDE_ENTRY}.transport.respondingTimeouts]
readTimeout = "0s"
""" + (packages if inside.package_hosts else "")


def _inner_routes(inside: Inside, ports: Ports) -> str:
    """Let containers reach the hub's API and the web app, and the package index: no page, no other server."""
    return f"""
[http.routers.inside-hub]
rule = "Path(`/hub/api`) || PathPrefix(`/hub/api/`)"
entryPoints = ["{INSIDE_ENTRY}"]
service = "inside-hub"
middlewares = ["unhurried"]

[http.middlewares.unhurried.rateLimit]
average = {ASKED_PER_SECOND}
burst = {4 * ASKED_PER_SECOND}

[[http.services.inside-hub.loadBalancer.servers]]
url = "http://127.0.0.1:{ports.hub}"

[http.routers.inside-web]
rule = "PathPrefix(`{PORTAL}`)"
entryPoints = ["{INSIDE_ENTRY}"]
service = "web"
""" + "".join(_package_route(number, host) for number, host in enumerate(inside.package_hosts))


def _package_route(number: int, host: str) -> str:
    return f"""
[tcp.routers.packages-{number}]
rule = "HostSNI(`{host}`)"
entryPoints = ["{PACKAGES_ENTRY}"]
service = "packages-{number}"
[tcp.routers.packages-{number}.tls]
passthrough = true

[[tcp.services.packages-{number}.loadBalancer.servers]]
address = "{host}:443"
"""


def update_proxy(c: Any, state: State, known: Secrets, ports: Ports) -> None:
    """Point the hub at the proxy."""
    served = Service.load(state)
    c.JupyterHub.proxy_class = "divebell.hub.routes.SharedRoutes" if served else _ROUTES
    c.JupyterHub.bind_url = f"http://127.0.0.1:{ports.proxy}"
    if served:
        c.JupyterHub.public_url = served.address
        c.JupyterHub.trusted_downstream_ips = ["127.0.0.1"]
    c.Proxy.should_start = False
    c.TraefikFileProviderProxy.dynamic_config_file = str(rules_file(state))
    c.TraefikProxy.traefik_entrypoint = ENTRY
    c.TraefikProxy.traefik_api_entrypoint = API_ENTRY
    c.TraefikProxy.traefik_api_url = f"http://127.0.0.1:{ports.proxy_api}"
    c.TraefikProxy.traefik_api_username = API_USER
    c.TraefikProxy.traefik_api_password = known.proxy_token
    # a long random token needs no slow hash, and the proxy checks it several times per new route
    digest = hashlib.sha1(known.proxy_token.encode(), usedforsecurity=False).digest()
    c.TraefikProxy.traefik_api_hashed_password = "{SHA}" + base64.b64encode(digest).decode()
