"""An event as `divebell up` made it has no hole, and being examined leaves no trace in it."""

import json

from divebell.database import admin
from divebell.doctor import CHECKS
from divebell.doctor.volunteer import ROLE
from live import divebell

UPKEEP = {"versions.postgresql", "versions.packages", "versions.python"}
"""What depends on when this machine was last upgraded, and not on divebell."""


def test_an_untouched_event_has_no_hole(event):
    done = divebell("doctor", event.folder, "--json")
    told = json.loads(done.stdout)
    not_ok = {finding["check"]: finding["what"] for finding in told["findings"] if not finding["ok"]}
    assert {check: what for check, what in not_ok.items() if check not in UPKEEP} == {}
    assert done.returncode == (1 if not_ok else 0)
    assert told["ok"] is (not not_ok)


def test_every_check_is_told_of_and_none_is_left_out(event):
    told = json.loads(divebell("doctor", event.folder, "--json").stdout)
    assert {finding["check"] for finding in told["findings"]} == {check.name for check in CHECKS}


def test_the_report_has_a_line_for_each_check_and_a_way_to_mend_for_what_is_open(event):
    secrets = event.state.secrets_file
    secrets.chmod(0o644)
    try:
        done = divebell("doctor", event.folder)
    finally:
        secrets.chmod(0o600)
    assert done.returncode == 1
    for check in CHECKS:
        assert check.name in done.stdout
    assert "OPEN     files.secrets" in done.stdout
    assert f"mend  chmod 600 {secrets}" in done.stdout
    assert "why   whoever reads it is everybody" in done.stdout


def test_the_volunteer_who_tried_is_gone_again(event):
    with admin(event.state) as database:
        row = database.execute("SELECT count(*) FROM pg_roles WHERE rolname = %s", (ROLE,)).fetchone()
        schemas = database.execute("SELECT count(*) FROM pg_namespace WHERE nspname = %s", (ROLE,)).fetchone()
    assert (row, schemas) == ((0,), (0,))


def test_ambassadors_are_not_slowed_and_did_not_sign_in(event):
    divebell("doctor", event.folder, "--json")
    with admin(event.state) as database:
        assert database.execute("SELECT name FROM people.person").fetchall() == []


def test_two_doctors_do_not_work_on_one_event(event):
    from divebell.local.running import only_one

    with only_one(event.state, "doctor"):
        done = divebell("doctor", event.folder)
    assert done.returncode == 1
    assert "another `divebell doctor`" in done.stderr


def test_an_event_that_is_down_is_not_examined(tmp_path):
    (tmp_path / "event.yaml").write_text("name: Asleep\ndata: {repository: .}\n")
    done = divebell("doctor", tmp_path)
    assert done.returncode == 1
    assert "not running" in done.stderr
    assert "divebell up" in done.stderr


def test_somebody_who_has_the_doctors_name_loses_nothing(event, found, sql):
    sql("INSERT INTO people.person (name, identity) VALUES ('divebell_doctor', 'password:divebell_doctor')")
    try:
        told = found("volunteer.files")
    finally:
        sql("DELETE FROM people.person WHERE name = 'divebell_doctor'")
    assert [finding.verdict for finding in told] == ["could not be checked"]
    assert "somebody signed in as 'divebell_doctor'" in told[0].what


def test_an_event_whose_volunteers_have_two_connections_is_examined_as_well(event, sql):
    file = event.folder / "event.yaml"
    before = file.read_text()
    file.write_text(before.replace("database:\n", "database:\n  connections: 2\n"))
    sql("UPDATE divebell.limits SET connections = 2")
    try:
        told = json.loads(divebell("doctor", event.folder, "--json").stdout)["findings"]
    finally:
        file.write_text(before)
        sql("UPDATE divebell.limits SET connections = 6")
    wrong = {each["check"] for each in told if not each["ok"]}
    assert wrong - UPKEEP - {"limits.roles"} == set()  # other tests gave volunteers six
