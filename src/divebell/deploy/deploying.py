"""Deploy an event: prepare what is needed, carry it out, bring back what must survive the machine."""

from __future__ import annotations

import os
import shutil
import socket
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

from divebell.deploy import ssh
from divebell.deploy.carried import carry, has_any
from divebell.deploy.consequences import Consequence, Facts, consequences
from divebell.deploy.event_file import for_server
from divebell.deploy.explain import failure
from divebell.deploy.host import Host, remember
from divebell.deploy.https import bring
from divebell.deploy.kept import as_root, fetch_kept, kept_folder
from divebell.deploy.lock import held
from divebell.deploy.log import Log
from divebell.deploy.machine import INSTALL_PYTHON, Server, look, require_fit
from divebell.deploy.playing import Play, play_lines
from divebell.deploy.progress import Done, Progress
from divebell.deploy.repository import make_bundle
from divebell.deploy.steps import STEPS
from divebell.deploy.variables import (
    SERVER_REPOSITORY,
    Place,
    Shipment,
    public_address,
    server_name,
    variables,
)
from divebell.deploy.wheel import digest, make_wheel
from divebell.errors import DivebellError
from divebell.event import Event, Secrets, State, load_event
from divebell.event.maps import Background
from divebell.event.model import Certificate

LOCK = "requirements.lock"

Watch = Callable[[Progress, list[Done]], None]
"""Hears after each line how far the play is, and which steps have just ended."""


