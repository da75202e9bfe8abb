"""An event with volunteers' work in it, for the tests that copy it away and bring it back.

`worked_in`: the folder of an event whose server runs: two volunteers with tables, views, keys and homes.
`divebell(...)`: runs a command in a process of its own, as a person would.
"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from divebell.database import admin, connect, prepare, provision
from divebell.hub.spawner.accounts import ensure_home

ANA = """
CREATE TABLE wells_seen (well integer REFERENCES data.wells, note text, seen date DEFAULT '2026-11-27');
INSERT INTO wells_seen VALUES (1, 'a\ttab, a \\ and a ''quote'''), (2, NULL), (3, E'two\nlines');
CREATE VIEW shared_wells AS SELECT w.*, note FROM data.wells w LEFT JOIN wells_seen s ON s.well = w.row_id;
GRANT SELECT ON shared_wells TO event_reader;
CREATE TABLE counted (id integer GENERATED ALWAYS AS IDENTITY, twice integer GENERATED ALWAYS AS (7 * 2) STORED, x text);
INSERT INTO counted (x) VALUES ('one'), ('two');
CREATE MATERIALIZED VIEW heavy AS SELECT count(*) AS n FROM data.wells;
CREATE TABLE "odd, Name" ("a column" geometry(MultiPolygon, 3857), b double precision);
INSERT INTO "odd, Name" VALUES (ST_GeomFromText('MULTIPOLYGON(((0 0,1 0,1 1,0 0)))', 3857), 'NaN'), (NULL, 0.1);
GRANT SELECT ON "odd, Name" TO event_reader;
CREATE INDEX ON wells_seen (well);
"""


@pytest.fixture
def worked_in(
    tmp_path: Path, make_event_folder: Callable[..., Any], run_server: Callable[..., Any]
) -> Iterator[Any]:
    folder = make_event_folder(tmp_path / "event")
    for made in (folder.state.run, folder.state.logs, folder.state.hub):
        made.mkdir()
    with run_server(folder):
        prepare(folder.event, folder.state)
        make_data(folder.state)
        work(folder, "ana", ANA)
        work(folder, "ben", "CREATE TABLE secret (word text); INSERT INTO secret VALUES ('hush')")
        write_hub(folder.state.hub / "jupyterhub.sqlite", datetime(2026, 3, 6, 12, tzinfo=UTC))
        yield folder


def make_data(state: Any, rows: int = 500) -> None:
    with connect(state, "event_loader", autocommit=True) as loader:
        loader.execute(
            "CREATE TABLE data.wells (row_id integer PRIMARY KEY, depth double precision, at timestamptz, "
            "geom geometry(Point, 4326)); GRANT REFERENCES ON data.wells TO volunteers; "
            "CREATE INDEX ON data.wells USING gist (geom)"
        )
        loader.execute(
            "INSERT INTO data.wells SELECT i, i / 3.0, '2026-11-27 12:00+01', ST_SetSRID(ST_MakePoint(i %% 180, 1), 4326)"
            " FROM generate_series(1, %s) i",
            (rows,),
        )


def work(folder: Any, name: str, statements: str) -> None:
    with connect(folder.state, "event_hub") as hub:
        hub.execute(
            "INSERT INTO people.person (name, identity) VALUES (%s, 'password:' || %s) ON CONFLICT DO NOTHING",
            (name, name),
        )
        hub.commit()
        password = provision(hub, name)
    with as_volunteer(folder.state, name, password) as own:
        own.execute(statements)
    home = ensure_home(folder.state.homes, name)
    (home.folder / "map.ipynb").write_text(f"{{'of': '{name}'}}")
    (home.folder / "deep" / "er").mkdir(parents=True)
    (home.folder / "deep" / "er" / "ünï\ncode.csv").write_bytes(os.urandom(3000))
    (home.folder / "link").symlink_to("map.ipynb")
    if os.geteuid() == 0:
        for path in (home.folder, *home.folder.rglob("*")):
            os.chown(path, home.uid, home.gid, follow_symlinks=False)


def as_volunteer(state: Any, name: str, password: str) -> Any:
    """Connect as a volunteer does."""
    import psycopg

    from divebell.event import Ports

    return psycopg.connect(
        host="127.0.0.1",
        port=Ports.load(state).postgres,
        user=f"v_{name}",
        password=password,
        dbname="event",
        sslmode="disable",
        autocommit=True,
    )


def write_hub(file: Path, active: datetime) -> None:
    """Write what of a hub's database a restore looks at."""
    with sqlite3.connect(file) as hub:
        hub.execute("CREATE TABLE IF NOT EXISTS users (name TEXT, last_activity DATETIME)")
        hub.execute("INSERT INTO users VALUES ('ana', ?)", (active.replace(tzinfo=None).isoformat(" "),))
    hub.close()


