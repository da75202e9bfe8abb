"""Files read by a service: `systemd-socket-activate` starts one for each connection, as systemd does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import psutil
import pytest

from divebell.errors import DivebellError
from divebell.event.model import DatasetHint
from divebell.pipeline.reading import frames
from divebell.pipeline.reading.service import FileRefusedError, Readings
from live import until

HINT = DatasetHint()


def listens(path):
    """Tell whether somebody takes connections at a socket, which is a file before that."""
    lines = [line.split() for line in Path("/proc/net/unix").read_text().splitlines()]
    return any(words[3] == "00010000" and words[7:] == [str(path)] for words in lines[1:])


@pytest.fixture
def address(tmp_path):
    """The socket at which each connection gets a warm process of its own."""
    path, scratch = tmp_path / "reader.sock", tmp_path / "scratch"
    scratch.mkdir()
    reader = [sys.executable, "-P", "-m", "divebell.pipeline.reading", str(scratch), "shared"]
    activate = ["systemd-socket-activate", "--seqpacket", "--accept", "--inetd", f"--listen={path}"]
    process = subprocess.Popen([*activate, "--setenv=PATH", *reader], start_new_session=True)
    until(lambda: listens(path), "nobody listens at the socket")
    yield str(path)
    os.killpg(process.pid, signal.SIGTERM)
    process.wait()


@pytest.fixture
def readings(tmp_path, address):
    with Readings([tmp_path], tmp_path / "unused", address) as service:
        yield service


def rows_in(readings, file):
    with readings.read(file, HINT) as told:
        return sum(frame.count for frame in told if isinstance(frame, frames.Rows))


def test_a_file_is_read_by_the_service(readings, tmp_path):
    file = tmp_path / "wells.csv"
    file.write_text("a,b\n1,x\n2,y\n3,z\n")
    assert rows_in(readings, file) == 3
    assert rows_in(readings, file) == 3
    assert readings.pid is None
    assert not readings.scratch.exists()


def test_a_broken_file_is_refused_in_words(readings, tmp_path):
    file = tmp_path / "wells.xlsx"
    file.write_bytes(b"PK\x03\x04 nothing")
    with pytest.raises(FileRefusedError), readings.read(file, HINT) as told:
        list(told)


def test_after_the_service_has_ended_the_next_file_gets_a_new_one(readings, tmp_path):
    file = tmp_path / "wells.csv"
    file.write_text("a\n1\n")
    assert rows_in(readings, file) == 1
    for process in psutil.process_iter(["cmdline", "name"]):
        words, name = process.info["cmdline"] or [], process.info["name"] or ""
        if words[-2:-1] == [str(tmp_path / "scratch")] and "activate" not in name:
            with suppress(psutil.NoSuchProcess):
                process.kill()
    until(lambda: not readings._warm.alive, "the process that reads did not end")
    assert rows_in(readings, file) == 1


def test_a_service_that_is_away_is_told_in_words(tmp_path):
    with (
        Readings([tmp_path], tmp_path / "unused", str(tmp_path / "nobody")) as readings,
        pytest.raises(DivebellError, match="not there"),
    ):
        readings.start()
