"""`divebell.show` and `divebell.map`, as a volunteer's own Python runs them."""

import datetime as dt

import geopandas
import numpy as np
import pandas as pd
import pytest
from shapely.geometry import LineString, Point, Polygon, box

import divebell
from divebell.database import conninfo
from divebell.errors import DivebellError


@pytest.fixture
def zoe(volunteer, cluster, monkeypatch):
    """Zoe's own Python, and a connection as herself."""
    with volunteer("zoe") as connection:
        for (name,) in connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'v_zoe'::regnamespace AND relkind = 'r'"
        ).fetchall():
            connection.execute(f'DROP TABLE IF EXISTS v_zoe."{name}" CASCADE')
        known = {
            **conninfo(cluster.state, "event_hub"),
            "user": "v_zoe",
            "password": connection.info.password,
        }
        for key in ("host", "port", "dbname", "user", "password"):
            variable = "PGDATABASE" if key == "dbname" else f"PG{key.upper()}"
            monkeypatch.setenv(variable, str(known[key]))
        yield connection


def places(count=3, **columns):
    shapes = [Point(i, 40 + i) for i in range(count)]
    return geopandas.GeoDataFrame({"rate": range(count), **columns}, geometry=shapes, crs=4326)


def test_a_frame_becomes_an_indexed_table_of_ones_own_and_a_map(zoe):
    shown = divebell.show(places(), "homes", color="rate")
    assert shown.url == "/services/event/maps/v_zoe.homes#column=rate"
    assert 'src="/services/event/maps/v_zoe.homes?embed=1#column=rate"' in shown._repr_html_()
    assert zoe.execute("SELECT count(*), min(ST_SRID(geometry)) FROM v_zoe.homes").fetchone() == (3, 4326)
    assert zoe.execute(
        "SELECT count(*) FROM pg_indexes WHERE tablename = 'homes' AND indexdef ~ 'gist'"
    ).fetchone() == (1,)


def test_showing_again_replaces_what_was_shown_and_keeps_it_shared(zoe):
    divebell.show(places(3), "homes")
    divebell.share("homes")
    divebell.show(places(5, more=list("abcde")), "homes")
    assert zoe.execute("SELECT count(more) FROM v_zoe.homes").fetchone() == (5,)
    assert zoe.execute("SELECT has_table_privilege('event_reader', 'v_zoe.homes', 'SELECT')").fetchone() == (
        True,
    )


def test_a_table_that_show_did_not_make_is_never_replaced(zoe):
    zoe.execute("CREATE TABLE v_zoe.precious AS SELECT 1 AS n")
    with pytest.raises(DivebellError, match=r"divebell\.show did not make"):
        divebell.show(places(), "precious")
    assert zoe.execute("SELECT n FROM v_zoe.precious").fetchone() == (1,)


def test_a_failed_show_leaves_what_was_shown_before(zoe):
    divebell.show(places(), "homes")
    zoe.execute("CREATE VIEW v_zoe.of_homes AS SELECT rate FROM v_zoe.homes")
    with pytest.raises(DivebellError, match="of_homes"):
        divebell.show(places(9), "homes")
    assert zoe.execute("SELECT count(*) FROM v_zoe.homes").fetchone() == (3,)


@pytest.mark.parametrize(
    ("frame", "words"),
    [
        (pd.DataFrame({"lon": [1.0]}), "a map needs a GeoDataFrame, and this is a DataFrame"),
        (None, "this is a NoneType"),
        (places().set_crs(None, allow_override=True), "which coordinate system"),
        (places(0), "no row with a geometry"),
        (geopandas.GeoDataFrame({"a": [1]}, geometry=[None], crs=4326), "no row with a geometry"),
        (geopandas.GeoDataFrame({"a": [1]}), "no geometry column"),
        (geopandas.GeoDataFrame(geometry=[Point(np.inf, 1)], crs=4326), "infinite"),
        (geopandas.GeoDataFrame(geometry=[Point(1e300, 1), Point(0, 0)], crs=4326), "absurdly large"),
    ],
)
def test_what_cannot_be_on_a_map_is_refused_in_words(zoe, frame, words):
    with pytest.raises(DivebellError, match=words):
        divebell.show(frame)


def test_any_frame_that_can_be_is_shown_whatever_its_columns_hold(zoe):
    frame = geopandas.GeoDataFrame(
        {
            "<img src=x onerror=alert(1)>": ["<b>", None, "x"],
            'with "quotes" and 100%': [1, 2, 3],
            "x" * 80: [1.5, np.nan, np.inf],
            "x" * 79 + "y": [True, False, True],
            "": [None, None, None],
            7: [[1, 2], {"a": 1}, None],
            "when": [dt.date(2021, 1, 1), None, dt.date(2021, 1, 2)],
            "at": pd.to_datetime(["2021-01-01", None, "2021-01-02"]),
            "kind": pd.Categorical(["a", None, "b"]),
            "span": pd.to_timedelta([1, None, 3], unit="h"),
            "month": pd.PeriodIndex(["2021-01", "2021-02", None], freq="M"),
            "other": geopandas.GeoSeries([Point(0, 0), None, box(0, 0, 1, 1)]),
        },
        geometry=[Point(1, 2, 3), Polygon([(0, 0), (1, 0), (1, 1)]), LineString([(0, 0), (1, 1)])],
        crs="+proj=laea +lat_0=10 +lon_0=20",
    )
    divebell.show(frame, "Odd / name?")
    columns = [row[0] for row in zoe.execute('SELECT * FROM v_zoe."Odd / name?"').description]
    assert "<img src=x onerror=alert(1)>" in columns
    assert len(columns) == len(frame.columns)
    assert zoe.execute('SELECT count(*), min(ST_SRID(geometry)) FROM v_zoe."Odd / name?"').fetchone() == (
        3,
        4326,
    )


def test_a_map_names_the_column_that_was_meant(zoe):
    divebell.show(places(), "homes")
    with pytest.raises(DivebellError, match="no column 'rates'") as refused:
        divebell.map("homes", color="rates")
    assert "did you mean 'rate'?" in str(refused.value.next_step)
    with pytest.raises(DivebellError, match="there is no scheme"):
        divebell.map("homes", color="rate", scheme="jenks")
    assert divebell.map("homes", color="rate", scheme="natural", classes=7).url.endswith(
        "maps/v_zoe.homes#column=rate&scheme=natural&k=7"
    )
