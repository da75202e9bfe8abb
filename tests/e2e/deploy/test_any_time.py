"""Deploys that are cut off half-way, machines with an older divebell, and taking everything away again."""

import os
import random
import signal
import subprocess
import time
from collections.abc import Iterator

import pytest

from deployment import Deployment, event_on
from target import Target, booted_target

pytestmark = pytest.mark.timeout(1500)


@pytest.fixture(scope="module")
def machine(images: str) -> Iterator[Target]:
    """Give a machine for the tests of this module, in their order: bare at first."""
    with booted_target(docker_volume=images) as target:
        yield target


@pytest.fixture(scope="module")
def before(machine: Target) -> dict[str, set[str]]:
    """Give what was on the machine before anything was deployed."""
    machine.ssh("systemctl is-system-running --wait && apt-get update -qq")
    return inventory(machine)


@pytest.fixture(scope="module")
def event(
    machine: Target, before: dict[str, set[str]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Deployment]:
    with event_on(machine, tmp_path_factory.mktemp("event") / "example") as event:
        yield event


def test_a_deploy_that_is_cut_off_again_and_again_goes_on_where_it_was(event: Deployment) -> None:
    chance = random.Random(2026)
    for _ in range(4):
        with subprocess.Popen(
            event.command("deploy", "--yes"),
            env=event.target.environment,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        ) as cut_off:
            time.sleep(chance.uniform(5, 40))
            if cut_off.poll() is None:
                os.killpg(cut_off.pid, signal.SIGKILL)
    facts = event.deploy()
    assert facts["password"]
    assert event.answers()
    _, kernel = event.at_notebook("first")
    assert kernel.run("print(1 + 1)").strip() == "2"
    kernel.close()
    assert event.deploy()["changed"] == []


def test_nothing_of_an_event_is_left_after_it_was_removed(event: Deployment, before) -> None:
    event.run("deploy", "--remove", "--yes")
    after = inventory(event.target)
    for kind, things in before.items():
        left = {each for each in after[kind] - things if "divebell" in each}
        assert {each for each in left if not each.startswith("/var/backups/divebell")} == set(), kind
        assert things - after[kind] == set(), kind
    for kind in (
        "ports",
        "mounts",
        "firewall",
    ):  # Debian's packages leave accounts, and what others may use by now
        assert after[kind] == before[kind]


FILES = """
find / -xdev \\( -path /proc -o -path /sys -o -path /run -o -path /tmp -o -path /var/lib/docker -o -path /var/cache
-o -path /var/lib/apt -o -path /var/lib/dpkg -o -path /var/log -o -path /var/tmp -o -path /root/.ansible
-o -path /usr/share -o -path '*/__pycache__' -o -path /usr/lib/python3 \\) -prune -o -print
""".replace("\n", " ")
ASKED = {
    "files": FILES,
    "accounts": "cut -d: -f1 /etc/passwd",
    "groups": "cut -d: -f1 /etc/group",
    "units": "systemctl list-unit-files --no-legend --no-pager | awk '{print $1}'",
    "ports": "ss -Hltun | awk '{print $1, $5}' | grep -v 127.0.0.11",
    "packages": "dpkg-query --show --showformat='${Package}\\n'",
    "links": "ip -o link | awk '{print $2}' | cut -d@ -f1",
    "mounts": "awk '{print $2}' /proc/mounts",
    "processes": "ps -eo comm= | sort -u | grep -vE '^(ps|sort|grep|sh|bash|sshd|kworker|\\(sd-pam\\)|systemd)'",
    "firewall": "iptables-save 2>/dev/null | grep -i divebell; nft list tables 2>/dev/null | grep divebell; true",
}


def inventory(target: Target) -> dict[str, set[str]]:
    """Give what is on a machine, by kind."""
    return {kind: set(target.ssh(asked, check=False).stdout.splitlines()) for kind, asked in ASKED.items()}
