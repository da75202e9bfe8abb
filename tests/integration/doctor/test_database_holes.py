"""The database: each right too many is given on the running event, and named with the statement that takes it."""

from contextlib import contextmanager

import pytest

from divebell.database import connect, provision
from live import until

FDW = "CREATE EXTENSION postgres_fdw"

HOLES = [
    # what opens it, what closes it, the checks that name it, words of the first
    ("ALTER ROLE event_web SUPERUSER", "ALTER ROLE event_web NOSUPERUSER",
     ("rights.roles", "rights.given"), "`event_web` is SUPERUSER"),
    ("ALTER ROLE event_hub CREATEROLE CREATEDB", "ALTER ROLE event_hub NOCREATEROLE NOCREATEDB",
     ("rights.roles", "rights.given"), "`event_hub` is CREATEROLE and CREATEDB"),
    ("ALTER ROLE volunteers BYPASSRLS", "ALTER ROLE volunteers NOBYPASSRLS",
     ("rights.roles", "rights.given"), "`volunteers` is BYPASSRLS"),
    ("GRANT pg_execute_server_program TO volunteers", "REVOKE pg_execute_server_program FROM volunteers",
     ("rights.members", "volunteer.programs"), "`volunteers` is a member of `pg_execute_server_program`"),
    ("GRANT pg_read_server_files TO v_ivan", "REVOKE pg_read_server_files FROM v_ivan",
     ("rights.members",), "`v_ivan` is a member of `pg_read_server_files`"),
    ("GRANT pg_read_server_files, pg_write_server_files TO volunteers",
     "REVOKE pg_read_server_files, pg_write_server_files FROM volunteers",
     ("volunteer.files", "rights.members"), "a volunteer can write a file"),
    ("GRANT event_owner TO volunteers", "REVOKE event_owner FROM volunteers",
     ("volunteer.schemas", "rights.members", "volunteer.data", "volunteer.people"), "create a schema|become the event's owner|stage"),
    ("GRANT USAGE ON LANGUAGE plpgsql TO PUBLIC", "REVOKE USAGE ON LANGUAGE plpgsql FROM PUBLIC",
     ("rights.languages", "rights.given", "volunteer.functions"), "language `plpgsql`"),
    ("GRANT USAGE ON LANGUAGE sql TO v_ivan", "REVOKE USAGE ON LANGUAGE sql FROM v_ivan",
     ("rights.languages",), "`v_ivan` may define functions in language `sql`"),
    ("GRANT EXECUTE ON FUNCTION pg_notify(text, text) TO PUBLIC",
     "REVOKE EXECUTE ON FUNCTION pg_notify(text, text) FROM PUBLIC",
     ("rights.functions", "rights.given", "volunteer.shared"), "may call pg_notify(text,text)"),
    ("GRANT EXECUTE ON FUNCTION pg_read_file(text) TO v_ivan",
     "REVOKE EXECUTE ON FUNCTION pg_read_file(text) FROM v_ivan",
     ("rights.functions",), "`v_ivan` may call pg_read_file(text)"),
    ("GRANT EXECUTE ON FUNCTION dropgeometrytable(varchar) TO volunteers",
     "REVOKE EXECUTE ON FUNCTION dropgeometrytable(varchar) FROM volunteers",
     ("rights.functions",), "may call dropgeometrytable"),
    ("GRANT CREATE ON SCHEMA public TO PUBLIC", "REVOKE CREATE ON SCHEMA public FROM PUBLIC",
     ("rights.closed", "rights.given", "volunteer.schemas"), "volunteers have CREATE on the schema `public`"),
    ("GRANT USAGE ON SCHEMA stage TO volunteers", "REVOKE USAGE ON SCHEMA stage FROM volunteers",
     ("rights.closed",), "volunteers have USAGE on the schema `stage`"),
    ("GRANT CONNECT ON DATABASE postgres TO PUBLIC", "REVOKE CONNECT ON DATABASE postgres FROM PUBLIC",
     ("rights.closed", "rights.given"), "may enter the database `postgres`"),
    ("GRANT INSERT, DELETE ON data.places TO PUBLIC", "REVOKE INSERT, DELETE ON data.places FROM PUBLIC",
     ("volunteer.data",), "delete rows of data.places"),
    ("GRANT USAGE ON SCHEMA people TO PUBLIC; GRANT SELECT ON people.device TO PUBLIC",
     "REVOKE USAGE ON SCHEMA people FROM PUBLIC; REVOKE SELECT ON people.device FROM PUBLIC",
     ("volunteer.people", "rights.closed"), "read browsers' tokens"),
    (FDW, "DROP EXTENSION postgres_fdw CASCADE", ("rights.extensions",), "foreign data wrapper `postgres_fdw`"),
    ("SET password_encryption = 'md5'; ALTER ROLE v_ivan PASSWORD 'x'", "ALTER ROLE v_ivan PASSWORD NULL",
     ("database.passwords",), "the password of `v_ivan` is kept as MD5"),
]  # fmt: skip


@pytest.fixture(autouse=True)
def ivan(event):
    """Make a volunteer whom rights can be given to."""
    with connect(event.state, "event_hub") as hub:
        provision(hub, "ivan")


