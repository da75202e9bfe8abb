"""What a layer's rows say about it: coordinate system, extent, kinds of geometry."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import Enum, auto
from typing import Any

import asyncpg
from psycopg import sql

from divebell.tiles.boxes import WORLD, Box, finite, intersection, to_degrees, to_metres, union, widened
from divebell.tiles.layers import Layer
from divebell.tiles.queries import template

SAMPLE = 50_000
"""Rows looked at; a table with fewer is looked at whole."""
SANE_METRES: Box = (-2e8, -2e8, 2e8, 2e8)
SANE_DEGREES: Box = (-180.0, -90.0, 180.0, 90.0)
MERCATOR = 3857
FEW = 50
"""Up to so many features the map opens on all of them, beyond on the middle 96 %."""

STRAY = 1.6
"""... but only where all of them need more than so many times the room, per axis."""


class Kind(Enum):
    """How a tile's box becomes a box in the layer's own coordinates."""

    DEGREES = auto()
    METRES = auto()
    PROJECTED = auto()


@dataclass(frozen=True)
class Frame:
    """Where and what a layer's rows are. `reason` is None where a map can be drawn."""

    srid: int
    kind: Kind = Kind.DEGREES
    types: tuple[str, ...] = ()
    """Simple Features names of what the rows hold, most frequent first."""
    rows: int = 0
    exact: bool = True
    """Whether `rows` was counted (else it is the planner's estimate)."""
    missing: int = 0
    """Rows without a geometry (exact tables only)."""
    domain: Box = SANE_DEGREES
    """Own coordinates of the rows that can be drawn."""
    bounds: Box | None = None
    """Longitudes and latitudes of all that can be drawn; None for an empty layer."""
    view: Box | None = None
    """What a map opens on."""
    assumed: bool = False
    """Whether the coordinate system is a guess."""
    notes: tuple[str, ...] = ()
    reason: str | None = None

    @property
    def shape(self) -> Frame:
        """The same frame as far as SQL depends on it."""
        bounds = self.bounds and WORLD
        return replace(self, rows=0, exact=True, missing=0, bounds=bounds, view=None, notes=())


async def measure(pool: Any, layer: Layer) -> Frame:
    """Look at a layer's rows. Raises what asyncpg raises when the relation is gone or takes too long."""
    found = await pool.fetchrow(_sample_sql(layer))
    frame = described(layer, found)
    if frame.reason or not found["geometries"]:
        return frame
    names_system = frame.srid in {0, 4326, MERCATOR} or await pool.fetchval(
        "SELECT proj4text LIKE '%longlat%' AND proj4text !~ '\\+(pm|to_meter|units)=' FROM spatial_ref_sys"
        " WHERE srid = $1",
        frame.srid,
    )
    if names_system is None:
        return replace(
            frame,
            reason=f"This database does not know its coordinate system ({frame.srid}).",
        )
    placed = with_system(frame, geographic=bool(names_system) and frame.srid != MERCATOR, found=found)
    if placed.reason:
        return placed
    return await _bounded(pool, layer, placed, found)


def described(layer: Layer, found: Mapping[str, Any]) -> Frame:
    """Begin a frame: kinds, counts and the declared or found coordinate system."""
    srids = sorted(found["srids"] or ())
    srid = layer.srid or (srids[0] if srids else 0)
    exact = not _large(layer) and found["rows"] < SAMPLE * 4
    notes = []
    if len(srids) > 1:
        systems = ", ".join(map(str, srids))
        notes.append(f"Its rows are in several coordinate systems ({systems}); some may be missing.")
    return Frame(
        srid=srid,
        types=tuple(found["types"] or ()),
        rows=found["rows"] if exact else max(layer.estimate, found["rows"]),
        exact=exact,
        missing=found["rows"] - found["geometries"] if exact else 0,
        notes=tuple(notes),
    )


def with_system(frame: Frame, *, geographic: bool, found: Mapping[str, Any]) -> Frame:
    """Decide how to place the rows; coordinates without a system are taken for degrees if they can be."""
    if frame.srid == 0:
        middle = _box(found["middle"])
        if middle is None or intersection(middle, SANE_DEGREES) != middle:
            return replace(
                frame,
                reason="It does not say which coordinate system it is in, and its coordinates are no "
                "longitudes and latitudes. Set it with ST_SetSRID, or name it (crs) in the event file.",
            )
        note = (
            "It does not say which coordinate system it is in; its coordinates are taken for longitude "
            "and latitude (EPSG:4326)."
        )
        return replace(frame, srid=4326, assumed=True, notes=(*frame.notes, note))
    if frame.srid == MERCATOR:
        return replace(frame, kind=Kind.METRES, domain=SANE_METRES)
    return frame if geographic else replace(frame, kind=Kind.PROJECTED, domain=SANE_METRES)


