"""The number PostGIS knows a coordinate reference system by; one without authority gets its own number."""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import psycopg
import pyproj
from pyproj.enums import WktVersion
from pyproj.exceptions import CRSError, ProjError

from divebell.pipeline.catalogue import Connection
from divebell.readers import Geometry

FIRST_OWN, LAST = 910_000, 998_999
"""PostGIS leaves the numbers from the first to the last to its users."""
_SAME_AS_4326 = frozenset({"OGC:CRS84", "CRS:84", "OGC:84"})
_LONGEST = 2048


@dataclass(frozen=True)
class Reference:
    """How a layer's coordinates are to be understood; SRID 0 where that is not known."""

    srid: int = 0
    code: str | None = None
    projected: pyproj.CRS | None = None
    warning: str | None = None


def understood(code: str | None, wkt: str | None) -> Reference:
    """Understand what a file says of its coordinates, without a database; the SRID stays 0."""
    text = code or wkt
    if text is None:
        return Reference()
    code = "EPSG:4326" if text.upper() in _SAME_AS_4326 else code
    try:
        return Reference(code=code, projected=pyproj.CRS.from_user_input(code or text))
    except CRSError:
        return Reference(warning=f"its coordinate reference system is not understood: {text[:200]}")


def reference(connection: Connection, geometry: Geometry) -> Reference:
    """Find or register a layer's CRS. One that PostGIS cannot take is SRID 0 and a warning, never another."""
    known = understood(geometry.crs, geometry.crs_wkt)
    code, crs = known.code, known.projected
    if crs is None:
        return known
    try:
        with connection.transaction():
            srid = _registered(connection, code, crs) or _register(connection, code, crs)
    except psycopg.errors.InsufficientPrivilege:
        srid = None
    if srid is None:
        name = code or crs.name
        return Reference(
            warning=f"PostGIS does not know its coordinate reference system, {name}: its SRID is 0"
        )
    return Reference(srid, code, crs)


def bounds(extent: tuple[float, float, float, float], crs: pyproj.CRS) -> list[float] | None:
    """Give west, south, east, north (EPSG:4326) of an extent in `crs`, None where it has no place there."""
    try:
        transformer = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
        west, south, east, north = transformer.transform_bounds(*extent, densify_pts=21)
    except ProjError:
        return None
    if not all(abs(value) <= 360 for value in (west, south, east, north)):
        return None
    if west > east:  # across the date line
        west, east = -180.0, 180.0
    return [west, max(south, -90.0), east, min(north, 90.0)]


def _registered(connection: Connection, code: str | None, crs: pyproj.CRS) -> int | None:
    if code:
        name, _, number = code.partition(":")
        if not number.isdecimal():
            return None
        row = connection.execute(
            "SELECT srid FROM spatial_ref_sys WHERE upper(auth_name) = upper(%s) AND auth_srid = %s "
            "ORDER BY srid LIMIT 1",
            (name, int(number)),
        ).fetchone()
    else:
        row = connection.execute(
            "SELECT srid FROM spatial_ref_sys WHERE srid >= %s AND auth_name IS NULL AND srtext = %s",
            (FIRST_OWN, _wkt(crs)),
        ).fetchone()
    return int(row[0]) if row else None


def _register(connection: Connection, code: str | None, crs: pyproj.CRS) -> int | None:
    text = _wkt(crs)
    if len(text) > _LONGEST:
        return None
    row = connection.execute(
        "INSERT INTO spatial_ref_sys (srid, auth_name, auth_srid, srtext, proj4text) "
        "SELECT coalesce(max(srid) + 1, %s), %s, %s, %s, %s FROM spatial_ref_sys WHERE srid >= %s "
        "HAVING coalesce(max(srid), 0) < %s RETURNING srid",
        (FIRST_OWN, *_authority(code), text, _proj4(crs), FIRST_OWN, LAST),
    ).fetchone()
    return int(row[0]) if row else None


def _authority(code: str | None) -> tuple[str | None, int | None]:
    name, _, number = (code or "").partition(":")
    return (name.upper(), int(number)) if number.isdecimal() else (None, None)


def _wkt(crs: pyproj.CRS) -> str:
    """Give the WKT most programs read, or the newer kind where the old one cannot say it."""
    try:
        return crs.to_wkt(WktVersion.WKT1_GDAL) or crs.to_wkt()
    except CRSError:
        return crs.to_wkt()


def _proj4(crs: pyproj.CRS) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that some of a CRS may be lost in this form is well known
        return (crs.to_proj4() or "")[:_LONGEST]
