from __future__ import annotations

from pathlib import Path

from divebell.database.binaries import Binaries
from divebell.database.cluster import initdb_command, made_by_version, server_command
from divebell.database.connection import role_of
from divebell.database.serve import server_environment
from divebell.event import State

BINARIES = Binaries(Path("/pg/bin"), 15, has_postgis=True)


def test_the_server_reads_our_files_and_runs_in_the_foreground() -> None:
    assert server_command(BINARIES, "/proc/self/fd/7") == [
        *("/pg/bin/postgres", "-D", "/proc/self/fd/7/data"),
        *("-c", "config_file=/proc/self/fd/7/postgresql.conf"),
        *("-c", "hba_file=/proc/self/fd/7/pg_hba.conf"),
        *("-c", "ident_file=/proc/self/fd/7/pg_ident.conf"),
    ]


def test_a_new_cluster_has_checksums_utf8_and_no_password() -> None:
    command = initdb_command(BINARIES, "/proc/self/fd/7")
    assert command[:3] == ["/pg/bin/initdb", "--pgdata", "/proc/self/fd/7/data.new"]
    assert "--data-checksums" in command
    assert command[command.index("--encoding") + 1] == "UTF8"
    assert not [word for word in command if word.startswith("--pw") or word == "trust"]


def test_the_server_inherits_no_secret_from_the_environment(tmp_path: Path) -> None:
    ours = {"PATH": "/bin", "PGPASSWORD": "x", "AWS_SECRET_ACCESS_KEY": "x", "TZ": "UTC"}
    assert server_environment(State(tmp_path), ours) == {
        "PATH": "/bin",
        "TZ": "UTC",
        "LC_ALL": "C.UTF-8",
        "DIVEBELL_STATE": str(tmp_path),
    }


def test_the_version_that_made_a_cluster_is_read_from_it(tmp_path: Path) -> None:
    state = State(tmp_path)
    assert made_by_version(state) is None
    (state.postgres / "data").mkdir(parents=True)
    (state.postgres / "data" / "PG_VERSION").write_text("15\n")
    assert made_by_version(state) == 15


def test_a_persons_role_is_prefixed() -> None:
    assert role_of("ana") == "v_ana"
