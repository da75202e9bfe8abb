"""JSON values become features: attributes, a shape that is still text, an id."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import msgspec
from msgspec import UNSET, Raw, UnsetType

from divebell.errors import DivebellError
from divebell.readers.encoding import Text
from divebell.readers.jsontext import Closed, Member, Run, Walk, no_json

GEOMETRIES = frozenset(
    {"Point", "LineString", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon", "GeometryCollection"}
)
_OWN = frozenset({"type", "geometry", "properties", "id", "bbox", "crs"})
_DOCUMENT = ("type", "properties", "geometry", "id", "crs", "coordinates", "geometries")
_NEXT = "export it as GeoJSON (a FeatureCollection) from QGIS or the program that made it"


class Literal(str):
    """A decimal number as the file writes it."""

    __slots__ = ()


class Huge(Literal):
    """A number beyond the range of float."""

    __slots__ = ()


class Shape(msgspec.Struct, gc=False):
    """A geometry: coordinates as JSON text, or as Python's lists where the fast decoder gave up."""

    type: Any = None
    coordinates: Any = None
    geometries: Any = None


class _FastShape(msgspec.Struct, gc=False):
    type: str = ""
    coordinates: Raw = Raw()
    geometries: Raw = Raw()


class _Entry(msgspec.Struct, gc=False):
    type: str | None = None
    properties: dict[str, Any] | UnsetType | None = UNSET
    geometry: _FastShape | UnsetType | None = UNSET
    id: Any = UNSET
    crs: Any = UNSET


@dataclass
class Features:
    """A run of features, row by row."""

    properties: list[dict[str, Any]] = field(default_factory=list)
    shapes: list[Any] = field(default_factory=list)
    """A shape (or what stands in its place), or None, for each row."""
    ids: list[Any] = field(default_factory=list)
    """The id of each row; UNSET where there is none."""
    spatial: bool = False
    """Whether any row has a geometry member, null or not."""

    def add(self, properties: dict[str, Any], shape: Any, identity: Any) -> None:
        """Add one row; `shape` is UNSET where the row has no geometry member."""
        self.properties.append(properties)
        self.shapes.append(None if shape is UNSET else shape)
        self.ids.append(identity)
        self.spatial = self.spatial or shape is not UNSET


