"""What is said before everything is taken away."""

from __future__ import annotations

import subprocess
from importlib.resources import files

from divebell.deploy.host import Host
from divebell.deploy.kept import as_root
from divebell.deploy.lock import script
from divebell.deploy.removing import read_there, what_goes

HOST = Host("h")
SAID = """\
homes=12
servers=3
database_mb=420
last_backup=2026-11-27 17:00
left=/opt/divebell
left=unit divebell.target
"""


def test_what_is_lost_is_counted_and_the_last_copy_named():
    told = "\n".join(what_goes(HOST, read_there(SAID), "/var/backups/divebell"))
    assert "12 homes" in told
    assert "3 of them with a server that runs" in told
    assert "420 MB" in told
    assert "2026-11-27 17:00" in told


def test_without_a_copy_that_is_said_loudly():
    assert "NONE" in "\n".join(what_goes(HOST, read_there(SAID.replace("last_backup", "other")), "/b"))


def test_where_nothing_is_nothing_goes():
    there = read_there("homes=0\n")
    assert not there.installed
    assert what_goes(HOST, there, "/b") == ["There is nothing of divebell on h."]


def test_the_script_that_looks_works_on_any_machine():
    text = files("divebell.deploy").joinpath("look_left.sh").read_text()
    done = subprocess.run(["sh", "-c", text], capture_output=True, text=True, check=True)
    assert "homes=" in done.stdout


def test_a_script_with_quotes_reaches_root_unchanged(monkeypatch):
    done = subprocess.run(
        ["sh", "-c", as_root("""printf %s "it's" 'a b'""")], capture_output=True, text=True, check=False
    )
    assert done.stdout in {"it'sa b", ""}  # empty: not root, and sudo asks for a password


def test_the_lock_is_let_go_when_its_holder_is(tmp_path, monkeypatch):
    monkeypatch.setattr("divebell.deploy.lock.FILE", str(tmp_path / "lock"))
    with subprocess.Popen(
        ["sh", "-c", script("maria at her laptop")], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as first:
        assert first.stdout is not None
        assert first.stdin is not None
        assert first.stdout.readline() == "held\n"
        second = subprocess.run(
            ["sh", "-c", script("dan")], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
        )
        assert second.stdout == "taken maria at her laptop\n"
        first.stdin.close()
    third = subprocess.run(
        ["sh", "-c", script("dan")], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert third.stdout == "held\n"
