"""The SQL of features: composed, never formatted. Pure: nothing here talks to a server.

A row is found again by the layer's key; without one by its place in the table; where it has none (views), by
a hash over all of it, which several rows that are the same share.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from enum import Enum, auto
from typing import Any

from psycopg import sql

from divebell.features.asked import MOMENTS, Asked, Interval, Wrong, moment_field
from divebell.features.queries import template
from divebell.tiles import sql as layer_sql
from divebell.tiles.boxes import Box
from divebell.tiles.frames import Frame
from divebell.tiles.layers import Layer

LARGEST_KEY = 2**63 - 1
COUNTED = 1_000_000
"""Up to so many features are counted; of more, nobody is told how many."""
_CONTENT = sql.SQL("md5((t.*)::text)")
_CURVED = {"CircularString", "CompoundCurve", "CurvePolygon", "MultiCurve", "MultiSurface"}
_HASH = re.compile(r"([0-9a-f]{32})\.(\d{1,9})")


class Ids(Enum):
    """How a row is found again."""

    KEY = auto()
    PLACE = auto()
    CONTENT = auto()


@dataclass(frozen=True)
class Near:
    """One box of the request: in degrees, and in the layer's own coordinates for its index."""

    degrees: Box
    own: Box


@dataclass
class _Statement:
    """Conditions and the values of their parameters."""

    values: list[Any] = field(default_factory=list)
    conditions: list[sql.Composable] = field(default_factory=list)

    def value(self, given: Any, kind: str) -> sql.Composable:
        """Give the parameter that stands for a value."""
        self.values.append(given)
        return sql.SQL(f"${len(self.values)}::{kind}")

    @property
    def where(self) -> sql.Composable:
        return sql.SQL(" AND ").join(self.conditions) if self.conditions else sql.SQL("true")


def ids(layer: Layer) -> Ids:
    """Say how the rows of a layer are found again."""
    if layer.key is not None:
        return Ids.KEY
    return Ids.PLACE if layer.has_ctid else Ids.CONTENT


def items(layer: Layer, frame: Frame, asked: Asked, near: tuple[Near, ...] | None) -> tuple[str, list[Any]]:
    """Give the query for a page and one feature more, with its values. Raises Wrong for a broken `after`."""
    statement = _selected(layer, frame, asked, near)
    skip = _continue(statement, layer, asked.after)
    return _features(statement, layer, frame, most=asked.limit + 1, skip=skip)


def item(layer: Layer, frame: Frame, wanted: str) -> tuple[str, list[Any]] | None:
    """Give the query for one feature, with its values; None where nothing can be called that."""
    statement = _Statement()
    kind = ids(layer)
    if kind is Ids.CONTENT:
        if not re.fullmatch(r"[0-9a-f]{32}", wanted):
            return None
        statement.conditions.append(_equals(_CONTENT, statement.value(wanted, "text")))
        return _features(statement, layer, frame, most=1)
    number = _number(wanted)
    if number is None:
        return None
    if kind is Ids.KEY:
        statement.conditions.append(_equals(_key(layer), statement.value(number, "bigint")))
    else:
        statement.conditions.append(_equals(sql.SQL("t.ctid"), statement.value(_place(number), "text::tid")))
    return _features(statement, layer, frame, most=1)


def count(layer: Layer, frame: Frame, asked: Asked, near: tuple[Near, ...] | None) -> tuple[str, list[Any]]:
    """Count the features asked for, up to one more than are counted."""
    statement = _selected(layer, frame, asked, near)
    query = sql.SQL("SELECT count(*) FROM (SELECT FROM {} t WHERE {} LIMIT {}) few").format(
        layer_sql.relation(layer), statement.where, sql.Literal(COUNTED + 1)
    )
    return query.as_string(), statement.values


def after(layer: Layer, asked: Asked, sent: list[str]) -> str:
    """Say where a page ended; `sent` are the ids on it, in order."""
    last = sent[-1]
    if ids(layer) is not Ids.CONTENT:
        return last
    same = len(sent) - sent.index(last)
    if same == len(sent) and asked.after and (match := _HASH.fullmatch(asked.after)) and match[1] == last:
        same += int(match[2])
    return f"{last}.{same}"


def _features(
    statement: _Statement, layer: Layer, frame: Frame, *, most: int, skip: int = 0
) -> tuple[str, list[Any]]:
    fields = sql.SQL(", ").join(sql.SQL("t.{}").format(sql.Identifier(one.name)) for one in layer.fields)
    kind = ids(layer)
    order = {Ids.KEY: _key, Ids.PLACE: lambda _: sql.SQL("t.ctid"), Ids.CONTENT: _by_content}[kind](layer)
    query = template("items").format(
        id=_CONTENT if kind is Ids.CONTENT else layer_sql.row_id(layer),
        fields=fields,
        shape=shape(layer, frame),
        t=layer_sql.relation(layer),
        conditions=statement.where,
        order=order,
        most=sql.Literal(most),
        skip=sql.Literal(skip),
    )
    return query.as_string(), statement.values


