"""Where the warm process that reads files comes from: the loader starts it, or a server's systemd does."""

from __future__ import annotations

import os
import select
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Protocol

from divebell.database.account import FIRST_UID, ending_with_us, interpreter_paths, run_as
from divebell.errors import DivebellError
from divebell.event.state import STATE_VARIABLE
from divebell.pipeline.reading.warm import REQUEST_BYTES

SOCKET_VARIABLE = "DIVEBELL_READER"
"""Where a server's systemd starts a warm process for whoever connects; else the loader starts its own."""
READER_UID = FIRST_UID - 1
"""As root, the account that opens strangers' files: nobody's, and no volunteer's."""
_KEPT_VARIABLES = ("PATH", "LANG", "TZ", "PYTHONPATH", STATE_VARIABLE)
_MEMORY = {
    "OPENBLAS_NUM_THREADS": "1",
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "GLIBC_TUNABLES": "glibc.malloc.hugetlb=1:"
    "glibc.malloc.mmap_threshold=1073741824:glibc.malloc.trim_threshold=2147483648",
}
"""Large pages, and memory that is kept once it was asked for: a fork begins with none, and each page it first
touches costs; reading 200,000 polygons took three times as long without."""
_END_SECONDS = 10.0
_HUNG_UP = select.POLLHUP | select.POLLERR


class Warm(Protocol):
    """A warm process, wherever it comes from."""

    @property
    def pid(self) -> int | None:
        """The process that leads to the warm one, or is it; None where it is not ours or there is none."""

    @property
    def alive(self) -> bool:
        """Whether there is one."""

    def begin(self) -> socket.socket:
        """Have one get ready, and give the socket it listens at."""

    def end(self) -> None:
        """End what begins with closing that socket."""


class Started:
    """A child of this process, as root of another account, with `scratch` to write in."""

    def __init__(self, reachable: Sequence[Path], scratch: Path) -> None:
        """Prepare to read below `reachable` (existing folders); `scratch` is emptied and written to."""
        self._reachable, self._scratch = tuple(reachable), scratch
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int | None:
        """The process that leads to the warm one, or is it."""
        return self._process.pid if self._process else None

    @property
    def alive(self) -> bool:
        """Whether it runs."""
        return self._process is not None and self._process.poll() is None

    def begin(self) -> socket.socket:
        """Start it."""
        self._scratch.mkdir(mode=0o700, parents=True)
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self._process = subprocess.Popen(
                self._command(),
                cwd=self._scratch,
                env=self._environment(),
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                start_new_session=True,
            )
        return ours

    def end(self) -> None:
        """End it and with it all it forked."""
        if self._process is not None:
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(_END_SECONDS)
            if self._process.poll() is None:
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
        self._process = None
        shutil.rmtree(self._scratch, ignore_errors=True)

    def _command(self) -> list[str]:
        alone = os.geteuid() == 0
        account = "alone" if alone else "shared"
        argv = [sys.executable, "-m", "divebell.pipeline.reading", str(self._scratch), account]
        if alone:
            os.chown(self._scratch, READER_UID, READER_UID)
        reachable = [*interpreter_paths(), *self._reachable]
        return ending_with_us(
            run_as(READER_UID, READER_UID, argv, reachable=reachable, writable=[self._scratch])
        )

    def _environment(self) -> dict[str, str]:
        kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
        return kept | _MEMORY | {"HOME": str(self._scratch), "TMPDIR": str(self._scratch)}


class Joined:
    """A service of its own: whoever connects gets one, which ends when the connection does."""

    pid = None

    def __init__(self, address: str) -> None:
        self._address = address
        self._control: socket.socket | None = None

    @property
    def alive(self) -> bool:
        """Whether the other end is still there."""
        if self._control is None or self._control.fileno() < 0:
            return False
        poll = select.poll()
        poll.register(self._control, 0)
        return not any(event & _HUNG_UP for _, event in poll.poll(0))

    def begin(self) -> socket.socket:
        """Connect. Raises DivebellError when nobody is there."""
        control = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            control.connect(self._address)
        except OSError as error:
            control.close()
            raise DivebellError(
                f"what reads files is not there: {error}", next_step="systemctl start divebell-reader.socket"
            ) from error
        self._control = control
        return control

    def end(self) -> None:
        """Forget it."""
        self._control = None


def warm(reachable: Sequence[Path], scratch: Path, served: str | None) -> Warm:
    """Give where warm processes come from: the service at the address `served`, or this process."""
    return Joined(served) if served else Started(reachable, scratch)


def widened(control: socket.socket) -> socket.socket:
    """Let a socket hold whole requests."""
    control.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, REQUEST_BYTES)
    return control
