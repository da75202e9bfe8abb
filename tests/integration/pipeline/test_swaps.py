"""While a table is replaced, what others built on it and what others are reading is left in peace."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from divebell.database import admin, connect, provision
from divebell.pipeline import swap

from .conftest import Loading
from .loaders import wait_for

WELLS = "id,depth\n1,10\n2,20\n"


@pytest.fixture
def ann(loading: Loading) -> Iterator[psycopg.Connection[Any]]:
    """Give a volunteer's connection."""
    with connect(loading.state, "event_hub", autocommit=True) as hub:
        password = provision(hub, "ann")
    with psycopg.connect(
        host="127.0.0.1",
        port=loading.connection.info.port,
        dbname="event",
        user="v_ann",
        password=password,
        autocommit=True,
    ) as connection:
        yield connection
    with admin(loading.state, autocommit=True) as database:
        database.execute("DROP OWNED BY v_ann CASCADE")


def test_a_volunteers_view_survives_and_shows_the_new_rows(loading: Loading, ann: Any) -> None:
    loading.load({"data/wells.csv": WELLS})
    ann.execute("CREATE VIEW v_ann.deep AS SELECT id FROM data.wells WHERE depth > 15")
    loading.load({"data/wells.csv": WELLS + "3,30\n"})
    assert loading.listing.failed == ()
    assert ann.execute("SELECT id FROM v_ann.deep ORDER BY id").fetchall() == [(2,), (3,)]


def test_a_view_survives_new_columns_and_the_loss_of_those_it_does_not_use(
    loading: Loading, ann: Any
) -> None:
    loading.load({"data/wells.csv": "id,depth,note\n1,10,a\n"})
    ann.execute("CREATE VIEW v_ann.ids AS SELECT id FROM data.wells")
    loading.load({"data/wells.csv": "id,owner,depth\n1,me,ten\n2,you,twenty\n"})
    assert loading.listing.failed == ()
    assert ann.execute("SELECT count(*) FROM v_ann.ids").fetchone() == (2,)
    assert ann.execute("SELECT id, owner, depth FROM data.wells ORDER BY row_id").fetchall() == [
        (1, "me", "ten"),
        (2, "you", "twenty"),
    ]
    [entry] = loading.listing.datasets
    assert [column["name"] for column in entry.columns] == ["id", "owner", "depth"]
    assert loading.column(
        "SELECT col_description(attrelid, attnum) FROM pg_attribute "
        "WHERE attrelid = 'data.wells'::regclass AND attname = 'owner'"
    ) == ["owner"]


def test_a_view_on_a_column_that_goes_is_named_and_the_old_table_stays(loading: Loading, ann: Any) -> None:
    loading.load({"data/wells.csv": WELLS})
    ann.execute("CREATE VIEW v_ann.deep AS SELECT depth FROM data.wells")
    listing = loading.load({"data/wells.csv": "id\n1\n2\n3\n"})
    assert "v_ann.deep (of v_ann)" in listing.failed[0].reason
    assert loading.column("SELECT count(depth) FROM data.wells") == [2]
    ann.execute("DROP VIEW v_ann.deep")
    assert loading.load().failed == ()
    assert loading.column("SELECT count(*) FROM data.wells") == [3]


def test_the_table_of_a_deleted_file_retires_while_a_view_uses_it(loading: Loading, ann: Any) -> None:
    loading.load({"data/wells.csv": WELLS, "data/sites.csv": WELLS})
    ann.execute("CREATE VIEW v_ann.deep AS SELECT depth FROM data.wells")
    listing = loading.load({"data/wells.csv": None})
    [retired] = [entry for entry in listing.datasets if entry.retired_at]
    assert (retired.table_name, retired.used_by) == ("wells", ["view v_ann.deep (of v_ann)"])
    assert listing.failed == ()
    assert ann.execute("SELECT depth FROM v_ann.deep ORDER BY 1").fetchall() == [(10,), (20,)]
    ann.execute("DROP VIEW v_ann.deep")
    assert [entry.table_name for entry in loading.load().datasets] == ["sites"]
    assert loading.tables == {"sites"}


def test_a_retired_table_is_the_files_again_when_it_comes_back(loading: Loading, ann: Any) -> None:
    loading.load({"data/wells.csv": WELLS, "data/sites.csv": WELLS})
    ann.execute("CREATE VIEW v_ann.deep AS SELECT depth FROM data.wells")
    loading.load({"data/wells.csv": None})
    listing = loading.load({"data/wells.csv": WELLS})
    assert [entry.retired_at for entry in listing.datasets] == [None, None]
    assert loading.summaries[-1].loaded == 0


def test_a_reader_never_sees_a_half_loaded_table(loading: Loading, ann: Any) -> None:
    sizes = (2000, 3000)
    files = ["id,batch\n" + "".join(f"{row},{size}\n" for row in range(size)) for size in sizes]
    loading.load({"data/wells.csv": files[0]})
    seen: set[tuple[int, int, int]] = set()
    problems: list[Exception] = []
    done = threading.Event()

    def read() -> None:
        try:
            while not done.is_set():
                query = "SELECT count(*), min(batch), max(batch) FROM data.wells"
                seen.update(ann.execute(query).fetchall())
        except psycopg.Error as error:
            problems.append(error)

    reader = threading.Thread(target=read, daemon=True)
    reader.start()
    for turn in range(4):
        loading.load({"data/wells.csv": files[1 - turn % 2]})
        size = sizes[1 - turn % 2]
        wait_for(lambda s=size: problems or (s, s, s) in seen, "the reader reads on")  # type: ignore[misc]
    done.set()
    reader.join()
    assert problems == []
    assert seen == {(size, size, size) for size in sizes}


def test_a_reader_that_never_ends_postpones_the_swap(
    loading: Loading, ann: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(swap, "TRIES", 2)
    loading.load({"data/wells.csv": WELLS})
    with ann.transaction():
        ann.execute("SELECT count(*) FROM data.wells")
        [failure] = loading.load({"data/wells.csv": WELLS + "3,30\n"}).failed
        assert "in use all the time" in failure.reason
    assert loading.load().failed == ()
    assert loading.column("SELECT count(*) FROM data.wells") == [3]


def test_a_layer_that_goes_takes_its_table_along(loading: Loading) -> None:
    import json

    def topology(*layers: str) -> str:
        empty = {"type": "GeometryCollection", "geometries": [{"type": "Point", "coordinates": [1, 2]}]}
        return json.dumps({"type": "Topology", "arcs": [], "objects": dict.fromkeys(layers, empty)})

    loading.load({"data/map.topojson": topology("states", "counties")})
    assert loading.tables == {"map_states", "map_counties"}
    loading.load({"data/map.topojson": topology("states", "towns")})
    assert loading.tables == {"map_states", "map_towns"}
    assert {entry.layer for entry in loading.listing.datasets} == {"states", "towns"}
