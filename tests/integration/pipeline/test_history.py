"""What became of a dataset can be asked, whatever happened to it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from psycopg import sql

from divebell.database import admin
from divebell.database.history import Change, history
from divebell.database.migrate import apply, migrations
from divebell.pipeline import catalogue

from .conftest import Loading

WELLS = "id,depth\n1,10\n2,20\n"


def told(changes: tuple[Change, ...]) -> list[tuple[str, int]]:
    return [(change.what, change.rows) for change in changes]


def test_each_change_of_a_table_is_told_with_its_commit(loading: Loading) -> None:
    first = loading.repo.commit({"data/wells.csv": WELLS})
    loading.load()
    second = loading.repo.commit({"data/wells.csv": "id,note\n1,a\n2,b\n3,c\n"})
    loading.load()
    newest, oldest = history(loading.connection, "wells")
    assert (oldest.what, oldest.rows, oldest.commit) == ("added", 2, first)
    assert (newest.what, newest.rows, newest.rows_before, newest.commit) == ("changed", 3, 2, second)
    assert (newest.columns_added, newest.columns_removed) == (("note",), ("depth",))
    assert newest.author == "test@localhost"


def test_history_goes_on_through_renames_deletions_and_returns(loading: Loading) -> None:
    loading.load({"data/wells.csv": WELLS, "data/other.csv": WELLS + "9,9\n"})
    loading.load({"data/wells.csv": None, "data/boreholes.csv": WELLS})
    loading.load({"data/boreholes.csv": None})
    loading.load({"data/boreholes.csv": WELLS + "3,30\n"})
    changes = history(loading.connection, "boreholes")
    assert told(changes) == [("restored", 3), ("dropped", 0), ("renamed", 2), ("added", 2)]
    assert changes[1].commit is not None
    assert history(loading.connection, "data/boreholes.csv") == changes
    assert history(loading.connection, "nothing") == ()


def test_a_retired_table_says_so_until_it_is_dropped(loading: Loading) -> None:
    loading.load({"data/wells.csv": WELLS, "data/other.csv": WELLS})
    loading.connection.execute("CREATE VIEW data.deep AS SELECT * FROM data.wells")
    loading.load({"data/wells.csv": None})
    assert told(history(loading.connection, "wells")) == [("retired", 2), ("added", 2)]
    loading.connection.execute("DROP VIEW data.deep")
    loading.load()
    assert told(history(loading.connection, "wells")) == [("dropped", 0), ("retired", 2), ("added", 2)]


def test_originals_of_repaired_geometries_go_with_their_table(loading: Loading) -> None:
    loading.load({"data/wells.csv": WELLS})
    loading.connection.execute(
        "CREATE TEMP TABLE fixes AS SELECT 1 AS row_id, ST_Point(0, 0) AS repaired, "
        "ST_GeomFromText('POLYGON((0 0, 1 1, 1 0, 0 1, 0 0))') AS original, 'crosses itself'::text AS reason"
    )
    assert catalogue.keep_originals(loading.connection, "wells", sql.Identifier("pg_temp", "fixes")) == 1
    loading.load({"data/wells.csv": None, "data/boreholes.csv": WELLS})
    assert loading.rows("SELECT table_name, row_id, reason FROM catalogue.original_geometry") == [
        ("boreholes", 1, "crosses itself")
    ]
    loading.load({"data/boreholes.csv": WELLS + "3,30\n"})
    assert loading.column("SELECT count(*) FROM catalogue.original_geometry") == [0]


def test_an_event_of_an_earlier_version_keeps_its_data_and_begins_its_history(
    event_folder: Any, run_server: Any, tmp_path: Path
) -> None:
    from divebell.database import prepare
    from divebell.database.migrate import _create_database

    with run_server(event_folder):
        with admin(event_folder.state, "postgres", autocommit=True) as server:
            _create_database(server)
        with admin(event_folder.state, autocommit=True) as database:
            apply(database, migrations()[:4])
            database.execute("CREATE TABLE data.wells (row_id integer PRIMARY KEY)")
            database.execute(
                "INSERT INTO catalogue.dataset (file, table_name, format, identity, commit, committed_at, author,"
                " rows, columns, load_seconds) VALUES ('data/wells.csv', 'wells', 'csv', 'old', 'c', now(), 'ann',"
                " 0, '[]', 1)"
            )
        prepare(event_folder.event, event_folder.state)
        with admin(event_folder.state, autocommit=True) as database:
            [change] = history(database, "wells")
            assert (change.what, change.commit) == ("added", "c")
            assert database.execute(
                "SELECT has_table_privilege('volunteers', 'data.wells', 'REFERENCES')"
            ).fetchone() == (True,)
