"""An event that `divebell deploy` put on a booted machine, and how people reach it from outside by its name."""

from __future__ import annotations

import json
import re
import shlex
import shutil
import socket
import ssl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx

from browser import chromium
from live import copy_example, until
from target import HOST, Target
from volunteer import Browser, Kernel

ROOT = Path(__file__).parents[1]
ADDRESS = f"https://{HOST}/"
EVENT = f"""
address: {HOST}

https:
  certificate: authority

database:
  scratch: 256 MB
"""
WORKSPACE = "memory: 512 MB\ncpus: 1\ndisk: 300 MB"
STATE = "/srv/divebell/event/.divebell"
AUTHORITY = "/etc/divebell/authority.crt"
PARTS = ("postgres", "proxy", "hub", "web", "loader", "watchdog")
DEPLOY_SECONDS = 1500


@dataclass
class Deployment:
    """An event's folder here, the machine it goes to, and what the last deploy said."""

    target: Target
    folder: Path
    facts: dict[str, Any] = field(default_factory=dict)
    people: list[Browser] = field(default_factory=list)
    code: Path | None = None
    """Where another divebell than this one lies; None: this one does the work."""

    address = ADDRESS

    @property
    def password(self) -> str:
        return str(self.facts["password"])

    @property
    def ambassadors(self) -> dict[str, str]:
        return dict(self.facts["ambassadors"])

    @property
    def machine(self) -> str:
        return f"root@{self.target.address}"

    @property
    def authority(self) -> Path:
        """The certificate of the event's own authority, fetched as a venue would hand it out."""
        path = self.target.folder / "authority.crt"
        path.write_text(self.target.ssh(f"cat {AUTHORITY}").stdout)
        return path

    @property
    def environment(self) -> dict[str, str]:
        """Variables with which a command of this divebell, or of the other one, finds the machine."""
        return self.target.environment | ({"PYTHONPATH": str(self.code)} if self.code else {})

    def command(self, verb: str, *options: str) -> list[str]:
        """Give the words of a command that goes to the machine."""
        where = "--to" if verb == "deploy" else "--on"
        event = ["--event", str(self.folder)] if verb == "logs" else [str(self.folder)]
        return [sys.executable, "-m", "divebell", verb, *event, where, self.machine, *options]

    def run(self, verb: str, *options: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a command that goes to the machine; fail with what it said when it fails."""
        done = subprocess.run(
            self.command(verb, *options),
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=DEPLOY_SECONDS,
            check=False,
        )
        assert not check or done.returncode == 0, f"{verb}: {done.returncode}\n{done.stdout}{done.stderr}"
        return done

    def ask(self, *words: str) -> str:
        """Run a command that has verbs of its own, on the machine; give what it printed."""
        verbs = [word for word in words if not word.startswith("-")]
        options = [word for word in words if word.startswith("-")]
        return self._here(*verbs, str(self.folder), "--on", self.machine, *options)

    def about_people(self, *words: str) -> dict[str, Any]:
        """Run `divebell people` about the event on the machine; give the facts that it printed."""
        options = next((place for place, word in enumerate(words) if word.startswith("--")), len(words))
        where = [str(self.folder), "--on", self.machine, "--json"]
        return dict(json.loads(self._here("people", *words[:options], *where, *words[options:])))

    def give(self, secret: str, value: str) -> None:
        """Set a secret of the event here, from where the next deploy takes it along."""
        self._here("secrets", "set", secret, str(self.folder), stdin=value)

    def _here(self, *words: str, stdin: str = "") -> str:
        command = [sys.executable, "-m", "divebell", *words]
        done = subprocess.run(
            command, env=self.environment, capture_output=True, text=True, check=False, input=stdin
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    def deploy(self, *options: str) -> dict[str, Any]:
        """Deploy, and give the facts that it printed."""
        self.facts = json.loads(self.run("deploy", "--json", "--yes", *options).stdout)
        return self.facts

    def edit(self, pattern: str, replacement: str) -> None:
        """Change the event file."""
        path = self.folder / "event.yaml"
        text, count = re.subn(pattern, replacement, path.read_text())
        assert count, f"{pattern} is not in the event file"
        path.write_text(text)

    def status(self) -> dict[str, Any]:
        return dict(json.loads(self.run("status", "--json", check=False).stdout))

    def is_ready(self) -> bool:
        return self.run("status", "--json", check=False).returncode == 0

    def wait_until_ready(self, seconds: float = 300) -> None:
        until(self.answers, "the event did not come back", seconds)

    def answers(self) -> bool:
        """Tell whether web app and database answer, from outside."""
        with self.client() as client:
            try:
                return client.get("/services/event/health").status_code == 200
            except httpx.TransportError:
                return False

    def client(self, **options: Any) -> httpx.Client:
        """Give an HTTP client that trusts the event's authority."""
        return httpx.Client(base_url=ADDRESS, verify=self.context(), timeout=30, trust_env=False, **options)

    def context(self) -> ssl.SSLContext:
        return ssl.create_default_context(cafile=self.authority)

    @contextmanager
    def chromium(self, **options: Any) -> Iterator[Any]:
        """Run a real browser that finds the event by its name and trusts its authority."""
        rules = f"MAP {HOST} {self.target.address}"
        with chromium(resolver_rules=rules, authority=self.authority, **options) as driver:
            yield driver

    def browser(self) -> Browser:
        """Give somebody's browser, which is closed with the event."""
        self.people.append(Browser(ADDRESS.rstrip("/"), address="0.0.0.0", authority=self.authority))
        return self.people[-1]

    def at_notebook(self, name: str) -> tuple[Browser, Kernel]:
        """Claim a name, open the notebook in its container, start a kernel."""
        browser = self.browser()
        browser.claim(name, self.password)
        browser.open_notebook(name)
        return browser, Kernel(browser, name)

    def pid(self, part: str, prefix: str = "divebell-") -> int:
        """Give the number of a part's main process; 0 while there is none."""
        shown = self.target.ssh(f"systemctl show --value --property MainPID {prefix}{part}", check=False)
        return int(shown.stdout.strip() or 0)

    def containers(self) -> dict[str, str]:
        """Give since when each volunteer's container runs, by the volunteer's name."""
        shown = '{{index .Config.Labels "divebell.volunteer"}} {{.State.StartedAt}}'
        found = self.target.ssh(f"docker ps --quiet {OURS} | xargs -r docker inspect --format '{shown}'")
        return dict(line.split() for line in found.stdout.splitlines())

    def memory_of(self, name: str) -> int:
        """Give how many bytes of memory a volunteer's container may use."""
        one = f"docker ps --quiet --filter label=divebell.volunteer={name}"
        return int(self.target.ssh(f"docker inspect --format '{{{{.HostConfig.Memory}}}}' $({one})").stdout)

    def sql(self, statement: str) -> str:
        """Run a statement as the database's superuser; give the first value of what it answers."""
        script = (
            "import pathlib, sys; from divebell.database import admin; from divebell.event import State\n"
            f"with admin(State(pathlib.Path('{STATE}')), autocommit=True) as connection:\n"
            "    answer = connection.execute(sys.stdin.read()); print(answer.fetchone()[0] if answer.description else '')"
        )
        python = "cd / && /opt/divebell/venv/bin/python -c"
        return self.target.ssh(f"{python} {shlex.quote(script)}", stdin=statement).stdout.strip()


OURS = "--filter label=divebell.volunteer"


@contextmanager
def event_on(target: Target, folder: Path) -> Iterator[Deployment]:
    """Give an example event to deploy to a machine, which is found by its name as long as the block lasts."""
    event = copy_example(folder, WORKSPACE, EVENT)
    with resolving(HOST, target):
        deployed = Deployment(target, event)
        try:
            yield deployed
        finally:
            for one in deployed.people:
                one.client.close()


@contextmanager
def resolving(host: str, target: Target) -> Iterator[None]:
    """Have this process find a host at a machine's address, as everybody's name server would say."""
    known = socket.getaddrinfo

    def find(name: Any, *arguments: Any, **options: Any) -> Any:
        wanted = target.address if name in {host, host.encode()} else name
        return known(wanted, *arguments, **options)

    socket.getaddrinfo = find  # type: ignore[assignment]
    try:
        yield
    finally:
        socket.getaddrinfo = known


def newer_divebell(folder: Path, migration: str) -> Path:
    """Install this source under a later version and with one migration more; give where it lies."""
    source = folder / "source"
    for name in ("src", "pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md"):
        here, there = ROOT / name, source / name
        there.parent.mkdir(parents=True, exist_ok=True)
        if here.is_dir():
            shutil.copytree(here, there, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(here, there)
    package = source / "src" / "divebell"
    (package / "_version.py").write_text('__version__ = "99.0"\n')
    (package / "database" / "migrations" / "9900_later.sql").write_text(migration)
    install = [
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-build-isolation",
        "--target",
        "site",
        "./source",
    ]
    subprocess.run([sys.executable, *install], cwd=folder, check=True, timeout=300)
    return folder / "site"


def loop_devices(target: Target) -> set[str]:
    """Give the loop devices that hold files of a machine."""
    shown = target.ssh("losetup --list --noheadings --output NAME,BACK-FILE", check=False).stdout
    return {line.split()[0] for line in shown.splitlines() if "/srv/divebell" in line}
