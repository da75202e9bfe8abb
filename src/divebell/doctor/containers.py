"""Containers: what one reaches and may do, tried from inside a real one that is made as volunteers' are."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from divebell.containers import box
from divebell.database.account import FIRST_UID
from divebell.doctor.advisories import PYTHON, has_hole
from divebell.doctor.finding import CannotBeCheckedError, Check, DoesNotApplyError, Hole
from divebell.doctor.patient import Patient
from divebell.doctor.probe import CLOSED, Report, report
from divebell.doctor.volunteer import NAME
from divebell.event.model import Internet

HTTP_OK = 200


def event_parts(patient: Patient) -> Iterator[Hole]:
    """Look whether a notebook reaches what it needs."""
    known = patient.shared(report)
    if not known.reached("postgres"):
        yield Hole("a container does not reach PostgreSQL")
    for name in ("hub", "web"):
        answer = known.found["ask"][name]
        if answer != HTTP_OK:
            yield Hole(f"a container does not reach the {name}: {answer}")


def pages(patient: Patient) -> Iterator[Hole]:
    """Look whether the inner door shows more than interfaces."""
    known = patient.shared(report)
    for name, words in (("page", "the sign-in page"), ("server", "other people's servers")):
        answer = known.found["ask"][name]
        if answer != 404:
            yield Hole(f"a container is answered with {answer} where {words} would be")


def host(patient: Patient) -> Iterator[Hole]:
    """Look whether something of this machine was reached."""
    known = patient.shared(report)
    for key in known.found["reach"]:
        if " at " in key and known.reached(key):
            what = key.replace("service", f"a service of this machine (port {known.service})")
            yield Hole(f"a container reaches {what}")


def neighbours(patient: Patient) -> Iterator[Hole]:
    """Look whether the container beside it was reached."""
    if patient.shared(report).reached("neighbour"):
        yield Hole(f"a container reaches another volunteer's (port {box.PORT})")


def metadata(patient: Patient) -> Iterator[Hole]:
    """Look whether the cloud's metadata was reached."""
    known = patient.shared(report)
    if known.world.metadata is None:
        raise DoesNotApplyError(
            "nothing answers at 169.254.169.254, and only root can put something up there"
        )
    if known.reached("metadata"):
        yield Hole("a container reaches the cloud's metadata service at 169.254.169.254")


def private(patient: Patient) -> Iterator[Hole]:
    """Look whether a machine at a private address was reached."""
    known = patient.shared(report)
    if not known.world.addresses:
        raise DoesNotApplyError("only root can put up something at private addresses")
    for address in known.world.addresses:
        if known.reached(f"private {address}"):
            yield Hole(f"a container reaches machines at private addresses, such as {address}")


def internet(patient: Patient) -> Iterator[Hole]:
    """Compare what was reached of the world with what the event file says."""
    known, wanted = patient.shared(report), patient.event.workspace.internet
    if known.world.public is None:
        raise DoesNotApplyError("only root can put up something at a public address")
    if known.reached("public") and wanted is not Internet.ALL:
        yield Hole(f"a container reaches public addresses, and event.yaml says `internet: {wanted.value}`")
    if not known.reached("public") and wanted is Internet.ALL:
        yield Hole("a container does not reach public addresses, and event.yaml says `internet: all`")


def packages(patient: Patient) -> Iterator[Hole]:
    """Look whether pip gets through where it may."""
    if patient.event.workspace.internet is Internet.NONE:
        raise DoesNotApplyError("event.yaml says `internet: none`")
    for name, answer in patient.shared(report).found["shake"].items():
        if answer != "reached":
            yield Hole(f"a container does not reach the package index at {name}: {answer}")


def engine(patient: Patient) -> Iterator[Hole]:
    """Look whether the engine's socket is in the container."""
    for path in patient.shared(report).found["sockets"]:
        yield Hole(f"the Docker engine's socket is in the container: {path}")


def account(patient: Patient) -> Iterator[Hole]:
    """Look at who a process in the container is, and what it may become."""
    yield from wrong_account(patient.shared(report), as_root=os.geteuid() == 0)


def wrong_account(known: Report, *, as_root: bool) -> Iterator[Hole]:
    """Say what is wrong about the account. Pure."""
    ids, status = known.found["ids"], known.found["status"]
    if 0 in ids:
        yield Hole("a process in a container is root or in root's group")
    if as_root and ids[0] < FIRST_UID:
        yield Hole(f"a process in a container is uid {ids[0]}, which may be somebody's on this machine")
    for name in ("CapEff", "CapPrm", "CapBnd", "CapAmb", "CapInh"):
        if int(status.get(name, "0"), 16):
            yield Hole(f"a process in a container has capabilities ({name} {status[name]})")
    if status.get("NoNewPrivs") != "1":
        yield Hole("a process in a container may gain privileges through set-uid programs")
    if status.get("Seccomp") != "2":
        yield Hole("no filter of system calls is in force in containers")


