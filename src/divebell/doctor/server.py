"""An event that runs as services of a server: accounts, hardening, open ports, and who is told what."""

from __future__ import annotations

import json
import os
import pwd
import stat
import subprocess
from collections.abc import Iterator
from dataclasses import asdict
from functools import partial
from pathlib import Path

import psutil

from divebell.doctor.files import known_secrets
from divebell.doctor.finding import CannotBeCheckedError, Check, DoesNotApplyError, Hole, Probe
from divebell.doctor.patient import Patient
from divebell.doctor.ports import is_loopback, listeners_of
from divebell.event.belongings import account, belongings, group_id
from divebell.event.secrets import SECRETS_OF, only_for

WORLD = frozenset({22, 80, 443})
OWN_ACCOUNTS = ("proxy", "hub", "web", "loader", "watchdog")
HARDENED = {
    "NoNewPrivileges": "yes",
    "ProtectSystem": "strict",
    "ProtectHome": "yes",
    "PrivateTmp": "yes",
    "ProtectKernelModules": "yes",
    "ProtectKernelTunables": "yes",
    "ProtectControlGroups": "yes",
    "RestrictSUIDSGID": "yes",
}
"""What `systemctl show` must say of every part."""


def parse_properties(text: str) -> dict[str, str]:
    """Read what `systemctl show` prints of one unit."""
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def softened(part: str, shown: dict[str, str]) -> Iterator[str]:
    """Say what a part's service lacks of what it is to be held by."""
    wanted = HARDENED | ({"CapabilityBoundingSet": "", "PrivateDevices": "yes"} if part != "postgres" else {})
    for name, value in wanted.items():
        if shown.get(name, "") != value:
            yield f"{name}={value}"


def open_to_the_world(policy: list[dict[str, object]]) -> bool:
    """Tell from nft's JSON whether no input chain refuses what it does not know."""
    chains = [each["chain"] for each in policy if isinstance(each.get("chain"), dict)]
    return not any(
        isinstance(chain, dict) and (chain.get("hook"), chain.get("policy")) == ("input", "drop")
        for chain in chains
    )


def root(patient: Patient) -> Iterator[Hole]:
    """Look at the account of each part's main process."""
    del patient
    for part in ("postgres", *OWN_ACCOUNTS):
        pid = int(_shown(part, "MainPID").get("MainPID", "0"))
        if not pid:
            raise CannotBeCheckedError(f"{part} does not run")
        wanted = "postgres" if part == "postgres" else account(part)
        owner = pwd.getpwuid(psutil.Process(pid).uids().real).pw_name
        if owner != wanted:
            yield Hole(f"{part} (process {pid}) runs as {owner}, not as {wanted}")


def hardening(patient: Patient) -> Iterator[Hole]:
    """Ask systemd what holds each part."""
    del patient
    for part in ("postgres", *OWN_ACCOUNTS):
        for lacks in softened(part, _shown(part, *HARDENED, "CapabilityBoundingSet", "PrivateDevices")):
            yield Hole(f"divebell-{part}.service has not {lacks}")


def one_view(patient: Patient) -> Iterator[Hole]:
    """Compare what the helper for homes mounts in with what the engine sees."""
    del patient
    pid = int(_shown("homes", "MainPID").get("MainPID", "0"))
    if pid and not Path(f"/proc/{pid}/ns/mnt").samefile("/proc/1/ns/mnt"):
        yield Hole("divebell-homes.service mounts homes where no container sees them")


def world(patient: Patient) -> Iterator[Hole]:
    """Look at every TCP socket of this server that is not for itself or for containers alone."""
    own = {patient.containers.gateway} if patient.containers else set()
    others = (process.pid for process in psutil.process_iter() if process.pid != os.getpid())
    for each in listeners_of(others):  # another check listens as a careless service would
        closed = is_loopback(each.address) or each.address in own or each.kind != "tcp"
        if not closed and each.port not in WORLD and each.program != "sshd":
            yield Hole(f"{each} waits for the whole world", f"end it: kill {each.pid}")


