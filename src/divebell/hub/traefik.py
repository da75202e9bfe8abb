"""How the hub writes routes. Not in `proxy`, which the command line loads, because it needs JupyterHub."""

from __future__ import annotations

from typing import Any

from jupyterhub_traefik_proxy.fileprovider import TraefikFileProviderProxy

from divebell.hub.proxy import PROVE, STRIP


class EventProxy(TraefikFileProviderProxy):  # type: ignore[misc]
    """Writes routes for a Traefik that somebody else keeps running."""

    def _dynamic_config_for_route(self, routespec: str, target: str, data: Any) -> Any:
        traefik, jupyterhub = super()._dynamic_config_for_route(routespec, target, data)
        for router in traefik["http"]["routers"].values():
            router["middlewares"] = [PROVE if data.get("hub") else STRIP]
        return traefik, jupyterhub
