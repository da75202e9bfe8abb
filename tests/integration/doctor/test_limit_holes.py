"""Limits of the database: each is lifted on the running event, and named."""

import re
import time

import pytest

from divebell.database import connect, provision
from divebell.event import load_secrets
from divebell.local.supervisor import Supervisor


def test_more_connections_than_the_event_file_allows_are_named(found, sql):
    sql("UPDATE divebell.limits SET connections = 9")
    try:
        told = found("limits.connections")
    finally:
        sql("UPDATE divebell.limits SET connections = 6")
    assert [finding.what for finding in told] == ["a volunteer got more than 6 connections"]
    assert [finding.verdict for finding in found("limits.connections")] == ["ok"]


def test_a_role_without_a_limit_is_named_and_mended_by_what_is_said(event, found, sql):
    with connect(event.state, "event_hub") as hub:
        provision(hub, "ivan")
    sql("ALTER ROLE v_ivan CONNECTION LIMIT -1")
    told = found("limits.roles")
    assert [finding.what for finding in told] == ["`v_ivan` may open any number of connections instead of 6"]
    sql(told[0].mend)
    assert [finding.verdict for finding in found("limits.roles")] == ["ok"]


def test_tables_that_may_lie_beside_the_events_data_are_named(found, sql):
    sql("ALTER EVENT TRIGGER divebell_ddl_ends DISABLE")
    try:
        told = found("limits.tables")
    finally:
        sql("ALTER EVENT TRIGGER divebell_ddl_ends ENABLE")
    assert [finding.what for finding in told] == [
        "a volunteer can put a table beside the event's data (TABLESPACE pg_default)"
    ]
    assert [finding.verdict for finding in found("limits.tables")] == ["ok"]


@pytest.mark.root
def test_a_disk_for_tables_larger_than_the_event_file_says_is_named(event, found):
    file = event.folder / "event.yaml"
    before = file.read_text()
    file.write_text(before.replace("512 MB", "256 MB"))
    try:
        told = found("limits.disk")
    finally:
        file.write_text(before)
    assert [finding.verdict for finding in told] == ["open"]
    assert "GB instead of 0.5 GB" in told[0].what


def test_a_watchdog_that_is_away_is_named(event, found, restart):
    supervisor = Supervisor(event.ports, load_secrets(event.state))
    supervisor.stop("watchdog")
    try:
        deadline = time.monotonic() + 120
        while (told := found("limits.watchdog"))[0].ok:
            assert time.monotonic() < deadline
            time.sleep(0.5)
    finally:
        restart("watchdog")
    assert [finding.verdict for finding in told] == ["open"]
    assert re.search(r"the watchdog has not been heard of for \d+ s", told[0].what)


def test_a_server_that_waits_long_for_a_password_is_named(found, sql):
    sql("ALTER SYSTEM SET authentication_timeout = '60s'")
    sql("SELECT pg_reload_conf()")
    try:
        deadline = time.monotonic() + 60
        while (told := found("limits.server"))[0].ok:
            assert time.monotonic() < deadline
            time.sleep(0.1)
    finally:
        sql("ALTER SYSTEM RESET authentication_timeout")
        sql("SELECT pg_reload_conf()")
    assert [finding.what for finding in told] == [
        "a connection may take 60 s to sign in (authentication_timeout)"
    ]


def test_more_people_than_there_is_room_for_are_named(event, found):
    file = event.folder / "event.yaml"
    before = file.read_text()
    file.write_text(before.replace("people:\n", "people:\n  expected: 500\n"))
    try:
        told = found("limits.server")
    finally:
        file.write_text(before)
    assert "connections, and 3000 are promised" in told[0].what
