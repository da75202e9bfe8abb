"""Within a volunteer's server: the own copy of the event's files, what is shared, and failures in words."""

from __future__ import annotations

import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from divebell.database import admin
from live import until


@pytest.fixture(scope="module")
def rosa(at_work):
    return at_work("rosa")


def restart(kernel, start_kernel, name):
    kernel.browser.stop_notebook(name)
    kernel.browser.open_notebook(name)
    return start_kernel(kernel.browser, name)


def read(kernel, name):
    """Read a file of the own copy, which a server makes beside its start."""
    return kernel.run(f"print(open('my-event/data/{name}').read())")


def test_the_events_files_are_there_to_write_in_the_own_copy(hub, rosa):
    until(lambda: "a,b" in read(rosa, "hello.csv"), "it is not there")
    assert rosa.run(
        "open('my-event/data/hello.csv', 'a').write('3,4\\n'); open('my-event/x', 'w').close()"
    ) in ("", "4")
    assert "3,4" in read(rosa, "hello.csv")
    assert (hub.folder.state.checkout / "data" / "hello.csv").read_text() == "a,b\n1,2\n"


def test_the_event_follows_on_the_next_start_and_what_was_changed_stays(hub, at_work, start_kernel):
    tess = at_work("tess")
    until(lambda: "a,b" in read(tess, "hello.csv"), "it is not there")
    tess.run("open('my-event/data/hello.csv', 'w').write('mine')")
    (hub.folder.state.checkout / "data" / "second.csv").write_text("c\n5\n")
    tess = restart(tess, start_kernel, "tess")
    until(lambda: "c\n5" in read(tess, "second.csv"), "it is not there")
    assert read(tess, "hello.csv").strip() == "mine"


def test_nothing_that_runs_lies_in_the_home(rosa):
    assert "/homes/" not in rosa.run("import os; print(os.environ['JUPYTER_RUNTIME_DIR'])")
    assert (
        rosa.run(
            "import stat; print(oct(os.stat(os.environ['JUPYTER_RUNTIME_DIR']).st_mode & 0o777))"
        ).strip()
        == "0o700"
    )
    assert rosa.run("print(get_ipython().history_manager.hist_file)").strip() == ":memory:"


@pytest.mark.root
def test_others_read_what_is_in_public_only_through_what_the_hub_shows(hub, rosa):
    rosa.run("open('public/map.txt', 'w').write('look'); open('other.txt', 'w').close()")
    home = hub.folder.state.homes / "rosa"
    assert home.stat().st_mode & 0o777 == 0o700
    assert (home / "public" / "map.txt").stat().st_mode & 0o777 == 0o644
    assert (home / "public" / "README.md").exists()


def test_geometries_go_to_the_own_schema_with_any_engine(rosa):
    said = rosa.run(
        "import os, geopandas, sqlalchemy\n"
        "from shapely import Point\n"
        "engine = sqlalchemy.create_engine(os.environ['DATABASE_URL'])\n"
        "places = geopandas.GeoDataFrame({'n': [1]}, geometry=[Point(0, 0)], crs=4326)\n"
        "places.to_postgis('by_engine', engine)\n"
        "with engine.connect() as connection:\n"
        "    places.to_postgis('by_connection', connection); connection.commit()\n"
        "places.drop(columns='geometry').to_sql('by_pandas', engine, index=False)\n"
        "engine.dispose()"
    )
    assert said in ("", "1", "-1"), said
    where = "select schemaname || '.' || tablename from pg_tables where tablename like 'by\\_%' order by 1"
    assert rosa.run(f'!psql -Atc "{where}"').split() == [
        "v_rosa.by_connection",
        "v_rosa.by_engine",
        "v_rosa.by_pandas",
    ]


SLEEP = "select pg_sleep(60)"
QUERIES = {
    "psycopg": f"import psycopg\nwith psycopg.connect('') as c: c.execute({SLEEP!r})",
    "pandas": f"import pandas, divebell\npandas.read_sql({SLEEP!r}, divebell.engine())",
    "magic": f"%sql {SLEEP}",
    "SQLAlchemy": f"import divebell, sqlalchemy\nwith divebell.engine().connect() as c: c.execute(sqlalchemy.text({SLEEP!r}))",
}


def end_when_it_runs(state, role):
    """End the session of a role that sleeps, as the watchdog does."""
    deadline = time.monotonic() + 60
    with admin(state, autocommit=True) as database:
        while time.monotonic() < deadline:
            ended = database.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                " WHERE usename = %s AND state = 'active' AND query ILIKE %s",
                [role, f"%{SLEEP}%"],
            ).fetchall()
            if ended:
                return
            time.sleep(0.1)


@pytest.mark.parametrize("way", QUERIES)
def test_a_query_that_was_ended_is_explained_however_it_was_asked(hub, rosa, way):
    with ThreadPoolExecutor(1) as watchdog:
        watching = watchdog.submit(end_when_it_runs, hub.folder.state, "v_rosa")
        said = rosa.run(QUERIES[way])
        watching.result()
    assert "terminating connection" in said
    assert "The database ended this connection" in said


def test_what_the_watchdog_did_is_told_in_its_own_words(hub, rosa):
    with admin(hub.folder.state, autocommit=True) as database:
        database.execute(
            'INSERT INTO watch.intervention (role, what, "limit", detail, query) VALUES (%s, %s, %s, %s, %s)',
            ["v_rosa", "query", "15 min", "Your query ran longer than 15 min.", SLEEP],
        )
    with ThreadPoolExecutor(1) as watchdog:
        watching = watchdog.submit(end_when_it_runs, hub.folder.state, "v_rosa")
        said = rosa.run(QUERIES["psycopg"])
        watching.result()
    assert "The event's watchdog: Your query ran longer than 15 min." in said


def test_the_seventh_connection_is_refused_with_words_that_help(rosa):
    said = rosa.run("import psycopg\nheld = []\nwhile len(held) < 20: held.append(psycopg.connect(''))")
    assert "too many connections" in said
    assert "All connections you may have at once are taken" in said
    said = rosa.run(
        "import pandas, sqlalchemy, os\npandas.read_sql('select 1', sqlalchemy.create_engine(os.environ['DATABASE_URL']))"
    )
    assert "All connections you may have at once are taken" in said
    rosa.run("for each in held: each.close()")


def test_a_mistake_in_a_query_is_no_limit_of_the_event(rosa):
    said = rosa.run("import psycopg\nwith psycopg.connect('') as c: c.execute('select * from nowhere')")
    assert "UndefinedTable" in said
    assert "ended" not in said


def test_a_kernel_killed_by_hand_is_not_blamed_on_the_memory(rosa):
    pid = int(rosa.run("import os; print(os.getpid())"))
    os.kill(pid, signal.SIGKILL) if os.geteuid() == 0 else rosa.ask("os.kill(os.getpid(), 9)")
    rosa.wait_until_it_restarts()
    assert "memory" not in rosa.run("print('again')")