def shape(layer: Layer, frame: Frame) -> sql.Composable:
    """Give the geometry in longitudes and latitudes; NULL where it lies outside its coordinate system."""
    own: sql.Composable = layer_sql.geometry(layer)
    if _CURVED & set(frame.types):
        own = sql.SQL("ST_CurveToLine({})").format(own)
    if frame.assumed:
        own = sql.SQL("ST_SetSRID({}, {})").format(own, sql.Literal(frame.srid))
    if frame.srid == 4326:
        return own
    inside = sql.SQL("ST_MakeEnvelope({}, {}, {}, {}, {})").format(
        *map(sql.Literal, (*frame.domain, frame.srid))
    )
    number = sql.SQL(
        "greatest(ST_XMin({g}), ST_YMin({g}), ST_XMax({g}), ST_YMax({g})) <> 'NaN'::float8"  # @ passes NaN
    ).format(g=own)
    return sql.SQL("CASE WHEN {g} @ {inside} AND {number} THEN ST_Transform({g}, 4326) END").format(
        g=own, inside=inside, number=number
    )


def _selected(layer: Layer, frame: Frame, asked: Asked, near: tuple[Near, ...] | None) -> _Statement:
    statement = _Statement()
    if near is not None:
        statement.conditions.append(_within(statement, layer, frame, near))
    column = moment_field(layer)
    if asked.interval and column:
        place = sql.SQL("t.{}").format(sql.Identifier(column.name))
        statement.conditions.append(_during(statement, place, column.type, asked.interval))
    for one, value in asked.equal:
        given = statement.value(value, f"text::{one.type}")  # one of the plain types in FILTERABLE
        statement.conditions.append(_equals(sql.SQL("t.{}").format(sql.Identifier(one.name)), given))
    return statement


def _within(statement: _Statement, layer: Layer, frame: Frame, near: tuple[Near, ...]) -> sql.Composable:
    """Match what intersects one of the boxes, and what lies nowhere, as the standard has it."""
    column, exact = layer_sql.geometry(layer), shape(layer, frame)
    parts = [sql.SQL("{} IS NULL").format(column)]
    for one in near:
        own = _envelope(statement, one.own, frame.srid)
        degrees = own if frame.srid == 4326 else _envelope(statement, one.degrees, 4326)
        parts.append(
            sql.SQL("({g} && {own} AND ST_Intersects({exact}, {degrees}))").format(
                g=column, own=own, exact=exact, degrees=degrees
            )
        )
    return sql.SQL("({})").format(sql.SQL(" OR ").join(parts))


def _envelope(statement: _Statement, box: Box, srid: int) -> sql.Composable:
    sides = sql.SQL(", ").join(statement.value(side, "float8") for side in box)
    return sql.SQL("ST_MakeEnvelope({}, {})").format(sides, sql.Literal(srid))


def _during(statement: _Statement, column: sql.Composable, kind: str, interval: Interval) -> sql.Composable:
    """Match what lies within the interval, and what has no time. Times without a zone are UTC's."""
    form = "timestamptz" if kind == MOMENTS[2] else "timestamp"
    as_date = "::date" if kind == MOMENTS[0] else ""
    parts = []
    for sign, moment in ((">=", interval.since), ("<=", interval.until)):
        if moment is not None:
            given = moment if form == "timestamptz" else moment.replace(tzinfo=None)
            value = statement.value(given, form + as_date)
            parts.append(sql.SQL("{} {} {}").format(column, sql.SQL(sign), value))
    both = sql.SQL(" AND ").join(parts) if parts else sql.SQL("true")
    return sql.SQL("({} IS NULL OR ({}))").format(column, both)


def _continue(statement: _Statement, layer: Layer, after: str | None) -> int:
    """Leave out what earlier pages held; give how many rows of the first id to skip besides."""
    if after is None:
        return 0
    if ids(layer) is Ids.CONTENT:
        match = _HASH.fullmatch(after)
        if not match:
            raise Wrong("'after' is given by the link to the next page; this is none.")
        statement.conditions.append(
            sql.SQL('{} COLLATE "C" >= {}').format(_CONTENT, statement.value(match[1], "text"))
        )
        return int(match[2])
    number = _number(after)
    if number is None:
        raise Wrong("'after' is given by the link to the next page; this is none.")
    if ids(layer) is Ids.KEY:
        beyond = sql.SQL("{} > {}").format(_key(layer), statement.value(number, "bigint"))
    else:
        beyond = sql.SQL("t.ctid > {}").format(statement.value(_place(number), "text::tid"))
    statement.conditions.append(beyond)
    return 0


def _key(layer: Layer) -> sql.Composable:
    return sql.SQL("t.{}").format(sql.Identifier(str(layer.key)))


def _by_content(_: Layer) -> sql.Composable:
    return sql.SQL('{} COLLATE "C"').format(_CONTENT)


def _equals(one: sql.Composable, other: sql.Composable) -> sql.Composable:
    return sql.SQL("{} = {}").format(one, other)


def _number(text: str) -> int | None:
    if not re.fullmatch(r"-?\d{1,19}", text, re.ASCII) or abs(int(text)) > LARGEST_KEY:
        return None
    return int(text)


def _place(number: int) -> str:
    block, line = divmod(max(number, 0), 65536)
    return f"({min(block, 2**32 - 1)},{line})"
