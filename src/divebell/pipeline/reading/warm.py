"""The process that is ready to read: libraries loaded, no network, no secret. Each file gets a fork of it.

It listens on its standard input, a socket: `{"id", "path", "hint", "raster"}` with the descriptor to answer
on opens a file (`raster`: to make it ready to be drawn), `{"cancel": id}` ends that reading, and
`{"id", "code"}` comes back when one has ended.
"""

from __future__ import annotations

import json
import os
import selectors
import shutil
import signal
import socket
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from divebell.pipeline.reading import limits

REQUEST_BYTES = 1 << 20
_LONGEST_WAIT = 3
"""How many times its processor time a reading may last; one that merely sleeps is ended here."""


class _Absent:
    """Hides pandas, which pyarrow and pyogrio import if they can: most of the time it takes to get ready."""

    def find_spec(self, name: str, path: object = None, target: object = None) -> None:  # noqa: ARG002
        """Answer the import system."""
        if name in {"pandas", "geopandas"}:
            raise ModuleNotFoundError(name=name)


@dataclass(frozen=True)
class _Reading:
    """One fork at work."""

    number: int
    pid: int
    handle: int
    folder: Path
    until: float


def main(arguments: list[str]) -> int:
    """Serve until the socket's other end is closed.

    Arguments: a folder to write in, and whether the account is this process's `alone`, `shared` with others,
    or that of a service whose whole account and network are `apart`.
    """
    scratch, account = Path(arguments[0]), arguments[1]
    limits.be_unreadable()
    if account != "apart":
        limits.leave_network()
    sys.meta_path.insert(0, _Absent())
    _load_libraries()
    with socket.socket(fileno=os.dup(0)) as control:
        _Server(control, scratch, alone=account != "shared").serve()
    return 0


def _load_libraries() -> None:
    from divebell.pipeline.reading import child  # noqa: F401, PLC0415 - pandas had to be hidden first
    from divebell.readers import gdal  # noqa: PLC0415

    gdal.restrict()


class _Server:
    """Forks for each request and sees to its end."""

    def __init__(self, control: socket.socket, scratch: Path, *, alone: bool) -> None:
        self._control = control
        self._scratch = scratch
        self._alone = alone
        self._readings: dict[int, _Reading] = {}
        self._selector = selectors.DefaultSelector()
        self._selector.register(control, selectors.EVENT_READ)

    def serve(self) -> None:
        """Go on until the loader is gone, and leave nothing behind."""
        try:
            while True:
                ready = self._selector.select(self._patience())
                for key, _ in ready:
                    if key.fileobj is not self._control:
                        self._ended(self._readings[int(key.data)])
                    elif not self._request():
                        return
                self._end_late_ones()
        finally:
            for one in list(self._readings.values()):
                os.kill(one.pid, signal.SIGKILL)
                self._reap(one)

    def _request(self) -> bool:
        try:
            message, descriptors, _, _ = socket.recv_fds(self._control, REQUEST_BYTES, 1)
        except ConnectionError:  # the loader left without hearing how its last readings ended
            return False
        if not message:
            return False
        request: dict[str, Any] = json.loads(message)
        if "cancel" in request:
            if (one := self._readings.get(request["cancel"])) is not None:
                os.kill(one.pid, signal.SIGKILL)
            return True
        try:
            self._start(request, descriptors[0])
        finally:
            for descriptor in descriptors:
                os.close(descriptor)
        return True

    def _start(self, request: dict[str, Any], answer: int) -> None:
        path = Path(request["path"])
        size = path.stat().st_size
        folder = Path(tempfile.mkdtemp(prefix="read-", dir=self._scratch))
        pid = os.fork()
        if pid == 0:
            self._let_go()
            room = _Room(folder, size, self._alone, raster=bool(request.get("raster")))
            os._exit(_forked(path, request["hint"], answer, room))
        handle = os.pidfd_open(pid)
        until = time.monotonic() + _LONGEST_WAIT * limits.cpu_seconds(size)
        one = _Reading(request["id"], pid, handle, folder, until)
        self._readings[one.number] = one
        self._selector.register(handle, selectors.EVENT_READ, one.number)

    def _let_go(self) -> None:
        """In a fork: hold nothing of what others are reached by."""
        self._selector.close()
        for one in self._readings.values():
            os.close(one.handle)
        self._control.close()

    def _ended(self, one: _Reading) -> None:
        code = self._reap(one)
        with suppress(ConnectionError):  # the next look at the socket tells that the loader is gone
            self._control.send(json.dumps({"id": one.number, "code": code}).encode())

    def _reap(self, one: _Reading) -> int:
        _, status = os.waitpid(one.pid, 0)
        self._selector.unregister(one.handle)
        os.close(one.handle)
        del self._readings[one.number]
        shutil.rmtree(one.folder, ignore_errors=True)
        return os.waitstatus_to_exitcode(status)

    def _patience(self) -> float | None:
        ends = [one.until for one in self._readings.values()]
        return max(0.0, min(ends) - time.monotonic()) if ends else None

    def _end_late_ones(self) -> None:
        for one in self._readings.values():
            if time.monotonic() > one.until:
                os.kill(one.pid, signal.SIGXCPU)  # told from a SIGKILL that comes from elsewhere


@dataclass(frozen=True)
class _Room:
    """Where a fork may write, and by what its limits are measured."""

    folder: Path
    size: int
    alone: bool
    raster: bool


def _forked(path: Path, hint: str, answer: int, room: _Room) -> int:
    """Be the process that reads one file; gives its exit code."""
    from divebell.event.model import DatasetHint  # noqa: PLC0415 - loaded already
    from divebell.pipeline.reading import child, frames  # noqa: PLC0415

    try:
        limits.die_with_parent(signal.SIGKILL)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
        devnull = os.open(os.devnull, os.O_RDWR)
        os.dup2(devnull, 0)
        os.dup2(devnull, 1)
        os.environ["TMPDIR"] = os.environ["HOME"] = tempfile.tempdir = str(room.folder)
        os.chdir(room.folder)
        limits.limit(room.size, alone=room.alone)
        child.read(path, DatasetHint.model_validate_json(hint), frames.Sender(answer), raster=room.raster)
    except BaseException:  # noqa: BLE001 - nothing of the parent's may run in the fork
        return 1
    return 0