@pytest.mark.parametrize(("opens", "closes", "checks", "words"), HOLES, ids=[hole[0][:60] for hole in HOLES])
def test_a_right_too_many_is_named(found, sql, opens, closes, checks, words):
    sql(opens)
    try:
        told = {check: found(check) for check in checks}
    finally:
        sql(closes)
    for check in checks:
        assert {finding.verdict for finding in told[check]} == {"open"}, (check, told[check])
    first = " ".join(finding.what for finding in told[checks[0]])
    assert any(each in first for each in words.split("|")), first
    for check in checks:
        assert [finding.verdict for finding in found(check)] == ["ok"], check


def test_the_statement_it_names_mends_it(found, sql):
    for opens, check in (
        ("ALTER ROLE event_web CREATEDB", "rights.roles"),
        ("GRANT pg_monitor TO v_ivan", "rights.members"),
        ("GRANT USAGE ON LANGUAGE plpgsql TO v_ivan", "rights.languages"),
        ("GRANT EXECUTE ON FUNCTION pg_notify(text, text) TO volunteers", "rights.functions"),
        ("CREATE EXTENSION postgres_fdw", "rights.extensions"),
    ):
        sql(opens)
        for finding in found(check):
            sql(finding.mend)
        assert [finding.verdict for finding in found(check)] == ["ok"], check


@contextmanager
def more_rules(event, sql, line):
    """Put a line at the top of pg_hba.conf and have the server read it."""
    file = event.state.postgres / "pg_hba.conf"
    before = file.read_text()
    file.write_text(f"{line}\n{before}")
    sql("SELECT pg_reload_conf()")
    try:
        yield
    finally:
        file.write_text(before)
        sql("SELECT pg_reload_conf()")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("host all all 0.0.0.0/0 trust", "lets anybody in without a password"),
        ("host event event_web 127.0.0.1/32 md5", "has method md5"),
        ("host event event_web 127.0.0.1/32 password", "clear text"),
        ("host event event_web 0.0.0.0/0 scram-sha-256", "from more than this machine"),
        ("host event event_web samenet scram-sha-256", "from more than this machine"),
        ("host all postgres 127.0.0.1/32 scram-sha-256", "lets the superuser in over the network"),
        ("local nowhere all peer", "lets every account of this machine in"),
        ("host event nonsense", "cannot be read"),
    ],
)
def test_a_rule_too_wide_is_named_with_its_line(event, found, sql, line, words):
    with more_rules(event, sql, line):
        told = found("database.hba")
    assert any(words in finding.what for finding in told), told
    assert "line 1 " in told[0].what
    assert [finding.verdict for finding in found("database.hba")] == ["ok"]


def test_whoever_gets_in_without_the_right_password_is_named(event, found, sql):
    with more_rules(event, sql, "host all all 127.0.0.1/32 trust"):
        wait_until_read(found, "database.superuser")
        told = {
            name: found(name) for name in ("database.superuser", "database.wrong_password", "database.parts")
        }
    for name, findings in told.items():
        assert {finding.verdict for finding in findings} == {"open"}, (name, findings)
    wait_until_read(found, "database.superuser", "ok")


def test_a_volunteer_who_enters_another_database_is_named(event, found, sql):
    sql("GRANT CONNECT ON DATABASE postgres TO PUBLIC")
    try:
        with more_rules(event, sql, "host all +volunteers 127.0.0.1/32 scram-sha-256"):
            wait_until_read(found, "volunteer.databases")
            told = found("volunteer.databases")
    finally:
        sql("REVOKE CONNECT ON DATABASE postgres FROM PUBLIC")
    assert [finding.what for finding in told] == ["a volunteer can enter the database `postgres`"]


def wait_until_read(found, name, verdict="open"):
    """The server reads its rules anew a moment after it was told to."""
    until(lambda: {finding.verdict for finding in found(name)} == {verdict}, f"{name} is not {verdict}")


@pytest.mark.parametrize(
    ("name", "value"),
    [("log_statement", "all"), ("password_encryption", "md5"), ("log_parameter_max_length", "-1")],
)
def test_a_setting_that_tells_too_much_is_named(found, sql, name, value):
    sql(f"ALTER SYSTEM SET {name} = '{value}'")
    sql("SELECT pg_reload_conf()")
    try:
        wait_until_read(found, "database.settings")
        told = found("database.settings")
    finally:
        sql(f"ALTER SYSTEM RESET {name}")
        sql("SELECT pg_reload_conf()")
    assert [finding.what for finding in told] == [f"{name} is '{value}' instead of '{expected(name)}'"]
    wait_until_read(found, "database.settings", "ok")


def expected(name):
    from divebell.doctor.database import SETTINGS

    return SETTINGS[name]


def test_a_database_that_is_away_is_told_of_and_is_not_ok(event, found, restart):
    from divebell.event import load_secrets
    from divebell.local.supervisor import Supervisor

    Supervisor(event.ports, load_secrets(event.state)).stop("postgres")
    try:
        told = [found(name) for name in ("database.hba", "volunteer.files", "database.superuser")]
    finally:
        restart("postgres")
    for findings in told:
        assert [finding.verdict for finding in findings] == ["could not be checked"]
        assert not findings[0].ok
        assert "because" in findings[0].what