@pytest.fixture
def divebell() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Give the function that runs one command to its end; `key` is the key of the backups."""

    def run(*words: object, key: str = "", **more: Any) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, **({"DIVEBELL_BACKUP_KEY": key} if key else {})}
        command = [sys.executable, "-m", "divebell", *map(str, words)]
        return subprocess.run(
            command, capture_output=True, text=True, check=False, env=environment, timeout=200, **more
        )

    return run


def everything(state: Any) -> dict[str, Any]:
    """Give all that a volunteer would miss, as the superuser sees it."""
    with admin(state, autocommit=True) as database:
        database.execute("SET restrict_nonsystem_relation_kind = ''")
        ask = lambda query: sorted(map(str, database.execute(query).fetchall()))  # noqa: E731
        return {
            "wells": ask("SELECT row_id, depth, at, ST_AsEWKT(geom) FROM data.wells"),
            "view": ask("SELECT row_id, note FROM v_ana.shared_wells"),
            "odd": ask('SELECT ST_AsEWKT("a column"), b FROM v_ana."odd, Name"'),
            "materialised": ask("SELECT * FROM v_ana.heavy"),
            "identity": ask("SELECT * FROM v_ana.counted"),
            "ledger": ask("SELECT number, name, applied_at FROM divebell.migration"),
            "people": ask("SELECT name, claimed_at FROM people.person"),
            "relations": ask(
                "SELECT n.nspname, relname, relkind, pg_get_userbyid(relowner), ARRAY(SELECT unnest(relacl)::text ORDER BY 1), coalesce(spcname, '-')"
                " FROM pg_class c JOIN pg_namespace n ON n.oid = relnamespace"
                " LEFT JOIN pg_tablespace t ON t.oid = reltablespace"
                " WHERE nspname !~ '^(pg_|information)' AND relname !~ '^(spatial_ref|geo)'"
            ),
            "constraints": ask("SELECT conrelid::regclass, conname, pg_get_constraintdef(oid) FROM pg_constraint"),
            "srids": ask("SELECT f_table_schema, f_table_name, srid, type FROM geometry_columns"),
            "schemas": ask("SELECT nspname, pg_get_userbyid(nspowner), nspacl FROM pg_namespace WHERE nspname !~ '^pg_'"),
            "functions": ask(
                "SELECT p.oid::regprocedure, pg_get_userbyid(proowner), proacl FROM pg_proc p"
                " WHERE pronamespace IN ('divebell'::regnamespace, 'watch'::regnamespace, 'people'::regnamespace)"
                " OR proname ~ 'advisory' OR proname = 'provision'"
            ),
            "members": ask("SELECT roleid::regrole, member::regrole FROM pg_auth_members"),
            "settings": ask(
                "SELECT coalesce(r.rolname, '-'), d.datname, setconfig FROM pg_db_role_setting s"
                " LEFT JOIN pg_roles r ON r.oid = setrole LEFT JOIN pg_database d ON d.oid = setdatabase"
            ),
            "triggers": ask("SELECT evtname, evtenabled FROM pg_event_trigger"),
        }  # fmt: skip
