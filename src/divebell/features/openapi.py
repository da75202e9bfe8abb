"""The OpenAPI 3.0 document of the service. Pure."""

from __future__ import annotations

from typing import Any

from divebell._version import __version__
from divebell.features.asked import DEFAULT_LIMIT, LARGEST_LIMIT
from divebell.features.documents import GEOJSON, JSON, OPENAPI, Service

_PROBLEMS = {
    "400": "A parameter is unknown or cannot be right.",
    "401": "Not signed in, or a token that is not good any more.",
    "404": "There is no such thing, or none that whoever asks may read.",
    "422": "The database cannot give this table's geometries in longitude and latitude.",
    "429": "Too many at once.",
    "500": "Something broke on the server's side.",
    "503": "The database is away, or this took it too long.",
}
_NUMBER, _TEXT = {"type": "number"}, {"type": "string"}


def document(service: Service) -> dict[str, Any]:
    """Describe every operation, parameter, answer and the ways to sign in."""
    return {
        "openapi": "3.0.3",
        "info": {"title": service.title, "version": __version__},
        "servers": [{"url": service.base}],
        "security": [{"token": []}, {"password": []}],
        "tags": [{"name": "Capabilities"}, {"name": "Features"}],
        "paths": {
            "/": _get("landingPage", "What this is", _answer(JSON, "landingPage")),
            "/conformance": _get("conformance", "What this conforms to", _answer(JSON, "confClasses")),
            "/api": _get("api", "This document", _answer(OPENAPI, "anything")),
            "/collections": _get("collections", "The tables", _answer(JSON, "collections"), ["place"]),
            "/collections/{collectionId}": _get(
                "collection", "One table", _answer(JSON, "collection"), ["collectionId"]
            ),
            "/collections/{collectionId}/items": _get(
                "features",
                "Features of a table",
                _answer(GEOJSON, "featureCollection"),
                ["collectionId", "limit", "bbox", "datetime", "after", "columns"],
            ),
            "/collections/{collectionId}/items/{featureId}": _get(
                "feature", "One feature", _answer(GEOJSON, "feature"), ["collectionId", "featureId"]
            ),
        },
        "components": {
            "securitySchemes": {
                "token": {"type": "http", "scheme": "bearer", "description": "A personal token."},
                "password": {"type": "http", "scheme": "basic", "description": "It, as the password."},
            },
            "parameters": _parameters(),
            "responses": _responses(),
            "schemas": _schemas(),
        },
    }


def _get(
    name: str, summary: str, answer: dict[str, Any], parameters: list[str] | None = None
) -> dict[str, Any]:
    shared = [*(parameters or []), "f"]
    return {
        "get": {
            "operationId": name,
            "summary": summary,
            "tags": ["Features" if "feature" in name else "Capabilities"],
            "parameters": [{"$ref": f"#/components/parameters/{one}"} for one in shared],
            "responses": {
                "200": answer,
                **{status: {"$ref": f"#/components/responses/{status}"} for status in _PROBLEMS},
            },
        }
    }


def _answer(media: str, schema: str) -> dict[str, Any]:
    return {
        "description": "Done.",
        "content": {media: {"schema": {"$ref": f"#/components/schemas/{schema}"}}},
    }


def _responses() -> dict[str, Any]:
    content = {JSON: {"schema": {"$ref": "#/components/schemas/problem"}}}
    return {status: {"description": words, "content": content} for status, words in _PROBLEMS.items()}


def _parameters() -> dict[str, Any]:
    box = {
        "type": "array",
        "oneOf": [{"minItems": 4, "maxItems": 4}, {"minItems": 6, "maxItems": 6}],
        "items": _NUMBER,
    }
    count = {"type": "integer", "minimum": 1, "maximum": LARGEST_LIMIT, "default": DEFAULT_LIMIT}
    columns = {"type": "object", "additionalProperties": _TEXT}
    return {
        "collectionId": _parameter("collectionId", "path", _TEXT),
        "featureId": _parameter("featureId", "path", _TEXT),
        "limit": _parameter("limit", "query", count),
        "bbox": _parameter("bbox", "query", box),
        "datetime": _parameter("datetime", "query", _TEXT),
        "after": _parameter("after", "query", _TEXT),
        "place": _parameter("after", "query", {"type": "integer", "minimum": 0}),
        "f": _parameter("f", "query", {"type": "string", "enum": ["json"]}),
        "columns": _parameter("columns", "query", columns, explode=True),
    }


def _parameter(name: str, where: str, schema: dict[str, Any], *, explode: bool = False) -> dict[str, Any]:
    style = "simple" if where == "path" else "form"
    return {
        "name": name,
        "in": where,
        "required": where == "path",
        "schema": schema,
        "style": style,
        "explode": explode,
    }


def _schemas() -> dict[str, Any]:
    links = {"type": "array", "items": {"$ref": "#/components/schemas/link"}}
    return {
        "anything": {"type": "object"},
        "problem": _object(["error"], error=_TEXT),
        "link": _object(["href", "rel"], href=_TEXT, rel=_TEXT, type=_TEXT, title=_TEXT),
        "landingPage": _object(["links"], title=_TEXT, description=_TEXT, links=links),
        "confClasses": _object(["conformsTo"], conformsTo={"type": "array", "items": _TEXT}),
        "collections": _object(["links", "collections"], links=links, collections=_list("collection")),
        "collection": _object(
            ["id", "links"],
            id=_TEXT,
            title=_TEXT,
            description=_TEXT,
            links=links,
            extent={"type": "object"},
            itemType=_TEXT,
            crs={"type": "array", "items": _TEXT},
        ),
        "featureCollection": _object(
            ["type", "features"],
            type={"type": "string", "enum": ["FeatureCollection"]},
            features=_list("feature"),
            links=links,
            timeStamp={"type": "string", "format": "date-time"},
            numberMatched={"type": "integer", "minimum": 0},
            numberReturned={"type": "integer", "minimum": 0},
        ),
        "feature": _object(
            ["type", "geometry", "properties"],
            type={"type": "string", "enum": ["Feature"]},
            id={"oneOf": [_TEXT, {"type": "integer"}]},
            geometry={"type": "object", "nullable": True},
            properties={"type": "object", "nullable": True},
            links=links,
        ),
    }


def _list(schema: str) -> dict[str, Any]:
    return {"type": "array", "items": {"$ref": f"#/components/schemas/{schema}"}}


def _object(required: list[str], **properties: Any) -> dict[str, Any]:
    return {"type": "object", "required": required, "properties": properties}
