"""GeoJSON, features one below the other, and TopoJSON; a .json of plain records becomes a table."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from divebell.errors import DivebellError
from divebell.event.model import DatasetHint
from divebell.readers import gdal
from divebell.readers.claims import refuse_imposter
from divebell.readers.crs import Reference, identify
from divebell.readers.encoding import Text, open_text
from divebell.readers.model import Layer
from divebell.readers.scratch import Scratch
from divebell.readers.shapes import Survey
from divebell.readers.spatial import Request, declared, read_layer

_OPTIONS = (("DATE_AS_STRING", "YES"), ("ARRAY_AS_STRING", "YES"))
_GEOMETRIES = frozenset(
    {"Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection"}
)
_NO_DEGREES = (
    "its coordinates are no longitudes and latitudes and it names no coordinate reference system; give it "
    "with 'crs' in the event file"
)
_NEXT = "export it as GeoJSON (a FeatureCollection) from QGIS or the program that made it"


class GeoJsonReader:
    """Reads GeoJSON and its kin by what the document is, not by its ending."""

    name = "GeoJSON"
    suffixes: tuple[str, ...] = (
        ".geojson",
        ".json",
        ".topojson",
        ".geojsonl",
        ".geojsons",
        ".ndjson",
        ".jsonl",
        ".geojsonseq",
    )

    def read(self, path: Path, hint: DatasetHint) -> list[Layer]:
        """Describe the layers: one, or one per object of a TopoJSON.

        Raises DivebellError when the file is no JSON, is cut off, or holds no geodata.
        """
        refuse_imposter(path, "GeoJSON")
        text = open_text(path, hint.encoding)
        kind = _kind(text)
        if text.encoding != "utf-8":
            return _collected(text, hint)
        if kind == "Topology":
            return _topojson(path, hint)
        if kind == "FeatureCollection" and _is_one_document(path):
            return [_geojson(path, hint, (), named=_named_crs(path))]
        return _collected(text, hint)


def _kind(text: Text) -> str | None:
    """Find the `type` of the outermost object near the document's beginning or end; None when it has none."""
    start = text.sample(1 << 16)
    depth, at = 0, 0
    token = re.compile(r'"((?:[^"\\]|\\.)*)"\s*(:\s*"((?:[^"\\]|\\.)*)")?|[{}\[\]]', re.DOTALL)
    while found := token.search(start, at):
        at = found.end()
        mark = found[0]
        if mark in "{[":
            depth += 1
        elif mark in "}]":
            depth -= 1
        elif depth == 1 and found[1] == "type" and found[3]:
            return found[3]
    return None


def _is_one_document(path: Path) -> bool:
    """Whether a FeatureCollection ends as it should and is the only one in the file."""
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 4096))
        end = file.read().rstrip(b" \t\r\n\x00")
    if not end.endswith(b"}"):
        raise DivebellError(
            f"{path.name} is cut off: it does not end with a closing brace",
            next_step="upload the complete file",
        )
    found, kept = 0, b""
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            found += len(re.findall(rb'"type"\s*:\s*"FeatureCollection"', kept + chunk))
            kept = chunk[-40:] if b"FeatureCollection" not in chunk[-40:] else b""
    return found == 1


def _geojson(
    path: Path,
    hint: DatasetHint,
    warnings: tuple[str, ...],
    *,
    spatial: bool = True,
    named: str | None = None,
) -> Layer:
    source = gdal.Source(path, options=_OPTIONS, geometry=spatial)
    return read_layer(
        Request(source, "GeoJSON", None, partial(_reference, named=named), json=True, warnings=warnings), hint
    )


def _named_crs(path: Path) -> str | None:
    """Find the name in a `crs` member near the beginning or the end; GDAL takes an unknown one for WGS 84."""
    with path.open("rb") as file:
        start = file.read(1 << 16)
        file.seek(max(0, path.stat().st_size - 4096))
        text = (start + file.read()).decode(errors="replace")
    found = re.search(r'"crs"\s*:\s*\{[^{}]*\{\s*"name"\s*:\s*"([^"]+)"', text)
    return found[1] if found else None


