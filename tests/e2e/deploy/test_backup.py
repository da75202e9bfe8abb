"""Backups of a deployed event: a timer takes them, and a lost machine's event goes on on an empty one."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from deployment import HOST, Deployment, resolving
from target import Target, booted_target
from volunteer import Kernel

pytestmark = pytest.mark.timeout(1500)

STORE = "/var/backups/divebell"
HOME = "/srv/divebell/event/.divebell/homes/ana"


@pytest.fixture(scope="module")
def ana(event: Deployment) -> Iterator[Kernel]:
    """Ana, who has left a file in the home and a table in the database."""
    _, kernel = event.at_notebook("ana")
    kernel.run("import pathlib; pathlib.Path.home().joinpath('kept.txt').write_text('mine')")
    kernel.run(
        "import divebell, sqlalchemy as s\n"
        "with divebell.engine().begin() as c: c.execute(s.text('CREATE TABLE mine AS SELECT 7 AS n'))"
    )
    yield kernel
    kernel.close()


@pytest.fixture(scope="module")
def by_hand(event: Deployment) -> Iterator[None]:
    """No timer takes backups: while one is taken, nobody can have another."""
    event.target.ssh("systemctl stop divebell-backup.timer")
    event.target.ssh("systemctl start --wait divebell-backup.service", timeout=600)  # or the one under way
    yield
    event.target.ssh("systemctl start divebell-backup.timer")


def backups(event: Deployment) -> list[str]:
    return [each["id"] for each in json.loads(event.run("backup", "--list", "--json").stdout)["backups"]]


def test_a_timer_takes_backups_that_only_root_can_read(event: Deployment, ana: Kernel) -> None:
    assert event.target.ssh("systemctl is-active divebell-backup.timer").stdout.strip() == "active"
    before = event.containers()
    event.target.ssh("systemctl start --wait divebell-backup.service", timeout=600)
    assert backups(event)
    assert event.target.ssh(f"stat --format '%a %U' {STORE}").stdout.strip() == "700 root"
    told = event.status()["backup"]
    assert told["ok"], told
    assert event.containers() == before
    journal = event.target.journal("-u", "divebell-backup")
    assert event.run("backup", "--show-key").stdout.strip() not in journal
    assert event.password not in journal


@pytest.mark.usefixtures("by_hand")
def test_a_home_that_nobody_opened_since_the_start_of_the_machine_is_copied(
    event: Deployment, ana: Kernel
) -> None:
    taken = json.loads(event.run("backup", "--json").stdout)
    assert taken["left_out"] == []
    event.target.ssh(
        "rm -rf /root/looked; cd /root && divebell restore /srv/divebell/event --into /root/looked"
        " --only .divebell/homes/ana/kept.txt"
    )
    assert event.target.ssh("find /root/looked -name kept.txt | xargs cat").stdout == "mine"


@pytest.mark.usefixtures("by_hand")
def test_a_backup_that_fails_is_said_by_status_and_the_next_one_mends_it(event: Deployment) -> None:
    event.target.ssh(f"mv {STORE} {STORE}.away && touch {STORE}")
    failed = event.run("backup", check=False)
    event.target.ssh(f"rm {STORE} && mv {STORE}.away {STORE}")
    assert failed.returncode == 1
    told = event.status()["backup"]
    assert not told["ok"]
    assert "the last try failed" in told["detail"]
    event.run("backup")
    assert event.status()["backup"]["ok"]


@pytest.mark.timeout(2400)
@pytest.mark.usefixtures("by_hand")
def test_an_empty_machine_goes_on_where_the_lost_one_left_off(
    event: Deployment, ana: Kernel, images: str, tmp_path: Path
) -> None:
    event.run("backup")
    packed = tmp_path / "store.tar"
    pack(event.target, packed)
    password, before = (
        event.password,
        event.sql("SELECT concat(count(*), '|', sum(rows)) FROM catalogue.dataset"),
    )
    with booted_target(python=False, docker_volume=images) as target, resolving(HOST, target):
        fresh = replace(event, target=target)
        fresh.deploy()
        target.ssh("systemctl stop divebell-backup.timer divebell-backup.service")
        target.ssh(f"rm -rf {STORE}; mkdir -m 700 {STORE}")
        target.put(packed, "/root/store.tar")
        target.ssh(f"tar -C {STORE} -xf /root/store.tar")
        told = json.loads(fresh.run("restore", "--yes", "--discard-newer", "--json").stdout)
        assert told["differing"] == []
        assert told["running"]
        fresh.wait_until_ready()
        assert fresh.password == password
        assert fresh.sql("SELECT concat(count(*), '|', sum(rows)) FROM catalogue.dataset") == before
        mine = "SELECT concat(n, '|', tableowner) FROM v_ana.mine, pg_tables WHERE tablename = 'mine'"
        assert fresh.sql(mine) == "7|v_ana"
        assert target.ssh(f"cat {HOME}/kept.txt").stdout == "mine"


def pack(target: Target, here: Path) -> None:
    """Fetch the store from a machine, as somebody who copies it elsewhere would."""
    command = ["ssh", "-F", str(target.ssh_config), "root@target", f"tar -C {STORE} -c ."]
    with here.open("wb") as file:
        subprocess.run(command, stdout=file, check=True, timeout=300)
