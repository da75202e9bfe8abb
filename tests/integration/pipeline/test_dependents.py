"""Whatever others built on a table survives its reload: keys, rights, materialised views, views on views."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import psycopg
import pytest

from divebell.database import admin, connect, provision
from divebell.pipeline import catalogue, refill, swap

from .conftest import Loading

WELLS = "id,depth\n1,10\n2,20\n3,30\n"
Enter = Callable[[str], psycopg.Connection[Any]]


@pytest.fixture
def enter(loading: Loading) -> Iterator[Enter]:
    """Give the function that connects as a volunteer."""
    with ExitStack() as stack:

        def come_in(name: str) -> psycopg.Connection[Any]:
            with connect(loading.state, "event_hub", autocommit=True) as hub:
                password = provision(hub, name)
            place = {"host": "127.0.0.1", "port": loading.connection.info.port, "dbname": "event"}
            connection = psycopg.connect(**place, user=f"v_{name}", password=password, autocommit=True)
            return stack.enter_context(connection)

        yield come_in
    with admin(loading.state, autocommit=True) as database:
        for (role,) in database.execute("SELECT rolname FROM pg_roles WHERE rolname ^@ 'v_'").fetchall():
            database.execute(f"DROP OWNED BY {role} CASCADE")


def test_a_foreign_key_survives_a_reload_and_keeps_its_rows(loading: Loading, enter: Enter) -> None:
    ann = enter("ann")
    loading.load({"data/wells.csv": WELLS})
    ann.execute("CREATE TABLE notes (well int REFERENCES data.wells, note text)")
    ann.execute("INSERT INTO notes VALUES (2, 'deep')")
    assert loading.load({"data/wells.csv": "id,depth\n1,11\n2,22\n3,33\n4,44\n"}).failed == ()
    assert ann.execute("SELECT depth FROM notes JOIN data.wells ON row_id = well").fetchall() == [(22,)]
    with pytest.raises(psycopg.errors.ForeignKeyViolation):
        ann.execute("INSERT INTO notes VALUES (9, 'nowhere')")


def test_a_row_that_is_referred_to_and_goes_keeps_the_old_table_and_says_whose_it_is(
    loading: Loading, enter: Enter
) -> None:
    ann = enter("ann")
    loading.load({"data/wells.csv": WELLS})
    ann.execute("CREATE TABLE notes (well int REFERENCES data.wells)")
    ann.execute("INSERT INTO notes VALUES (3)")
    [failure] = loading.load({"data/wells.csv": "id,depth\n1,10\n"}).failed
    assert "table v_ann.notes (of v_ann) refers to one that is gone" in failure.reason
    assert loading.column("SELECT count(*) FROM data.wells") == [3]
    ann.execute("DELETE FROM notes")
    assert loading.load().failed == ()
    assert loading.column("SELECT count(*) FROM data.wells") == [1]


def test_views_on_views_and_materialised_views_and_their_readers_go_on(
    loading: Loading, enter: Enter
) -> None:
    ann, bob = enter("ann"), enter("bob")
    loading.load({"data/wells.csv": WELLS})
    ann.execute("CREATE VIEW everything WITH (security_barrier) AS SELECT * FROM data.wells")
    ann.execute("CREATE MATERIALIZED VIEW frozen AS SELECT * FROM data.wells")
    ann.execute("GRANT SELECT ON everything, frozen TO event_reader")
    bob.execute("CREATE VIEW deepest AS SELECT max(depth) AS depth FROM v_ann.everything")
    assert loading.load({"data/wells.csv": WELLS + "4,40\n"}).failed == ()
    assert bob.execute("SELECT depth FROM deepest").fetchall() == [(40,)]
    assert bob.execute("SELECT count(*) FROM v_ann.frozen").fetchall() == [(3,)]
    ann.execute("REFRESH MATERIALIZED VIEW frozen")
    assert bob.execute("SELECT count(*) FROM v_ann.frozen").fetchall() == [(4,)]


@pytest.mark.parametrize("view", [True, False])
def test_rights_that_an_ambassador_gave_or_took_survive(loading: Loading, enter: Enter, view: bool) -> None:
    ann = enter("ann")
    loading.load({"data/wells.csv": WELLS, "data/secret.csv": WELLS})
    with admin(loading.state, autocommit=True) as database:
        database.execute("GRANT UPDATE (depth) ON data.wells TO v_ann")
        database.execute("GRANT SELECT ON data.wells TO v_ann WITH GRANT OPTION")
        database.execute("REVOKE ALL ON data.secret FROM event_reader, PUBLIC")
    if view:
        ann.execute("CREATE VIEW ids AS SELECT id FROM data.wells")
    more = WELLS + "4,40\n"
    assert loading.load({"data/wells.csv": more, "data/secret.csv": more}).failed == ()
    ann.execute("UPDATE data.wells SET depth = 41 WHERE row_id = 4")
    ann.execute("GRANT SELECT ON data.wells TO volunteers")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        ann.execute("SELECT * FROM data.secret")


def test_a_column_that_changes_its_type_is_replaced_unless_somebody_uses_it(
    loading: Loading, enter: Enter
) -> None:
    ann = enter("ann")
    loading.load({"data/wells.csv": WELLS})
    ann.execute("CREATE VIEW ids AS SELECT id FROM data.wells")
    assert loading.load({"data/wells.csv": "id,depth,note\n1,ten,a\n2,20,b\n"}).failed == ()
    assert loading.rows("SELECT row_id, id, depth, note FROM data.wells ORDER BY 1") == [
        (1, 1, "ten", "a"),
        (2, 2, "20", "b"),
    ]
    [failure] = loading.load({"data/wells.csv": "id,depth,note\nx,ten,a\n"}).failed
    assert "view v_ann.ids (of v_ann) still uses the old ones (id)" in failure.reason
    assert loading.column("SELECT count(*) FROM data.wells") == [2]


def test_a_large_table_gets_its_new_columns_before_its_rows(
    loading: Loading, enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(refill, "BYTES_AT_ONCE", 0)
    ann = enter("ann")
    loading.load({"data/wells.csv": "id,depth,lon,lat\n1,10,8,47\n2,20,9,47\n"})
    ann.execute("CREATE VIEW ids AS SELECT id FROM data.wells")
    changed = "id,depth,wkt,owner\n1,ten,POINT Z (8 47 1),me\n2,x,POINT Z (9 47 2),you\n"
    loading.hint(**{"data/wells.csv": {"points": {"column": "wkt"}}})
    loading.load({"data/wells.csv": changed})
    if loading.listing.failed:  # how WKT is hinted is the readers' matter; columns are ours
        loading.hint()
        assert loading.load({"data/wells.csv": "id,depth,owner\n1,ten,me\n2,x,you\n"}).failed == ()
    assert loading.rows("SELECT id, depth, owner FROM data.wells ORDER BY row_id") == [
        (1, "ten", "me"),
        (2, "x", "you"),
    ]
    names = loading.column(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'data.wells'::regclass AND attnum > 0 AND NOT attisdropped"
    )
    assert not [name for name in names if name.endswith(" new")]


def test_unchanged_rows_are_not_written_again(loading: Loading, enter: Enter) -> None:
    loading.load({"data/wells.csv": WELLS})
    enter("ann").execute("CREATE VIEW ids AS SELECT id FROM data.wells")
    before = dict(loading.rows("SELECT row_id, xmin::text FROM data.wells"))
    loading.load({"data/wells.csv": "id,depth\n1,10\n2,21\n3,30\n"})
    after = dict(loading.rows("SELECT row_id, xmin::text FROM data.wells"))
    assert [row for row in before if before[row] != after[row]] == [2]


def test_whoever_keeps_a_table_is_named(
    loading: Loading, enter: Enter, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(swap, "TRIES", 1)
    ann = enter("ann")
    loading.load({"data/wells.csv": WELLS})
    with ann.transaction():
        ann.execute("SELECT count(*) FROM data.wells")
        [failure] = loading.load({"data/wells.csv": WELLS + "4,40\n"}).failed
    assert "in use all the time by v_ann" in failure.reason


def test_a_volunteer_who_locks_an_events_table_against_others_is_ended(
    loading: Loading, enter: Enter
) -> None:
    ann, bob = enter("ann"), enter("bob")
    loading.load({"data/wells.csv": WELLS})
    ann.execute("CREATE TABLE notes (well int REFERENCES data.wells)")
    ann.execute("BEGIN")
    ann.execute("DROP TABLE notes")
    counts: list[Any] = []
    reader = threading.Thread(
        target=lambda: counts.extend(bob.execute("SELECT count(*) FROM data.wells")), daemon=True
    )
    reader.start()
    deadline = time.monotonic() + 120
    while reader.is_alive() and time.monotonic() < deadline:
        catalogue.beat(loading.connection, "waiting", "")
        reader.join(timeout=0.1)
    assert counts == [(3,)]
    with pytest.raises(psycopg.OperationalError):
        ann.execute("COMMIT")


def test_a_volunteer_can_neither_call_the_watch_nor_write_history(loading: Loading, enter: Enter) -> None:
    ann = enter("ann")
    loading.load({"data/wells.csv": WELLS})
    for forbidden in ("SELECT catalogue.unblock()", "DELETE FROM catalogue.history"):
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            ann.execute(forbidden)
    assert ann.execute("SELECT count(*) FROM catalogue.history").fetchone() == (1,)


def test_a_view_follows_its_table_when_a_hint_gives_it_another_name(loading: Loading, enter: Enter) -> None:
    ann = enter("ann")
    loading.load({"data/wells.csv": WELLS})
    ann.execute("CREATE VIEW deep AS SELECT id, depth FROM data.wells")
    loading.hint(**{"data/wells.csv": {"table": "boreholes"}})
    assert loading.load({"data/wells.csv": WELLS + "4,40\n"}).failed == ()
    assert loading.tables == {"boreholes"}
    assert ann.execute("SELECT count(*) FROM deep").fetchall() == [(4,)]
    loading.load({"data/more/wells.csv": "id,depth\n900,1\n"})
    assert ann.execute("SELECT max(id) FROM deep").fetchall() == [(4,)]


@pytest.mark.parametrize(
    ("made", "named"),
    [
        ("CREATE TABLE pile (wells data.wells[])", "table v_ann.pile"),
        ("CREATE TYPE pair AS (one data.wells)", "type v_ann.pair"),
        ("CREATE DOMAIN well AS data.wells", "type v_ann.well"),
    ],
)
def test_whatever_uses_a_table_is_named_when_its_file_goes(
    loading: Loading, enter: Enter, made: str, named: str
) -> None:
    ann = enter("ann")
    loading.load({"data/wells.csv": WELLS})
    ann.execute(made)  # type: ignore[arg-type]
    loading.load({"data/wells.csv": None})
    [entry] = loading.listing.datasets
    assert entry.retired_at is not None
    assert any(named in user for user in entry.used_by)


def test_a_deferred_foreign_key_is_heard_before_the_end_and_the_load_is_tried_again(
    loading: Loading, enter: Enter
) -> None:
    ann = enter("ann")
    loading.load({"data/wells.csv": WELLS})
    ann.execute("CREATE TABLE notes (well int REFERENCES data.wells DEFERRABLE INITIALLY DEFERRED)")
    ann.execute("INSERT INTO notes VALUES (3)")
    [failure] = loading.load({"data/wells.csv": "id,depth\n1,10\n"}).failed
    assert "table v_ann.notes (of v_ann) refers to one that is gone" in failure.reason
    assert loading.column("SELECT relname FROM pg_class WHERE relnamespace = 'stage'::regnamespace") == []
    ann.execute("DELETE FROM notes")
    assert loading.load().failed == ()
    assert loading.column("SELECT count(*) FROM data.wells") == [1]
