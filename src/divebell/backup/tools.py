"""Run PostgreSQL's own programs against the event's server, over its unix socket."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

from divebell.database.binaries import Binaries, find_binaries
from divebell.database.cluster import made_by_version, socket_folder
from divebell.database.settings import SUPERUSER
from divebell.errors import DivebellError
from divebell.event import Ports, State

_RANDOM = re.compile(r"^(--|\\restrict|\\unrestrict)")


@dataclass(frozen=True)
class Tools:
    """The programs of the PostgreSQL that made the cluster, and how they reach its server."""

    binaries: Binaries
    state: State

    @classmethod
    def of(cls, state: State) -> Tools:
        """Find them. Raises DivebellError where that version is not installed."""
        return cls(find_binaries(made_by_version(state)), state)

    def command(self, program: str, *words: str) -> list[str]:
        """Give the command line of one of the programs."""
        return [self.binaries.program(program), "--username", SUPERUSER, "--no-password", *words]

    def run(self, command: Sequence[str], fine: tuple[int, ...] = (0,)) -> subprocess.CompletedProcess[str]:
        """Run a command to its end. Raises DivebellError with its own words."""
        with self._environment() as (environment, descriptor):
            done = subprocess.run(
                list(command),
                env=environment,
                pass_fds=(descriptor,),
                capture_output=True,
                text=True,
                errors="surrogateescape",
                check=False,
            )
        if done.returncode not in fine:
            raise DivebellError(f"{program_of(command)}: {done.stderr.strip()[-600:]}")
        return done

    @contextmanager
    def _environment(self) -> Iterator[tuple[dict[str, str], int]]:
        """Reach the socket through a descriptor: its path may be too long for a socket's address."""
        descriptor = os.open(socket_folder(self.state), os.O_PATH | os.O_DIRECTORY)
        try:
            yield (
                {
                    "PATH": os.environ.get("PATH", ""),
                    "LC_ALL": "C.UTF-8",
                    "PGTZ": "UTC",
                    "PGHOST": f"/proc/self/fd/{descriptor}",
                    "PGPORT": str(Ports.load(self.state).postgres),
                },
                descriptor,
            )
        finally:
            os.close(descriptor)


def program_of(command: Sequence[str]) -> str:
    """Give the name of the PostgreSQL program in a command line."""
    return next(word for word in command if "/pg_" in word).rpartition("/")[2]


def definitions(text: str) -> list[str]:
    """Give the lines of a dump of definitions that say something, in an order of their own.

    Comments name versions, and pg_dump puts in a random word that keeps psql from obeying the dump.
    """
    return sorted(line for line in text.splitlines() if line.strip() and not _RANDOM.match(line))
