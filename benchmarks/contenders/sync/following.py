"""An event that follows a repository of many data files at a git host, and somebody who pushes to it."""

from __future__ import annotations

import hashlib
import hmac
import json
import os
import sys
import tempfile
import time
import urllib.request
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg

from contenders.event import divebell, free_port, run
from divebell.database import connect
from divebell.event import Ports, State, load_secrets

sys.path.insert(0, str(Path(__file__).parents[3] / "tests"))

from git_host import TOKEN, Clone, HttpsHost, https_host

ROWS = 200
_EVENT = "name: Benchmark\ndata:\n  repository: {address}\ndatabase:\n  scratch: 256 MB\n"
_LONGEST_SECONDS = 1800.0


@dataclass(frozen=True)
class Following:
    """What runs."""

    folder: Path
    clone: Clone
    host: HttpsHost
    connection: psycopg.Connection

    @property
    def state(self) -> State:
        """Where the event's parts are found."""
        return State.beside(self.folder / "event.yaml")

    @property
    def address(self) -> str:
        """Where people open the event."""
        return f"http://127.0.0.1:{Ports.load(self.state).proxy}"

    def hook(self, commit: str) -> None:
        """Tell the event of a push as GitHub does."""
        body = json.dumps({"ref": "refs/heads/main", "after": commit}).encode()
        secret = load_secrets(self.state).webhook_secret.encode()
        headers = {
            "Content-Type": "application/json",
            "X-GitHub-Event": "push",
            "X-GitHub-Delivery": str(uuid.uuid4()),
            "X-Hub-Signature-256": f"sha256={hmac.new(secret, body, hashlib.sha256).hexdigest()}",
        }
        where = f"{self.address}/services/event/hook"
        with urllib.request.urlopen(urllib.request.Request(where, body, headers)) as answer:
            answer.read()

    def wait(self, question: str, *values: object) -> None:
        """Wait until the answer to a question is true."""
        deadline = time.monotonic() + _LONGEST_SECONDS
        while not self.connection.execute(question, values).fetchone()[0]:  # type: ignore[index,arg-type]
            if time.monotonic() > deadline:
                raise RuntimeError(f"divebell's loader did not get there; see {self.state.folder}")
            time.sleep(0.005)


def points(turn: int, number: int) -> str:
    """Give a data file: points that are others each turn."""
    header = "id,name,depth,longitude,latitude\n"
    lines = (
        f"{row},well {number}-{row},{turn},{-90 + row / 1000 + number / 100},{30 + row / 1000}\n"
        for row in range(ROWS)
    )
    return header + "".join(lines)


def path(number: int) -> str:
    """Name a data file."""
    return f"data/{number // 100:02d}/wells_{number:04d}.csv"


@contextmanager
def following(files: int) -> Iterator[Following]:
    """Keep an event up that has loaded all of it, for as long as the block lasts."""
    with tempfile.TemporaryDirectory(prefix="divebell-bench-") as name:
        home = Path(name)
        clone = Clone.make(home)
        first = clone.push({path(number): points(0, number) for number in range(files)})
        with https_host(home, clone.bare) as host:
            host.trusted_by(home)
            folder = home / "event"
            folder.mkdir()
            (folder / "event.yaml").write_text(_EVENT.format(address=host.address))
            state = State.beside(folder / "event.yaml")
            run([*divebell("secrets"), "set", "repository-token", str(folder)], given=TOKEN)
            environment = {**os.environ, "HOME": str(home)}
            run([*divebell("up"), str(folder), "--detach", "--port", str(free_port())], environment)
            try:
                with connect(state, "event_loader", autocommit=True) as connection:
                    one = Following(folder, clone, host, connection)
                    one.wait("SELECT coalesce(commit = %s, false) FROM catalogue.loader", first)
                    yield one
            finally:
                run([*divebell("down"), str(folder)])
