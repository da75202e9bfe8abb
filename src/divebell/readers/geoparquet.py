"""Where a Parquet file keeps its geometry and in which reference system, by each of the ways to say so."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from divebell.readers import geoarrow
from divebell.readers.arrowtypes import bare
from divebell.readers.crs import UNKNOWN, Reference, identify

_USUAL_NAMES = ("geometry", "geom", "wkb_geometry", "the_geom", "shape", "wkb")
_BASES = ("Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon")
_LON_LAT = "OGC:CRS84"
_SPHERE = "its lines follow the globe; they are kept as straight lines between their points"


@dataclass(frozen=True)
class Source:
    """One column of geometry."""

    at: int
    encoding: str
    """WKB, WKT, or one of `geoarrow.NATIVE`."""
    reference: Reference
    codes: frozenset[int] = frozenset()
    """ISO WKB codes of the types the file says it holds; empty where it does not say."""
    guessed: bool = False
    """Whether only its name says that it is geometry."""


@dataclass(frozen=True)
class Places:
    """All geometry of a file."""

    main: Source | None = None
    others: tuple[Source, ...] = ()
    bounds: frozenset[int] = frozenset()
    """Columns that only repeat the bounds of each geometry."""
    warnings: tuple[str, ...] = ()

    def known(self, sample: pa.RecordBatch | None) -> Places:
        """Give them without a column that is only named like geometry, by the first rows."""
        if self.main is None or not self.main.guessed or sample is None:
            return self
        return self if geoarrow.is_wkb(sample.column(self.main.at)) else Places()

    def aside(self) -> Places:
        """Give them as if none were the main one: a person says that points come from elsewhere."""
        return replace(self, main=None, others=(self.main, *self.others)) if self.main else self


def find(file: pq.ParquetFile) -> Places:
    """Look for 'geo' metadata, Parquet's own type, GeoArrow's, then a binary column named like geometry."""
    schema = file.schema_arrow
    metadata: Mapping[bytes, bytes] = file.metadata.metadata or {}
    said: list[str] = []
    found = _of_metadata(schema, metadata, said) or _of_types(file, metadata) or _of_names(schema)
    main, others = (found[0], found[1:]) if found else (None, ())
    bounds = _bounds(schema, metadata)
    said += [
        f"column '{schema.names[one.at]}' holds geometry too; it is kept as text (WKT), of which "
        f"ST_GeomFromText makes a geometry"
        for one in others
    ]
    said += [
        f"column '{schema.names[at]}' only repeats the bounds of each geometry; it was left out"
        for at in sorted(bounds)
    ]
    return Places(main, tuple(others), bounds, tuple(said))


def _geo(metadata: Mapping[bytes, bytes]) -> Any:
    try:
        return json.loads(metadata.get(b"geo", b"null"))
    except (ValueError, RecursionError):
        return False


def _of_metadata(schema: pa.Schema, metadata: Mapping[bytes, bytes], said: list[str]) -> list[Source]:
    geo = _geo(metadata)
    if geo is None:
        return []
    columns = geo.get("columns") if isinstance(geo, dict) else None
    if not isinstance(columns, dict):
        said.append("what the file says about its geometry ('geo') cannot be understood")
        return []
    names = [
        name for name, facts in columns.items() if schema.names.count(name) == 1 and isinstance(facts, dict)
    ]
    names.sort(key=lambda name: name != geo.get("primary_column"))
    if geo.get("primary_column") not in names and names:
        said.append(f"the main geometry the file names is not there; '{names[0]}' was taken")
    if names and columns[names[0]].get("edges") == "spherical":
        said.append(_SPHERE)
    return [_source(schema, name, columns[name]) for name in names]


def _source(schema: pa.Schema, name: str, facts: dict[str, Any]) -> Source:
    at = schema.names.index(name)
    encoding = str(facts.get("encoding", "WKB")).lower()
    types = facts.get("geometry_types", facts.get("geometry_type", ()))
    types = [types] if isinstance(types, str) else types
    return Source(
        at,
        encoding if encoding in geoarrow.NATIVE else "WKB",
        reference(facts.get("crs")) if "crs" in facts else identify(_LON_LAT),
        _codes(types if isinstance(types, list) else ()),
    )


def reference(crs: Any) -> Reference:
    """Identify a reference system given as PROJJSON, WKT or code; None says that it is unknown."""
    if isinstance(crs, dict):
        return identify(json.dumps(crs))
    return identify(crs) if isinstance(crs, str) and crs else UNKNOWN


def _codes(types: Iterable[Any]) -> frozenset[int]:
    """Turn names such as 'Polygon Z' into ISO WKB codes; nothing where one is not known."""
    codes = set()
    for one in types:
        base, _, dimension = str(one).partition(" ")
        if base not in _BASES or dimension not in {"", "Z", "M", "ZM"}:
            return frozenset()
        codes.add(_BASES.index(base) + 1 + 1000 * ("", "Z", "M", "ZM").index(dimension))
    return frozenset(codes)


def _of_types(file: pq.ParquetFile, metadata: Mapping[bytes, bytes]) -> list[Source]:
    """Find columns of Parquet's types GEOMETRY and GEOGRAPHY, and those marked as GeoArrow's."""
    schema = file.schema_arrow
    leaves = {column.path: column.logical_type for column in map(file.schema.column, range(len(file.schema)))}
    found = []
    for at, field in enumerate(schema):
        logical = leaves.get(field.name)
        if logical is not None and logical.type in {"GEOMETRY", "GEOGRAPHY"}:
            facts = json.loads(logical.to_json())
            found.append(Source(at, "WKB", _stated(facts.get("crs"), metadata)))
        elif (marked := _marked(field)) is not None:
            found.append(replace(marked, at=at))
    return found


def _stated(crs: Any, metadata: Mapping[bytes, bytes]) -> Reference:
    """Understand the reference system of Parquet's own type: a definition, or where to find one."""
    if not crs:
        return identify(_LON_LAT)
    kind, _, rest = str(crs).partition(":")
    if kind.lower() == "projjson" and rest.encode() in metadata:
        crs = metadata[rest.encode()].decode(errors="replace")
    elif kind.lower() == "srid":
        return identify(f"EPSG:{rest}") if rest.isdigit() and rest != "0" else UNKNOWN
    return reference(crs)


