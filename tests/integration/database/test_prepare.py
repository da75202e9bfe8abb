"""The database is brought to the same state from nothing, from an earlier one, and by two at once."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager
from typing import Any

import psycopg
import pytest

from divebell.database import admin, connect, prepare, provision
from divebell.database.migrate import Migration, apply, migrations
from divebell.database.settings import SERVICE_ROLES
from divebell.errors import DivebellError
from divebell.event import ensure_secrets

RunServer = Callable[[Any], AbstractContextManager[Any]]


def ledger(database: psycopg.Connection) -> list[tuple[int, str]]:
    return database.execute("SELECT number, name FROM divebell.migration ORDER BY number").fetchall()


def test_every_migration_runs_once(cluster: Any) -> None:
    prepare(cluster.event, cluster.state)
    with admin(cluster.state, autocommit=True) as database:
        assert ledger(database) == [(each.number, each.name) for each in migrations()]
        assert apply(database, migrations()) == []


def test_two_at_once_prepare_an_empty_server_and_a_lost_database_is_made_again(
    event_folder: Any, run_server: RunServer
) -> None:
    def both() -> None:
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(lambda _: prepare(event_folder.event, event_folder.state), range(2)))

    with run_server(event_folder):
        both()
        with connect(event_folder.state, "event_hub") as hub:
            provision(hub, "ana")
        with admin(event_folder.state, "postgres", autocommit=True) as server:
            server.execute("DROP DATABASE event WITH (FORCE)")
        both()
        with connect(event_folder.state, "event_hub") as hub:
            provision(hub, "ana")


def test_a_migration_that_fails_leaves_nothing_and_names_itself_no_done(cluster: Any) -> None:
    broken = Migration(9000, "9000_broken.sql", "CREATE TABLE data.half (n int); SELECT 1/0;")
    with admin(cluster.state, autocommit=True) as database:
        before = ledger(database)
        with pytest.raises(psycopg.errors.DivisionByZero):
            apply(database, (*migrations(), broken))
        assert database.execute("SELECT to_regclass('data.half')").fetchone() == (None,)
        assert ledger(database) == before


def test_a_database_of_a_newer_divebell_is_left_alone(cluster: Any) -> None:
    with admin(cluster.state, autocommit=True) as database:
        database.execute("INSERT INTO divebell.migration (number, name) VALUES (9001, '9001_future.sql')")
        try:
            with pytest.raises(DivebellError, match=r"newer divebell .*9001_future\.sql"):
                prepare(cluster.event, cluster.state)
        finally:
            database.execute("DELETE FROM divebell.migration WHERE number = 9001")


def test_new_secrets_are_the_passwords_after_the_next_start(cluster: Any) -> None:
    before = cluster.state.secrets_file.read_text()
    cluster.state.secrets_file.unlink()
    ensure_secrets(cluster.event, cluster.state)
    try:
        with pytest.raises(DivebellError, match="password authentication failed"):
            connect(cluster.state, "event_web")
        prepare(cluster.event, cluster.state)
        for role in SERVICE_ROLES:
            connect(cluster.state, role).close()
    finally:  # the server is everybody's
        cluster.state.secrets_file.write_text(before)
        prepare(cluster.event, cluster.state)


def test_changed_privileges_are_put_back(cluster: Any) -> None:
    with admin(cluster.state, autocommit=True) as database:
        database.execute("ALTER ROLE event_hub CREATEROLE")
        database.execute("GRANT USAGE ON LANGUAGE plpgsql TO PUBLIC")
    prepare(cluster.event, cluster.state)
    with admin(cluster.state) as database:
        powerful = (
            "SELECT rolname FROM pg_roles WHERE rolsuper OR rolcreaterole OR rolcreatedb OR rolbypassrls"
        )
        assert database.execute(powerful).fetchall() == [("postgres",)]
        usage = "SELECT has_language_privilege('event_reader', 'plpgsql', 'USAGE')"
        assert database.execute(usage).fetchone() == (False,)


def test_the_name_of_the_event_may_hold_anything(cluster: Any) -> None:
    event = cluster.event.model_copy(update={"name": 'it\'s "10 %" \\ {x} ünï $$'})
    prepare(event, dataclasses.replace(cluster.state))
    with admin(cluster.state) as database:
        comment = "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = 'event'"
        assert database.execute(comment).fetchone() == (event.name,)
