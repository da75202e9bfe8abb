"""Ask a layer's rows where they lie, so that it can be decided how each zoom is drawn."""

from __future__ import annotations

import asyncio
from typing import Any

import numpy as np
from psycopg import sql

from divebell.tiles import sql as layer_sql
from divebell.tiles.boxes import HALF_WORLD, to_metres
from divebell.tiles.cells import middle
from divebell.tiles.frames import Frame, Kind
from divebell.tiles.layers import Layer
from divebell.tiles.plan import WHOLE_ROWS, Plan, Sample, plan
from divebell.tiles.queries import template

SAMPLE = 50_000
"""Rows looked at: hundreds in the fullest tile that may be whole, where a table has millions."""


async def decide(pool: Any, layer: Layer, frame: Frame) -> Plan:
    """Decide how the tiles of each zoom are made."""
    if frame.reason or frame.bounds is None or frame.rows <= WHOLE_ROWS:
        return Plan()
    share = min(1.0, SAMPLE / frame.rows)
    row = await pool.fetchrow(density_sql(layer, share))
    if not row["x"]:
        return Plan()
    return await asyncio.to_thread(
        lambda: plan(placed(frame, row["x"], row["y"], row["size"], scale=1 / share))
    )


def placed(frame: Frame, x: list[float], y: list[float], size: list[float], *, scale: float) -> Sample:
    """Turn own coordinates into world widths; of a projected layer only as well as its box tells."""
    xs, ys, sizes = (np.asarray(each, dtype=float) for each in (x, y, size))
    match frame.kind:
        case Kind.DEGREES:
            north = np.arcsinh(np.tan(np.radians(np.clip(ys, -89.9, 89.9))))
            return Sample((xs + 180) / 360, (1 - north / np.pi) / 2, sizes / 360, scale)
        case Kind.METRES:
            whole = 2 * HALF_WORLD
            return Sample((xs + HALF_WORLD) / whole, (HALF_WORLD - ys) / whole, sizes / whole, scale)
        case Kind.PROJECTED:
            own = frame.domain
            west, south, east, north_edge = to_metres(frame.bounds or (-180.0, -85.0, 180.0, 85.0))
            across = (east - west) / max(own[2] - own[0], 1e-9)
            up = (north_edge - south) / max(own[3] - own[1], 1e-9)
            inside = (xs >= own[0]) & (xs <= own[2]) & (ys >= own[1]) & (ys <= own[3])
            u = (west + (xs[inside] - own[0]) * across + HALF_WORLD) / (2 * HALF_WORLD)
            v = (HALF_WORLD - south - (ys[inside] - own[1]) * up) / (2 * HALF_WORLD)
            return Sample(u, v, sizes[inside] * max(across, up) / (2 * HALF_WORLD), scale)


def density_sql(layer: Layer, share: float) -> str:
    """Give middles and sizes of a share of a layer's rows."""
    x, y = middle(layer)
    take = sql.SQL("WHERE random() < {}").format(sql.Literal(share))
    if layer.kind in {"r", "m"} and share < 1:
        take = sql.SQL("TABLESAMPLE BERNOULLI ({})").format(sql.Literal(round(100 * share, 6)))
    return (
        template("density")
        .format(x=x, y=y, g=layer_sql.geometry(layer), t=layer_sql.relation(layer), take=take)
        .as_string()
    )