def _marked(field: pa.Field) -> Source | None:
    if isinstance(field.type, pa.BaseExtensionType):
        name, raw = field.type.extension_name, field.type.__arrow_ext_serialize__()
    else:
        marks = field.metadata or {}
        name = marks.get(b"ARROW:extension:name", b"").decode(errors="replace")
        raw = marks.get(b"ARROW:extension:metadata", b"")
    family, _, encoding = name.partition(".")
    encoding = {"wkb": "WKB", "wkt": "WKT"}.get(encoding, encoding)
    if family not in {"geoarrow", "ogc"} or encoding not in {"WKB", "WKT", *geoarrow.NATIVE}:
        return None
    try:
        facts = json.loads(raw or b"{}")
    except ValueError:
        facts = {}
    return Source(0, encoding, reference(facts.get("crs") if isinstance(facts, dict) else None))


def _of_names(schema: pa.Schema) -> list[Source]:
    for name in _USUAL_NAMES:
        at = schema.get_field_index(name)
        kind = bare(schema.field(at).type) if at >= 0 else None
        if kind is not None and (pa.types.is_binary(kind) or pa.types.is_large_binary(kind)):
            return [Source(at, "WKB", UNKNOWN, guessed=True)]
    return []


def _bounds(schema: pa.Schema, metadata: Mapping[bytes, bytes]) -> frozenset[int]:
    """Find the columns that GeoParquet 1.1 calls a covering."""
    geo = _geo(metadata)
    columns = geo.get("columns") if isinstance(geo, dict) else None
    found = set()
    for facts in columns.values() if isinstance(columns, dict) else ():
        try:
            at = schema.get_field_index(facts["covering"]["bbox"]["xmin"][0])
        except (KeyError, TypeError, IndexError):
            continue
        if at >= 0 and pa.types.is_struct(schema.field(at).type):
            found.add(at)
    return frozenset(found)
