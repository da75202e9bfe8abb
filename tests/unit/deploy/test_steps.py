"""The steps that are shown are the roles that are played."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib.resources import files
from pathlib import Path

from ruamel.yaml import YAML

from divebell.deploy.steps import STEPS

PLAYBOOK = Path(str(files("divebell.deploy") / "playbook"))


def test_steps_and_roles_are_the_same_in_the_same_order():
    (play,) = YAML(typ="safe").load(PLAYBOOK / "site.yml")
    assert [each["role"] for each in play["roles"]] == [step.role for step in STEPS]


def test_every_role_is_there():
    for step in STEPS:
        assert (PLAYBOOK / "roles" / step.role / "tasks" / "main.yml").is_file()


def test_a_dry_run_on_a_bare_machine_asks_for_no_service_that_is_not_there_yet():
    always_there = {"systemd-journald.service"}
    seen = []
    for path in sorted(PLAYBOOK.glob("roles/*/[th]a*/*.yml")):
        for task in YAML(typ="safe").load(path):
            service = task.get("ansible.builtin.systemd_service", {})
            if "state" in service and service["name"] not in always_there:
                seen.append(service["name"])
                assert "not ansible_check_mode" in task.get("when", ""), f"{path}: {task['name']}"
    assert "nginx.service" in seen


def test_the_lock_has_a_hash_for_everything_that_the_server_needs():
    lock = (files("divebell.deploy") / "requirements.lock").read_text()
    pins = [line for line in lock.splitlines() if "==" in line and not line.startswith(" ")]
    assert len(pins) > 50
    assert all(line.endswith("\\") for line in pins)
    assert any(line.startswith("jupyterhub==") for line in pins)


def test_nothing_of_the_playbook_needs_a_collection():
    command = [str(Path(sys.executable).parent / "ansible-playbook"), "--syntax-check", "-i", "event,"]
    for name in ("site.yml", "remove.yml"):
        done = subprocess.run(
            [*command, str(PLAYBOOK / name)],
            capture_output=True,
            text=True,
            check=False,
            env={
                "PATH": "/usr/bin:/bin",
                "LC_ALL": "C.UTF-8",
                "ANSIBLE_COLLECTIONS_PATH": "/nonexistent",
                "HOME": "/nonexistent",
            },
        )
        assert done.returncode == 0, json.dumps(done.stderr)