def _reference(found: str | None, survey: Survey, named: str | None = None) -> Reference:
    """Apply GeoJSON's rule: longitude and latitude, unless the file or its numbers say otherwise."""
    if named is not None and (reference := identify(named)).code != "EPSG:4326":
        return reference
    if found in {"EPSG:4326", "EPSG:4979", "OGC:CRS84", "OGC:CRS84h"}:
        if survey.looks_like_degrees:
            return Reference("EPSG:4326")
        return Reference(warnings=(_NO_DEGREES,))
    return declared(found, survey)


def _topojson(path: Path, hint: DatasetHint) -> list[Layer]:
    names = gdal.layers(path, "TopoJSON")
    if not names:
        raise DivebellError(f"{path.name} is a TopoJSON without objects", next_step=_NEXT)
    return [
        read_layer(Request(gdal.Source(path, name), "TopoJSON", name, declared, json=True), hint)
        for name in names
    ]


def _collected(text: Text, hint: DatasetHint) -> list[Layer]:
    """Read documents one below the other, one feature, one geometry, or plain records, as one collection."""
    path = text.path
    documents = list(_documents(text))
    if len(documents) == 1 and isinstance(documents[0], dict) and documents[0].get("type") == "Topology":
        scratch = Scratch()
        copied = scratch.folder / path.name
        copied.write_text(json.dumps(documents[0]), encoding="utf-8")
        return [scratch.keep_for(layer) for layer in _topojson(copied, hint)]
    listed = len(documents) > 1
    features = [one for document in documents for one in _features(path, document, listed=listed)]
    warnings = text.warnings
    if len(documents) > 1:
        warnings = (
            *warnings,
            f"the file holds {len(documents):,} JSON documents one below the other; all were read",
        )
    spatial = any("geometry" in feature for feature in features)
    if not spatial:
        warnings = (*warnings, "the file holds records without geometry; it became a table")
    scratch = Scratch()
    collected = scratch.folder / f"{path.stem}.geojson"
    head: dict[str, Any] = {"type": "FeatureCollection"}
    if named := next((one["crs"] for one in documents if isinstance(one, dict) and "crs" in one), None):
        head["crs"] = named
    collected.write_text(json.dumps({**head, "features": features}), encoding="utf-8")
    named_crs = _named_crs(collected)
    return [scratch.keep_for(_geojson(collected, hint, warnings, spatial=spatial, named=named_crs))]


def _documents(source: Text) -> Iterator[Any]:
    text, name = "".join(source.lines()).lstrip("\ufeff"), source.path.name
    decoder, at = json.JSONDecoder(), 0
    space = re.compile(r"[\s,\x1e]*")
    while (at := space.match(text, at).end()) < len(text):  # type: ignore[union-attr]
        try:
            document, at = decoder.raw_decode(text, at)
        except (json.JSONDecodeError, RecursionError) as error:
            line = error.lineno if isinstance(error, json.JSONDecodeError) else 1
            reason = error.msg if isinstance(error, json.JSONDecodeError) else "it is nested too deeply"
            raise DivebellError(f"{name}:{line}: this is no valid JSON: {reason}", next_step=_NEXT) from error
        yield document


def _features(path: Path, document: Any, *, listed: bool) -> Iterator[dict[str, Any]]:
    if isinstance(document, list):
        for one in document:
            yield from _features(path, one, listed=True)
        return
    kind = document.get("type") if isinstance(document, dict) else None
    if kind == "FeatureCollection" and isinstance(document.get("features"), list):
        yield from (one for one in document["features"] if isinstance(one, dict))
    elif kind == "Feature" and "geometry" in document:
        yield document
    elif kind in _GEOMETRIES and ("coordinates" in document or "geometries" in document):
        yield {"type": "Feature", "properties": {}, "geometry": document}
    elif listed and isinstance(document, dict) and document and _is_record(document):
        yield {"type": "Feature", "properties": document}
    else:
        raise DivebellError(
            f"{path.name} is JSON, but holds neither geodata nor a list of records", next_step=_NEXT
        )


def _is_record(document: dict[str, Any]) -> bool:
    """Whether an object is a row of a table: most of its values are plain."""
    plain = sum(1 for value in document.values() if not isinstance(value, dict | list))
    return plain >= 0.5 * len(document)
