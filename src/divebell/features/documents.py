"""The service's documents: what it is, what it conforms to, its collections. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlencode

from divebell.features.asked import Asked
from divebell.tiles.boxes import Box
from divebell.tiles.layers import Entry, Layer

CRS84 = "http://www.opengis.net/def/crs/OGC/1.3/CRS84"
JSON, GEOJSON, OPENAPI = (
    "application/json",
    "application/geo+json",
    "application/vnd.oai.openapi+json;version=3.0",
)
CONFORMS_TO = tuple(
    f"http://www.opengis.net/spec/ogcapi-features-1/1.0/conf/{name}" for name in ("core", "oas30", "geojson")
)
LISTED = 1000
"""Collections in one answer; a link leads to the next."""


@dataclass(frozen=True)
class Service:
    """Whose data it is, and where it is served."""

    title: str
    base: str
    """The address, without a slash at its end."""


def link(href: str, rel: str, media: str, title: str) -> dict[str, str]:
    """Give one link."""
    return {"href": href, "rel": rel, "type": media, "title": title}


def landing(service: Service) -> dict[str, Any]:
    """Give the landing page."""
    base = service.base
    return {
        "title": service.title,
        "description": "The event's tables with a geometry, and those that volunteers share.",
        "links": [
            link(f"{base}/", "self", JSON, "This document"),
            link(f"{base}/api", "service-desc", OPENAPI, "What can be asked (OpenAPI 3.0)"),
            link(f"{base}/conformance", "conformance", JSON, "What this conforms to"),
            link(f"{base}/collections", "data", JSON, "The tables"),
        ],
    }


def conformance() -> dict[str, Any]:
    """Give the conformance classes."""
    return {"conformsTo": CONFORMS_TO}


def collections(
    service: Service, layers: Sequence[Entry], extents: dict[str, Box], start: int
) -> dict[str, Any]:
    """Give the list of collections from the `start`-th on."""
    here = f"{service.base}/collections"
    links = [link(f"{here}?after={start}" if start else here, "self", JSON, "This document")]
    if start + LISTED < len(layers):
        links.append(link(f"{here}?after={start + LISTED}", "next", JSON, "More tables"))
    shown = layers[start : start + LISTED]
    return {
        "links": links,
        "collections": [collection(service, layer, extents.get(layer.slug)) for layer in shown],
    }


def collection(service: Service, layer: Layer | Entry, extent: Box | None) -> dict[str, Any]:
    """Describe one collection; its extent only where it is known without looking."""
    here, name = address(service, layer), f"{layer.schema}.{layer.table}"
    words = "A table of the event." if layer.schema == "data" else f"Of {layer.owner.removeprefix('v_')}."
    found: dict[str, Any] = {
        "id": layer.slug,
        "title": name,
        "description": words,
        "itemType": "feature",
        "crs": [CRS84],
        "links": [
            link(here, "self", JSON, "This document"),
            link(f"{here}/items", "items", GEOJSON, "The features"),
        ],
    }
    if extent:
        found["extent"] = {"spatial": {"bbox": [extent], "crs": CRS84}}
    return found


def page_links(
    service: Service, layer: Layer, asked: Sequence[tuple[str, str]], following: str | None
) -> list[dict[str, str]]:
    """Give the links of a page of features; `following` says where the next begins, if there is one."""
    here = f"{address(service, layer)}/items"
    links = [
        link(_with(here, asked), "self", GEOJSON, "This document"),
        link(address(service, layer), "collection", JSON, "The table"),
    ]
    if following is not None:
        rest = [(name, value) for name, value in asked if name != "after"]
        links.append(link(_with(here, [*rest, ("after", following)]), "next", GEOJSON, "The next page"))
    return links


def item_links(service: Service, layer: Layer, item: str) -> list[dict[str, str]]:
    """Give the links of one feature."""
    here = address(service, layer)
    return [
        link(f"{here}/items/{quote(item, safe='')}", "self", GEOJSON, "This document"),
        link(here, "collection", JSON, "The table"),
    ]


def address(service: Service, layer: Layer | Entry) -> str:
    """Give a collection's address."""
    return f"{service.base}/collections/{quote(layer.slug, safe='')}"


def counted(asked: Asked, found: int | None) -> dict[str, int]:
    """Say how many features there are, on the first page and where it is known."""
    return {} if found is None or asked.after else {"numberMatched": found}


def _with(address: str, parameters: Sequence[tuple[str, str]]) -> str:
    return f"{address}?{urlencode(parameters)}" if parameters else address
