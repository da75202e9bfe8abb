"""What volunteers share from their notebooks: kept in versions, shown to everybody, rendered safely."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from divebell.gallery.api import Api
from divebell.gallery.pages import Pages
from divebell.gallery.sharing import Sharing
from divebell.gallery.store import Store


@dataclass(frozen=True)
class Around:
    """What the gallery is given by the web app it is a part of."""

    root: str
    page: Callable[..., Response]
    form: Callable[[Request], Awaitable[dict[str, str]]]
    """Reads a form, and refuses one that our pages did not make."""
    confirm: Callable[[Request], Mapping[str, str]]
    """Refuses what neither a notebook nor one of our pages sent; gives the secrets it came with by kind."""
    mapped: Callable[[str], Awaitable[bool]]
    """Tells whether everybody at the event may see the map of that name."""


def routes(pool: Any, around: Around) -> list[Route]:
    """Give the routes below the app's root; `pool` is the portal's."""
    store = Store(pool)
    api = Api(store, Sharing(store, around.mapped), root=around.root, confirm=around.confirm)
    pages = Pages(store, root=around.root, page=around.page, form=around.form)
    return [*api.routes(), *pages.routes()]


__all__ = ["Around", "Store", "routes"]