@dataclass
class FeatureStream:
    """The features of a JSON text, whatever its documents are; counts what is worth a warning."""

    text: Text
    literal: bool = False
    """Whether decimals keep their digits: as `Literal` instead of float."""
    crs: Any = UNSET
    """The `crs` member, once it has been read."""
    collections: int = 0
    documents: int = 0
    passed_over: int = 0
    """Entries of collections that are no objects."""
    not_numbers: int = 0
    """How often NaN stood for a missing value."""
    _guessed: tuple[bytes, list[_Entry]] | None = None
    _records: bool = False
    """Whether the last run outside a collection held anything but features."""

    def __post_init__(self) -> None:
        hook = _literal if self.literal else None
        self._fast = msgspec.json.Decoder(list[_Entry], float_hook=hook)
        self._any = msgspec.json.Decoder(list[Any], float_hook=hook)
        self._slow = json.JSONDecoder(strict=False, parse_float=hook or _float, parse_constant=self._constant)

    def __iter__(self) -> Iterator[Features]:
        """Give the features in the file's order. Raises DivebellError where the text is no (geo)data."""
        self.collections = self.documents = self.passed_over = self.not_numbers = 0
        walk, members = Walk(self.text, self._fits), dict[str, bytes]()
        for found in walk:
            self.documents = walk.documents
            if isinstance(found, Run):
                members["features"] = b""
                yield from self._run(found)
            elif isinstance(found, Member):
                if found.key in _DOCUMENT:
                    members[found.key] = found.value
                if found.key == "crs":
                    self._take_crs(self._decoded(found.value))
            else:
                yield from self._close(members)
            if isinstance(found, Closed) or (isinstance(found, Run) and found.place == "document"):
                members = {}

    def _fits(self, text: bytes) -> bool:
        try:
            self._guessed = text, self._fast.decode(b"[" + text + b"]")
        except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            return False
        return True

    def _run(self, run: Run) -> Iterator[Features]:
        entries = None if self._records else self._entries(run.text)
        if entries is not None and (run.place == "features" or all(map(_is_feature, entries))):
            for one in entries[:1] if run.place != "features" else ():
                self._take_crs(one.crs)
            rows, run.text, entries = _features(entries), b"", None
        elif run.place == "features":
            rows = self._slowly(run)
        else:
            rows = Features()
            for value in self._values(run):
                self._document(value, rows, listed=run.place == "list" or self.documents > 1)
            self._records = not rows.spatial
        yield rows

    def _entries(self, text: bytes) -> list[_Entry] | None:
        """Decode a run the fast way; None where it holds anything out of the ordinary."""
        guessed, self._guessed = self._guessed, None
        if guessed is None or guessed[0] is not text:
            if not self._fits(text):
                return None
            guessed, self._guessed = self._guessed, None
        entries = guessed[1] if guessed else []
        if any(one.properties is UNSET for one in entries):
            return None
        return entries

    def _values(self, run: Run) -> Iterator[Any]:
        """Decode values as they are; Python's own decoder knows NaN and names what is wrong."""
        with suppress(msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
            yield from self._any.decode(b"[" + run.text + b"]")
            return
        try:
            text = run.text.decode()
        except UnicodeDecodeError as error:
            raise no_json(self.text, run.at + error.start, "it is not UTF-8") from error
        at = 0
        while (at := _past(text, at)) < len(text):
            try:
                value, at = self._slow.raw_decode(text, at)
                at = _past(text, at)
            except (json.JSONDecodeError, RecursionError) as error:
                reason = error.msg if isinstance(error, json.JSONDecodeError) else "it is nested too deeply"
                at = error.pos if isinstance(error, json.JSONDecodeError) else at
                raise no_json(self.text, run.at + len(text[:at].encode()), reason) from error
            if at < len(text):
                if text[at] != ",":
                    raise no_json(self.text, run.at + len(text[:at].encode()), "Expecting ',' delimiter")
                at += 1
            yield value

    def _slowly(self, run: Run) -> Features:
        rows = Features()
        for value in self._values(run):
            self._entry(value, rows)
        return rows

    def _entry(self, value: Any, rows: Features) -> None:
        if not isinstance(value, dict):
            self.passed_over += 1
            return
        given = value.get("properties", UNSET)
        if given is UNSET:
            given = {key: one for key, one in value.items() if key not in _OWN}
        properties = given if isinstance(given, dict) else {} if given is None else {"properties": given}
        rows.add(properties, _shape(value.get("geometry", UNSET)), value.get("id", UNSET))

    def _document(self, value: Any, rows: Features, *, listed: bool) -> None:
        """Take in one outermost value, or one of an outermost list."""
        if isinstance(value, list):
            for one in value:
                self._document(one, rows, listed=True)
            return
        kind = value.get("type") if isinstance(value, dict) else None
        if kind == "FeatureCollection" and isinstance(value.get("features"), list):
            self.collections += 1
            self._take_crs(value.get("crs", UNSET))
            for one in value["features"]:
                self._entry(one, rows)
        elif kind == "Feature" and "geometry" in value:
            self._take_crs(value.get("crs", UNSET))
            self._entry(value, rows)
        elif (
            isinstance(kind, str) and kind in GEOMETRIES and ("coordinates" in value or "geometries" in value)
        ):
            self._take_crs(value.get("crs", UNSET))
            rows.add({}, _shape(value), UNSET)
        elif listed and isinstance(value, dict) and _is_record(value):
            rows.add(value, UNSET, UNSET)
        else:
            raise self._no_geodata()

    def _close(self, members: dict[str, bytes]) -> Iterator[Features]:
        """Take in a large outermost object, whose features have been given if it is a collection."""
        values = {key: self._decoded(value) for key, value in members.items() if value}
        if "features" in members:
            if values.get("type") != "FeatureCollection":
                raise self._no_geodata()
            self.collections += 1
            return
        rows = Features()
        self._document(values, rows, listed=False)
        yield rows

    def _decoded(self, value: bytes) -> Any:
        try:
            return self._slow.decode(value.decode())
        except (ValueError, RecursionError) as error:
            raise DivebellError(
                f"{self.text.path.name}: a member of its outermost object is no valid JSON: {error}",
                next_step=_NEXT,
            ) from error

    def _constant(self, name: str) -> float | None:
        if name == "NaN":
            self.not_numbers += 1
            return None
        return float(name)

    def _take_crs(self, crs: Any) -> None:
        if self.crs is UNSET:
            self.crs = crs

    def _no_geodata(self) -> DivebellError:
        return DivebellError(
            f"{self.text.path.name} is JSON, but holds neither geodata nor a list of records", next_step=_NEXT
        )


def _literal(text: str) -> Literal:
    return Huge(text) if math.isinf(float(text)) else Literal(text)


def _float(text: str) -> float | Huge:
    number = float(text)
    return Huge(text) if math.isinf(number) else number


def _is_feature(entry: _Entry) -> bool:
    return entry.type == "Feature" and entry.geometry is not UNSET


def _features(entries: list[_Entry]) -> Features:
    return Features(
        [one.properties or {} for one in entries],
        [None if one.geometry is UNSET else one.geometry for one in entries],
        [one.id for one in entries],
        any(one.geometry is not UNSET for one in entries),
    )


def _shape(geometry: Any) -> Any:
    if isinstance(geometry, dict) and geometry:
        return Shape(geometry.get("type"), geometry.get("coordinates"), geometry.get("geometries"))
    return geometry or None if geometry is not UNSET else UNSET


def _is_record(document: dict[str, Any]) -> bool:
    """Whether an object is a row of a table: most of its values are plain."""
    plain = sum(1 for value in document.values() if not isinstance(value, dict | list))
    return bool(document) and plain >= 0.5 * len(document)


def _past(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at