async def _bounded(pool: Any, layer: Layer, frame: Frame, found: Mapping[str, Any]) -> Frame:
    """Find what can be drawn, and where a map of it opens."""
    sane = SANE_DEGREES if frame.kind is Kind.DEGREES else SANE_METRES
    everything = _box(found["sane_degrees" if frame.kind is Kind.DEGREES else "sane_metres"])
    if everything is not None and not frame.exact:
        extent = await pool.fetchrow(_extent_sql(layer), *sane)
        everything = _box(list(extent)) or everything
    middle = _box(found["middle"])
    if everything is None or middle is None:
        return replace(
            frame,
            reason="None of its coordinates is within the range of its coordinate system.",
        )
    middle = intersection(middle, everything) or everything
    bounds = await degrees(pool, frame, everything)
    if bounds is None:  # some coordinate within range is still outside the projection
        everything = widened(middle, 1.0)
        bounds = await degrees(pool, frame, everything) or await degrees(pool, frame, middle)
    if bounds is None:
        return replace(
            frame, reason="Its coordinates lie outside the area its coordinate system is made for."
        )
    view = bounds
    if found["geometries"] > FEW and not _much_of(middle, everything):
        view = await degrees(pool, frame, middle) or bounds
    domain = sane if frame.kind is not Kind.PROJECTED else everything
    shown = intersection(widened(view, 0.04), WORLD)
    return replace(frame, domain=domain, bounds=bounds, view=shown, notes=_outside(frame, found))


def _outside(frame: Frame, found: Mapping[str, Any]) -> tuple[str, ...]:
    inside = found["in_degrees" if frame.kind is Kind.DEGREES else "in_metres"]
    strays = found["geometries"] - found["empty"] - inside
    if not frame.exact or strays <= 0:
        return frame.notes
    rows = "1 row lies" if strays == 1 else f"{strays:,} rows lie"
    return (
        *frame.notes,
        f"{rows} partly or wholly outside the range of the coordinate system; that part is not drawn.",
    )


def _much_of(middle: Box, everything: Box) -> bool:
    """Say whether a box around nearly all features shows hardly less than one around all of them."""
    across, up = everything[2] - everything[0], everything[3] - everything[1]
    return across <= STRAY * (middle[2] - middle[0]) and up <= STRAY * (middle[3] - middle[1])


async def degrees(pool: Any, frame: Frame, box: Box) -> Box | None:
    """Turn a box in the layer's coordinates into degrees, or None where that cannot be done."""
    if frame.kind is Kind.METRES:
        clipped = intersection(box, to_metres(WORLD))
        return to_degrees(clipped) if clipped else None
    if frame.srid == 4326:
        return box
    try:
        rows = await pool.fetch(_lattice_sql(), *box, frame.srid)
    except asyncpg.PostgresError:
        return None
    found = union([(row["x"], row["y"], row["x"], row["y"]) for row in rows])
    return intersection(found, SANE_DEGREES) if finite(found) else None


def _large(layer: Layer) -> bool:
    return layer.kind in {"r", "m"} and layer.estimate > SAMPLE


def _sample_sql(layer: Layer) -> str:
    """Look at all rows of a small table, at random pages of a large one, at the first of a view."""
    column = sql.SQL("t.{}").format(sql.Identifier(layer.geometry))
    if layer.geography:
        column = sql.SQL("{}::geometry").format(column)
    take = sql.SQL("LIMIT {}").format(sql.Literal(SAMPLE * 4))
    if _large(layer):
        percent = min(100.0, 100.0 * SAMPLE / max(layer.estimate, 1))
        take = sql.SQL("TABLESAMPLE SYSTEM ({})").format(sql.Literal(round(percent, 4)))
    return (
        template("sample")
        .format(
            g=column,
            t=sql.Identifier(layer.schema, layer.table),
            take=take,
            degrees=_envelope(SANE_DEGREES),
            metres=_envelope(SANE_METRES),
        )
        .as_string()
    )


def _extent_sql(layer: Layer) -> str:
    column = sql.SQL("t.{}").format(sql.Identifier(layer.geometry))
    if layer.geography:
        column = sql.SQL("{}::geometry").format(column)
    query = sql.SQL(
        "SELECT ST_XMin(e), ST_YMin(e), ST_XMax(e), ST_YMax(e)"
        " FROM (SELECT ST_Extent({g})::box3d AS e FROM {t} t WHERE {g} @ ST_MakeEnvelope"
        "($1::float8, $2::float8, $3::float8, $4::float8)) whole"
    )
    return query.format(g=column, t=sql.Identifier(layer.schema, layer.table)).as_string()


def _lattice_sql() -> str:
    """Give points spread over a box in degrees: corners alone miss poles and curved sides."""
    return (
        "SELECT ST_X(p) AS x, ST_Y(p) AS y FROM generate_series(0, 16) i, generate_series(0, 16) j,"
        " LATERAL ST_Transform(ST_SetSRID(ST_MakePoint($1::float8 + ($3::float8 - $1::float8) * i / 16.0,"
        " $2::float8 + ($4::float8 - $2::float8) * j / 16.0), $5::int), 4326) p"
    )


def _envelope(box: Box) -> sql.Composable:
    return sql.SQL("ST_MakeEnvelope({}, {}, {}, {})").format(*map(sql.Literal, box))


def _box(sides: Any) -> Box | None:
    if not sides or any(side is None for side in sides):
        return None
    box = (float(sides[0]), float(sides[1]), float(sides[2]), float(sides[3]))
    return box if finite(box) else None