def firewall(patient: Patient) -> Iterator[Hole]:
    """Ask the kernel for its rules."""
    del patient
    if open_to_the_world(json.loads(_said(["nft", "--json", "list", "ruleset"]))["nftables"]):
        yield Hole("no rule of nftables refuses what comes in and is not expected")


def told(patient: Patient) -> Iterator[Hole]:
    """Compare what systemd hands to each part with what that part may know."""
    for part in SECRETS_OF:
        file = patient.state.credential(part)
        if not file.exists():
            yield Hole(f"there is no {file}")
        elif json.loads(file.read_text()) != asdict(only_for(part, patient.secrets)):
            yield Hole(f"{file} is not what {part} is to know")
    for pid in patient.processes:
        for name in _in_environment(pid, known_secrets(patient)):
            yield Hole(f"{name} of secrets.json stands in the environment of process {pid}")


def _in_environment(pid: int, secrets: dict[str, bytes]) -> list[str]:
    try:
        process = psutil.Process(pid)
        text = Path(f"/proc/{pid}/environ").read_bytes()
    except (OSError, psutil.Error):
        return []
    return [name for name, word in secrets.items() if word in text] if process.is_running() else []


def paths(patient: Patient) -> Iterator[Hole]:
    """Look at owner, group and mode of everything in the state folder that is somebody's."""
    for one in belongings(patient.state):
        if not one.path.exists():
            continue
        status = one.path.stat()
        wanted = (pwd.getpwnam(one.owner).pw_uid, group_id(one.group), one.mode)
        found = (status.st_uid, status.st_gid, stat.S_IMODE(status.st_mode))
        if found != wanted:
            is_, be = (f"{uid}:{gid} {mode:04o}" for uid, gid, mode in (found, wanted))
            yield Hole(f"{one.path} is {is_}, and is to be {be}")


def journal(patient: Patient) -> Iterator[Hole]:
    """Look for every secret in what the services have said."""
    said = _said(["journalctl", "--quiet", "--output=cat", "--unit=divebell-*", "--no-pager"]).encode()
    for name, secret in known_secrets(patient).items():
        if secret in said:
            yield Hole(f"{name} of secrets.json stands in the journal")


def _shown(part: str, *names: str) -> dict[str, str]:
    command = ["systemctl", "show", f"--property={','.join(names)}", f"divebell-{part}.service"]
    return parse_properties(_said(command))


def _said(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    if done.returncode:
        raise CannotBeCheckedError(f"{command[0]}: {done.stderr.strip()}")
    return done.stdout


def _on_a_server(probe: Probe, patient: Patient) -> Iterator[Hole]:
    if patient.served is None:
        raise DoesNotApplyError("the event does not run as services of a server")
    yield from probe(patient)


def _check(name: str, about: str, why: str, probe: Probe, mend: str = "divebell deploy") -> Check:
    return Check(f"server.{name}", about, why, mend, partial(_on_a_server, probe), seconds=60)


CHECKS = (
    _check(
        "root",
        "each part runs as an account of its own, and none as root",
        "a hole in one part would be a hole in the whole server",
        root,
    ),
    _check(
        "hardening",
        "systemd holds each part to what it needs",
        "a part that was taken over could change the server",
        hardening,
    ),
    _check(
        "mounts",
        "homes are mounted where containers see them",
        "volunteers would work in a folder below their home's disk, and find nothing of it the next time",
        one_view,
    ),
    _check("world", "only SSH and the web server wait for the world", "each more is one more way in", world),
    _check(
        "firewall",
        "the firewall refuses what comes in and is not expected",
        "whatever is started here one day would be open to everybody",
        firewall,
        "divebell deploy; systemctl status divebell-firewall",
    ),
    _check(
        "secrets",
        "each part knows its own secrets and no others",
        "whoever took over one part would be all of them",
        told,
        "divebell up {folder}",
    ),
    _check(
        "files",
        "each path of the state folder belongs to the part that needs it",
        "parts would read and change what is another's",
        paths,
        "divebell up {folder}",
    ),
    _check(
        "journal",
        "no secret stands in the journal",
        "logs are copied, shown and sent to others",
        journal,
        "divebell down {folder}, remove that secret from {state}/secrets.json, divebell up {folder}",
    ),
)
