"""The proxy: Traefik with its routes in a file, so that hub and proxy can each be restarted alone."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from pathlib import Path
from typing import Any

from divebell.event import Ports, Secrets, State

SERVICE = "event"
PORTAL = f"/services/{SERVICE}/"
ENTRY, API_ENTRY = "event", "api"
API_USER = "hub"
PROXY_HEADER = "X-Divebell-Proxy"
"""Proves that a request came through our proxy: what it says of the client's address can be believed.

Only the sign-in page is told, which takes it out of the request before anything could be logged.
"""


def traefik_files(state: State, secrets: Secrets, ports: Ports) -> dict[Path, str]:
    """Give the files Traefik is started from: `traefik --configFile=<the first>`.

    The hub writes its own routes to `rules_file(state)`, where they stay over restarts of either. The folder
    must be there before Traefik starts, or it never looks at it again; these files see to that. The routes to
    the web app and the sign-in page are among them: the web app needs no hub to be reached, and a hub that
    starts need not wait for it. Where a part does not answer, the web app's page says so kindly.
    """
    fixed = rules_file(state).with_name("event.toml")
    return {
        static_file(state): _static(rules_file(state).parent, ports),
        fixed: _fixed_routes(secrets, ports),
    }


def static_file(state: State) -> Path:
    """Give the file Traefik is started with."""
    return state.proxy / "traefik.toml"


def rules_file(state: State) -> Path:
    """Give the file that holds the routes."""
    return state.proxy / "rules" / "routes.toml"


def proof(known: Secrets) -> str:
    """Give what the proxy adds to requests for the hub, and to no others."""
    return hmac.new(known.proxy_token.encode(), b"through the proxy", "sha256").hexdigest()


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


def _fixed_routes(secrets: Secrets, ports: Ports) -> str:
    return f"""\
[http.routers.web]
rule = "PathPrefix(`{PORTAL}`) || Path(`{PORTAL.rstrip("/")}`)"
entryPoints = ["{ENTRY}"]
service = "web"

[[http.services.web.loadBalancer.servers]]
url = "http://127.0.0.1:{ports.web}"

[http.routers.login]
rule = "Path(`/hub/login`)"
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


def update_proxy(c: Any, state: State, known: Secrets, ports: Ports) -> None:
    """Point the hub at the proxy."""
    c.JupyterHub.proxy_class = "jupyterhub_traefik_proxy.fileprovider.TraefikFileProviderProxy"
    c.JupyterHub.bind_url = f"http://127.0.0.1:{ports.proxy}"
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
