"""Cells made in memory are the cells PostgreSQL makes, and are forgotten when the table changes."""

import asyncio
from types import SimpleNamespace

import pytest

from divebell.database import connect
from divebell.tiles import Tiles
from divebell.tiles.boxes import EXTENT
from divebell.tiles.gathered import gathered, gathering
from divebell.tiles.kept import Place
from divebell.tiles.mvt import encode
from divebell.tiles.style import Stat, Style
from divebell.web.pool import TABLES, open_pool
from live import until

SPOTS = (
    "SELECT i, -179 + 358 * ((i * 7919) % 100003) / 100003.0 AS x, -80 + 160 * ((i * 104729) % 99991) / 99991.0 AS y"
    " FROM generate_series(1, 100000::bigint) i"
)
VALUE = "(ARRAY[1, 2, NULL, 'NaN'::float8, 5])[1 + i % 5] AS rate, i % 7 AS kind"
TABLES_DRAWN = {
    "near_points": f"SELECT i, {VALUE}, ST_SetSRID(ST_MakePoint(x, y), 4326)::geometry(Point, 4326) AS geom FROM ({SPOTS}) p",
    "near_metres": f"SELECT i, {VALUE}, ST_Transform(ST_SetSRID(ST_MakePoint(x, y), 4326), 3857) AS geom FROM ({SPOTS}) p",
    "near_squares": f"SELECT i, {VALUE}, ST_MakeEnvelope(x, y, x + 0.01, y + 0.01, 4326) AS geom FROM ({SPOTS}) p",
    "near_absurd": f"SELECT i, {VALUE}, ST_SetSRID(ST_MakePoint(CASE i % 50 WHEN 0 THEN 1e308 WHEN 1 THEN 'NaN' WHEN 2 THEN"
    f" NULL ELSE x END, y), 4326) AS geom FROM ({SPOTS}) p UNION ALL SELECT 0, 1, 1, 'SRID=4326;POINT EMPTY'",
}
STYLES = [Style(), *(Style("rate", "kind", stat) for stat in Stat), Style("rate", low=2.0, high=5.0)]


async def both(state, name, styles):
    """Give a cell's width and each style's tiles, as PostgreSQL makes them and as memory does."""
    found = []
    async with await open_pool(state, TABLES) as pool:
        tiles = Tiles(pool, views=pool, drafts=pool)
        layer = await tiles.layers.find(name, None)
        frame = (await tiles.drawing(layer)).frame
        for style in styles:
            row = await pool.fetchrow(gathering(layer, frame, style))
            names = [one for one, column in (("value", style.column), ("size", style.size)) if column]
            near = gathered(frame, row["places"], tuple(names))
            for x, y in ((0, 0), (1, 1)):
                place, how = Place(1, x, y, style), (await tiles.drawing(layer)).plan.at(1)
                statement, values = await tiles.statement(layer, place)
                theirs = (await pool.fetchrow(statement.text, *values))["tile"]
                found.append(
                    (EXTENT // how.grid, theirs, encode(name, near.tile((1, x, y), how.grid, style)))
                )
    return found


@pytest.mark.parametrize("name", TABLES_DRAWN)
def test_memory_and_postgresql_count_and_value_each_cell_alike(name, table, cluster, features):
    table(name, TABLES_DRAWN[name])
    for side, theirs, ours in asyncio.run(both(cluster.state, f"data.{name}", STYLES)):
        cells = [
            {
                (one["geometry"].x // side, (EXTENT - one["geometry"].y) // side): one
                for one in features(SimpleNamespace(status_code=200, content=tile))
            }
            for tile in (theirs, ours)
        ]
        assert len(cells[0]) > 1000
        assert cells[0].keys() == cells[1].keys()
        for place, one in cells[0].items():
            other = cells[1][place]
            assert one["geometry"].distance(other["geometry"]) < 1.5
            for key in one.keys() - {"geometry"}:
                assert other[key] == pytest.approx(one[key], nan_ok=True)


def test_a_layer_looked_at_much_is_served_without_postgresql(table, cluster, features):
    name = table("near_much", TABLES_DRAWN["near_points"])

    async def last():
        async with await open_pool(cluster.state, TABLES) as pool:
            tiles = Tiles(pool, views=pool, drafts=pool)
            layer = await tiles.layers.find(name, None)
            for looks in range(40):
                await tiles.tile(layer, Place(0, 0, 0, Style("kind", low=looks / 100)))
            await asyncio.gather(*(asyncio.all_tasks() - {asyncio.current_task()}))  # it is gathered
            pool.terminate()
            return await tiles.tile(layer, Place(0, 0, 0, Style("kind", low=3.0, high=3.0)))

    tile = asyncio.run(last())
    assert tile.kind == "cells"
    found = features(SimpleNamespace(status_code=200, content=tile.body))
    assert sum(one["count"] for one in found) == 14_286


def test_what_is_gathered_is_forgotten_when_the_table_changes(table, cluster, client, features):
    name = table("near_living", TABLES_DRAWN["near_points"])

    def counted(query):
        return sum(
            one["count"] for one in features(client.get(f"tiles/{name}/0/0/0.mvt?column=kind&{query}"))
        )

    for looks in range(20):
        assert counted(f"min={looks / 100}&max=6") in {100_000, 85_715}
    with connect(cluster.state, "event_loader") as loader:
        loader.execute("INSERT INTO data.near_living SELECT i, 1, 3, geom FROM data.near_living LIMIT 5")
    until(lambda: counted("min=3&max=3") == 14_291, "the new rows are not counted")