@dataclass(frozen=True)
class Prepared:
    """Everything that is known before anything is changed."""

    event: Event
    state: State
    place: Place
    shipment: Shipment
    folder: Path
    """A private folder of this machine; it goes when the deployment is over."""
    consequences: tuple[Consequence, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def host(self) -> Host:
        """The server as ssh knows it."""
        return self.place.host


@dataclass(frozen=True)
class Outcome:
    """What came of it."""

    prepared: Prepared
    progress: Progress
    seconds: float
    secrets: Secrets | None = None
    """None for a dry run."""
    warnings: tuple[str, ...] = field(default_factory=tuple)

    @property
    def address(self) -> str:
        """Where people open the event."""
        return public_address(self.prepared.event, self.prepared.host)


@contextmanager
def private_folder() -> Iterator[Path]:
    """Give a folder that only we can read; what lies in it is gone afterwards, secrets too."""
    folder = Path(tempfile.mkdtemp(prefix="divebell-"))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def prepare(event: Event, state: State, host: Host, folder: Path) -> Prepared:
    """Look at the server and make what goes there; changes nothing but the server's list of known hosts.

    Raises DivebellError with everything that stands in the way.
    """
    https = bring(event, state, server_name(event, host), datetime.now(UTC))
    server = look(host, folder)
    require_fit(server, event, host)
    shipment = replace(make_shipment(event, state, folder), https=https)
    found = _consequences(shipment, server, folder)
    left_out = shipment.bundle.left_out if shipment.bundle else ()
    warnings = [*_left_out_words(left_out), *_address_words(event, host)]
    return Prepared(event, state, Place(host, server), shipment, folder, tuple(found), tuple(warnings))


def make_shipment(event: Event, state: State, folder: Path) -> Shipment:
    """Make the files that go to the server."""
    wheel = make_wheel(folder)
    lock = Path(str(files(__package__) / LOCK))
    bundle = make_bundle(event, state, folder)
    event_file = folder / "event.yaml"
    text = state.event_file.read_text(encoding="utf-8-sig")
    event_file.write_text(for_server(text, SERVER_REPOSITORY if bundle else None), encoding="utf-8")
    kept = kept_folder(state)
    return Shipment(
        wheel=wheel,
        lock=lock,
        digest=digest((wheel, lock)),
        lock_digest=digest((lock,)),
        event_file=event_file,
        bundle=bundle,
        kept=kept if kept.is_dir() else None,
        background=background(event, state),
    )


def background(event: Event, state: State) -> Path | None:
    """Give the file that maps have as background; None where it is none. Raises DivebellError without it."""
    if event.maps.background is None or event.maps.kind is not Background.PMTILES:
        return None
    file = state.event_file.parent / event.maps.background
    if not file.is_file():
        raise DivebellError(
            f"the maps' background is not there: {file}",
            next_step="put it there, or take `background` out of the section `maps`",
        )
    return file


def _consequences(shipment: Shipment, server: Server, folder: Path) -> list[Consequence]:
    old = _running_event(server, folder)
    if old is None:
        return []
    facts = Facts(server.servers, server.digest)
    return consequences(old, load_event(shipment.event_file), facts, shipment.digest)


def _running_event(server: Server, folder: Path) -> Event | None:
    """Read the file of the event that runs there; one of another divebell's making may not be readable."""
    if not (server.event_file and server.up):
        return None
    there = folder / "there"
    there.mkdir(exist_ok=True)
    (there / "event.yaml").write_text(server.event_file)
    try:
        return load_event(there)
    except DivebellError:
        return None


def _left_out_words(names: tuple[str, ...]) -> list[str]:
    if not names:
        return []
    some = ", ".join(names[:5]) + (" ..." if len(names) > 5 else "")
    return [f"not committed, and therefore not on the server: {some} (git add, git commit, deploy again)"]


def _address_words(event: Event, host: Host) -> list[str]:
    """Say when the event's address does not lead to the server, as far as this machine can tell."""
    if event.address is None or event.https.certificate is not Certificate.AUTOMATIC:
        return []
    there, here = _addresses(event.address), _addresses(host.name)
    if not there:
        return [f"{event.address} leads nowhere yet: make a DNS record that leads to {host.name}"]
    if here and not there & here:
        return [
            f"{event.address} leads to {', '.join(sorted(there))}, not to {host.name}: see its DNS record"
        ]
    return []


def _addresses(name: str) -> set[str]:
    try:
        return {str(found[4][0]) for found in socket.getaddrinfo(name, 443, proto=socket.IPPROTO_TCP)}
    except OSError:
        return set()


def carry_out(prepared: Prepared, log: Log, watch: Watch) -> Outcome:
    """Play the playbook and bring back what must survive the machine.

    Raises DivebellError with the step, the reason and what to do when it fails.
    """
    began = time.monotonic()
    with held(prepared.host, prepared.folder):
        remember(prepared.state, prepared.host)
        _install_python(prepared, log)
        if prepared.place.server.up and has_any(prepared.state):
            _bring_secrets(prepared, log)  # before the event file that needs them
        progress = _play(prepared, log, watch, check=False)
        secrets, told = _bring_secrets(prepared, log)
    warnings = (*prepared.warnings, *progress.told.get("warnings", ()), *told)
    return Outcome(prepared, progress, time.monotonic() - began, secrets, warnings)


def _bring_secrets(prepared: Prepared, log: Log) -> tuple[Secrets, list[str]]:
    """Set on the server what is set here alone; give all its secrets, and what is to be said besides."""
    secrets = fetch_kept(prepared.host, prepared.state, prepared.folder)
    carried, told = carry(prepared.host, prepared.state, secrets, prepared.folder)
    if carried:
        log.say(f"set on the server as here: {', '.join(carried)}")
        secrets = fetch_kept(prepared.host, prepared.state, prepared.folder)
    return secrets, told


def dry_run(prepared: Prepared, log: Log, watch: Watch) -> Outcome:
    """Find out what would change, and change nothing.

    Raises DivebellError on a machine without Python, where Ansible cannot look.
    """
    if not prepared.place.server.python:
        raise DivebellError(
            f"{prepared.host.name} is bare: python3 and python3-apt are not there, which a dry run needs; "
            "everything would be installed",
            next_step="divebell deploy, or on the server: apt-get install -y python3 python3-apt",
        )
    began = time.monotonic()
    progress = _play(prepared, log, watch, check=True)
    return Outcome(prepared, progress, time.monotonic() - began, warnings=prepared.warnings)


def _install_python(prepared: Prepared, log: Log) -> None:
    if prepared.place.server.python:
        return
    log.say("installing Python, which Ansible needs")
    done = ssh.run(prepared.host, as_root(INSTALL_PYTHON), sockets=prepared.folder, seconds=1200)
    if done.returncode:
        said = (done.stderr or done.stdout).decode(errors="replace").strip()
        raise DivebellError(
            f"Python could not be installed on {prepared.host.name}:\n{said[-1500:]}",
            next_step=f"see whether the server reaches its mirrors: ssh {prepared.host} apt-get update",
        )


def _play(prepared: Prepared, log: Log, watch: Watch, *, check: bool) -> Progress:
    values = variables(prepared.event, prepared.place, prepared.shipment, os.environ)
    play = Play(prepared.folder, prepared.host, "site.yml", values, check)
    return follow(play, Progress(STEPS), log, watch)


def follow(play: Play, progress: Progress, log: Log, watch: Watch) -> Progress:
    """Play to the end, write everything down, and tell `watch` how far it is.

    Raises DivebellError when a task failed.
    """
    for line in play_lines(play, log.say):
        log.add(line)
        watch(progress, progress.read(line))
    if progress.failed:
        raise failure(progress.failed, play.host, log.file)
    return progress
