"""Coordinate reference systems: an authority code only when it is certain, the WKT otherwise."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError

_SAME_METRES = 0.001


@dataclass(frozen=True)
class Reference:
    """What is known of a layer's reference system, and what to say about it."""

    code: str | None = None
    wkt: str | None = None
    warnings: tuple[str, ...] = ()

    @property
    def in_degrees(self) -> bool:
        """Whether it counts in degrees."""
        return is_geographic(self.code or self.wkt or "")

    def unless_beyond(self, *, fits: bool) -> Reference:
        """Give it as long as the coordinates fit; with most of them beyond degrees it is certainly wrong."""
        if fits or not self.in_degrees:
            return self
        crs = CRS.from_user_input(self.code or self.wkt)
        declared = f"{crs.name} ({self.code})" if self.code else crs.name
        told = (
            f"the file declares longitudes and latitudes in {declared}, but most of its coordinates "
            f"lie beyond degrees; its reference system is unknown; give it with 'crs' in the event file"
        )
        return Reference(warnings=(told,))


UNKNOWN = Reference(
    warnings=("the file does not say its coordinate reference system; give it with 'crs' in the event file",)
)


@lru_cache(maxsize=256)
def is_geographic(code: str) -> bool:
    """Whether a reference system counts in degrees. Unknown codes do not."""
    try:
        return bool(CRS.from_user_input(code).is_geographic)
    except CRSError:
        return False


@lru_cache(maxsize=256)
def identify(definition: str, suggestion: str | None = None) -> Reference:
    """Identify a reference system from its code or WKT.

    `suggestion` is a code that another program found for it; it is believed only where it puts points exactly
    where the definition does.
    """
    try:
        crs = CRS.from_user_input(definition)
    except CRSError:
        return Reference(
            warnings=(
                "its coordinate reference system cannot be understood; give it with 'crs' in the event file",
            )
        )
    if crs.is_engineering or (crs.name.lower().startswith(("undefined", "unknown")) and not _own_code(crs)):
        return UNKNOWN
    told: tuple[str, ...] = ()
    if crs.is_compound:
        crs, told = crs.sub_crs_list[0], ("heights stay in the file's own system, which is not recorded",)
    if crs.is_bound and crs.source_crs is not None:
        crs = crs.source_crs
    if crs.to_wkt() == CRS.from_user_input("OGC:CRS84").to_wkt() or definition.upper().endswith("CRS84"):
        return Reference("EPSG:4326", warnings=told)
    code = _own_code(crs) or _certain(crs) or _confirmed(crs, suggestion)
    if code is not None:
        return Reference(code, warnings=told)
    return Reference(
        wkt=crs.to_wkt(),
        warnings=(
            f"no code fits its coordinate reference system ('{crs.name}') for certain; it is kept as it is",
            *told,
        ),
    )


def _own_code(crs: CRS) -> str | None:
    """Give the code that the definition names, where it is one that others know and puts points alike."""
    declared = crs.to_json_dict().get("id")
    if not isinstance(declared, dict):
        return None
    code = f"{declared['authority']}:{declared['code']}"
    try:
        return code if same_place(crs, CRS.from_user_input(code)) else None
    except CRSError:
        return None


def _certain(crs: CRS) -> str | None:
    found = crs.to_authority(min_confidence=100)
    return ":".join(found) if found and same_place(crs, CRS.from_authority(*found)) else None


def _confirmed(crs: CRS, suggestion: str | None) -> str | None:
    if suggestion is None or not re.fullmatch(r"[A-Za-z]+:\w+", suggestion):
        return None
    try:
        return suggestion if same_place(crs, CRS.from_user_input(suggestion)) else None
    except CRSError:
        return None


def same_place(one: CRS, other: CRS) -> bool:
    """Whether two systems put the same degrees on the same coordinates, to a millimetre."""
    if one.is_geographic != other.is_geographic or one.ellipsoid is None or other.ellipsoid is None:
        return False
    if abs(one.ellipsoid.semi_major_metre - other.ellipsoid.semi_major_metre) > 0.01:
        return False
    if abs(one.ellipsoid.inverse_flattening - other.ellipsoid.inverse_flattening) > 1e-5:
        return False
    if (
        one.prime_meridian
        and other.prime_meridian
        and one.prime_meridian.longitude != other.prime_meridian.longitude
    ):
        return False
    return one.is_geographic or _project_alike(one, other)


def _project_alike(one: CRS, other: CRS) -> bool:
    area = other.area_of_use
    west, south, east, north = (
        (area.west, area.south, area.east, area.north) if area else (-179, -80, 179, 80)
    )
    lon, lat = (
        grid.ravel() for grid in np.meshgrid(np.linspace(west, east, 5), np.linspace(south, north, 5))
    )
    try:
        places = [
            np.array(Transformer.from_crs(crs.geodetic_crs, crs, always_xy=True).transform(lon, lat))
            for crs in (one, other)
        ]
    except ProjError:
        return False
    finite = np.isfinite(places[0]) & np.isfinite(places[1])
    return bool(finite.any()) and bool(np.all(np.abs(places[0] - places[1])[finite] < _SAME_METRES))
