"""Play the playbook with Ansible and give what it tells, line by line."""

from __future__ import annotations

import json
import os
import shlex
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from divebell.deploy.host import Host, ssh_options
from divebell.errors import DivebellError

GROUP, SERVER = "event", "server"
"""The names of the group and of the one machine in it, as Ansible has them."""
SECONDS_TO_END = 30

ENVIRONMENT = {
    "ANSIBLE_STDOUT_CALLBACK": "divebell_lines",
    "ANSIBLE_PIPELINING": "1",
    "ANSIBLE_NOCOLOR": "1",
    "ANSIBLE_RETRY_FILES_ENABLED": "0",
    "ANSIBLE_DEPRECATION_WARNINGS": "0",
    "ANSIBLE_SSH_RETRIES": "3",
    "ANSIBLE_TIMEOUT": "30",
    "LC_ALL": "C.UTF-8",
}


@dataclass(frozen=True)
class Play:
    """One play: which playbook, against what, in a private folder that is removed afterwards."""

    folder: Path
    host: Host
    playbook: str
    """`site.yml` or `remove.yml`."""
    variables: Mapping[str, Any]
    check: bool = False
    """Say what would change, and change nothing."""


def write_inputs(play: Play) -> None:
    """Write inventory, variables and an empty configuration: nobody's own settings get in between."""
    for name, text in (
        ("inventory.json", json.dumps(inventory(play.host))),
        ("variables.json", json.dumps(dict(play.variables))),
        ("ansible.cfg", ""),
    ):
        descriptor = os.open(play.folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)


def inventory(host: Host) -> dict[str, Any]:
    """Give Ansible's inventory of one machine. Pure."""
    known = {
        "ansible_host": host.name,
        "ansible_user": host.user,
        "ansible_port": host.port,
        "ansible_ssh_private_key_file": host.identity,
        "ansible_python_interpreter": "/usr/bin/python3",
    }
    given = {name: value for name, value in known.items() if value is not None}
    return {GROUP: {"hosts": {SERVER: given}}}


def command(play: Play) -> list[str]:
    """Give the command that plays it. Pure."""
    words = [
        str(Path(sys.executable).parent / "ansible-playbook"),
        "--inventory", str(play.folder / "inventory.json"),
        "--extra-vars", f"@{play.folder / 'variables.json'}",
    ]  # fmt: skip
    check = ["--check", "--diff"] if play.check else []
    return [*words, *check, str(files(__package__) / "playbook" / play.playbook)]


def environment(play: Play, outer: Mapping[str, str]) -> dict[str, str]:
    """Give Ansible's environment: the user's, without what would change how Ansible works. Pure."""
    kept = {name: value for name, value in outer.items() if not name.startswith("ANSIBLE_")}
    return {
        **kept,
        **ENVIRONMENT,
        "ANSIBLE_CONFIG": str(play.folder / "ansible.cfg"),
        "ANSIBLE_LOCAL_TEMP": str(play.folder / "ansible"),
        "ANSIBLE_CALLBACK_PLUGINS": str(files(__package__) / "callback"),
        "ANSIBLE_SSH_ARGS": shlex.join(ssh_options(play.host, play.folder)),
    }


def play_lines(play: Play, hear: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    """Play it and give what the callback tells; everything else that Ansible says goes to `hear`.

    Who stops listening ends the play: Ansible is asked to end and waited for.
    """
    write_inputs(play)
    words = command(play)
    if not Path(words[0]).exists():
        raise DivebellError("Ansible is not installed here", next_step="pip install 'divebell[deploy]'")
    with subprocess.Popen(
        words,
        cwd=play.folder,
        env=environment(play, os.environ),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        start_new_session=True,
    ) as process:
        aside = threading.Thread(target=_hear_all, args=(process.stderr, hear), daemon=True)
        aside.start()
        try:
            yield from _lines(process, hear)
        finally:
            _end(process)
            aside.join(timeout=SECONDS_TO_END)


def _lines(process: subprocess.Popen[str], hear: Callable[[str], None]) -> Iterator[dict[str, Any]]:
    for line in process.stdout or ():
        if line.startswith('{"kind"'):
            yield json.loads(line)
        elif line.strip():
            hear(line.rstrip())
    yield {"kind": "exit", "code": process.wait()}


def _hear_all(stream: Any, hear: Callable[[str], None]) -> None:
    for line in stream:
        if line.strip():
            hear(line.rstrip())


def _end(process: subprocess.Popen[str]) -> None:
    """End what still runs of it: Ansible first, in order, then all of its session."""
    if process.poll() is not None:
        return
    for number in (signal.SIGINT, signal.SIGKILL):
        os.killpg(process.pid, number)
        try:
            process.wait(timeout=SECONDS_TO_END)
        except subprocess.TimeoutExpired:
            continue
        return