def files(patient: Patient) -> Iterator[Hole]:
    """Look what could be written."""
    found = patient.shared(report).found
    for path in CLOSED:
        if found["write"][path] == "written":
            yield Hole(f"a volunteer can write in {path}")
        elif not found["read_only"][path]:
            yield Hole(f"{path} of a container is not read-only: only its modes keep volunteers from writing")
    own = found["write"][f"/home/{NAME}"]
    if own != "written":
        yield Hole(f"a volunteer cannot write in the own home: {own}")


def limits(patient: Patient) -> Iterator[Hole]:
    """Compare the limits in force with the event file."""
    known, workspace = patient.shared(report).found["limits"], patient.event.workspace
    wanted = {
        "memory": workspace.memory_bytes,
        "pids": workspace.processes,
        "nofile": workspace.open_files,
        "cpu": int(workspace.cpus * 100_000),
    }
    for name, most in wanted.items():
        if known[name] is None or known[name] > most:
            has = "no limit" if known[name] is None else f"a limit of {known[name]}"
            yield Hole(f"a container has {has} of {name} instead of {most}")


def versions(patient: Patient) -> Iterator[Hole]:
    """Compare the packages in the image with the advisories."""
    found = patient.shared(report).found["versions"]
    if "jupyterlab" not in found:
        raise CannotBeCheckedError("the image shows no JupyterLab")
    for name, version in found.items():
        if has_hole(version, PYTHON[name]):
            yield Hole(f"in the image, {name} {version} has {PYTHON[name]}")


_UP = "divebell up {folder} closes containers in anew"
_ANEW = "stop and start the notebooks that run; divebell down {folder}, divebell up {folder}"
SECONDS = 120.0


def _check(name: str, about: str, why: str, mend: str, probe: Any) -> Check:
    return Check(f"containers.{name}", about, why, mend, probe, seconds=SECONDS)


CHECKS = (
    _check(
        "event",
        "a notebook reaches PostgreSQL, the hub's interface and the web app",
        "nothing works for anybody",
        _UP,
        event_parts,
    ),
    _check(
        "pages",
        "the inner door shows neither the sign-in page nor other people's servers",
        "a notebook could guess passwords past the proxy",
        "divebell down {folder}, then divebell up {folder} writes the proxy's routes anew",
        pages,
    ),
    _check(
        "host",
        "a notebook reaches no other port of this machine",
        "whatever else listens on this machine trusts that nobody is in",
        _UP,
        host,
    ),
    _check(
        "neighbours",
        "a notebook reaches no other volunteer's",
        "people start servers in notebooks and protect them with nothing",
        "docker network rm the event's network, with the event down; then divebell up {folder}",
        neighbours,
    ),
    _check(
        "metadata",
        "a notebook does not reach the cloud's metadata service",
        "it hands out the machine's own keys",
        _UP,
        metadata,
    ),
    _check(
        "private",
        "a notebook reaches no private address",
        "the office's or the cloud's own network is behind this machine",
        _UP,
        private,
    ),
    _check(
        "internet",
        "a notebook reaches of the internet what event.yaml says",
        "mining, scanning and sending data away need a way out",
        "`workspace: {internet: ...}` in {folder}/event.yaml, then divebell up {folder}",
        internet,
    ),
    _check(
        "packages",
        "pip reaches the package index where event.yaml lets it",
        "people need packages that nobody thought of",
        "look whether this machine reaches the index: pip download six; then divebell up {folder}",
        packages,
    ),
    _check(
        "engine",
        "the Docker engine's socket is in no container",
        "who may talk to the engine is root on this machine",
        _ANEW,
        engine,
    ),
    _check(
        "account",
        "a notebook runs as its volunteer's own account, without capabilities, and can gain none",
        "root in a container is halfway to root on this machine",
        _ANEW,
        account,
    ),
    _check(
        "files",
        "a volunteer can write the own home, and neither the system nor the event's data",
        "everybody else's data would change",
        _ANEW,
        files,
    ),
    _check(
        "limits",
        "memory, processes, open files and processors are limited as event.yaml says",
        "one notebook could use up the machine",
        _ANEW,
        limits,
    ),
    _check(
        "versions",
        "JupyterLab and the hub's part in the image have no known hole",
        "what is known is tried",
        "pip install --upgrade 'divebell[all]'; divebell image build {folder}; divebell up {folder}",
        versions,
    ),
)
