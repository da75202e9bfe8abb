"""Files are read by processes that may do little, and whose end harms nobody."""

from __future__ import annotations

import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from divebell.event.model import DatasetHint
from divebell.pipeline.inspect import inspect
from divebell.pipeline.reading import limits
from divebell.pipeline.reading.frames import Opened, Rows
from divebell.pipeline.reading.service import FileRefusedError, Readings
from divebell.pipeline.reading.warming import READER_UID
from live import until

WELLS = "id,depth\n1,10\n2,20\n"


def large(folder: Path) -> Path:
    path = folder / "large.csv"
    path.write_text("id,name\n" + "".join(f"{row},name {row}\n" for row in range(400_000)))
    return path


def warm(readings: Readings) -> psutil.Process:
    """The process that forks, once it is there; other programs may stand between it and us."""
    readings.start()
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        leader = psutil.Process(readings.pid)
        for one in (leader, *leader.children(recursive=True)):
            if one.cmdline()[1:3] == ["-m", "divebell.pipeline.reading"]:
                return one
    raise AssertionError("no process is ready")


def forked(process: psutil.Process) -> psutil.Process:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if children := process.children():
            return children[0]
    raise AssertionError("no process reads")


def ended(process: psutil.Process) -> bool:
    """Tell whether a process has ended, buried or not: not every first process of a machine buries strangers."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def test_a_file_is_told_layer_by_layer(readings: Readings, folder: Path) -> None:
    (folder / "wells.csv").write_text(WELLS)
    [finding] = inspect(readings, folder / "wells.csv", DatasetHint())
    assert (finding.format, finding.rows, finding.nulls) == ("CSV", 2, (0, 0))
    assert [(one.name, one.sql) for one in finding.columns] == [("id", "bigint"), ("depth", "bigint")]


def test_one_warm_process_reads_file_after_file(readings: Readings, folder: Path) -> None:
    (folder / "wells.csv").write_text(WELLS)
    first = warm(readings).pid
    for _ in range(3):
        assert inspect(readings, folder / "wells.csv", DatasetHint())[0].rows == 2
    assert warm(readings).pid == first


def test_a_file_that_is_not_what_it_says_is_refused_and_the_next_is_read(
    readings: Readings, folder: Path
) -> None:
    (folder / "a.zip").write_bytes(b"PK\x03\x04 no archive")
    (folder / "wells.csv").write_text(WELLS)
    with pytest.raises(FileRefusedError):
        inspect(readings, folder / "a.zip", DatasetHint())
    assert inspect(readings, folder / "wells.csv", DatasetHint())[0].rows == 2


@pytest.mark.parametrize("number", [signal.SIGSEGV, signal.SIGKILL])
def test_a_reading_that_dies_is_refused_in_words_and_the_next_is_read(
    readings: Readings, folder: Path, number: signal.Signals
) -> None:
    path, process = large(folder), warm(readings)
    with readings.read(path, DatasetHint()) as told:
        assert isinstance(next(told), Opened)
        forked(process).send_signal(number)
        with pytest.raises(FileRefusedError, match=r"crashed \(SIGSEGV\)|ended from outside"):
            for _ in told:
                pass
    assert inspect(readings, path, DatasetHint())[0].rows == 400_000


def test_a_warm_process_that_dies_is_replaced(readings: Readings, folder: Path) -> None:
    path = large(folder)
    with readings.read(path, DatasetHint()) as told:
        assert isinstance(next(told), Opened)
        warm(readings).kill()
        with pytest.raises(FileRefusedError) as caught:
            for _ in told:
                pass
    assert caught.value.passing
    assert inspect(readings, path, DatasetHint())[0].rows == 400_000


def test_a_reading_that_is_given_up_ends(readings: Readings, folder: Path) -> None:
    process = warm(readings)
    with readings.read(large(folder), DatasetHint()) as told:
        assert any(isinstance(frame, Rows) for frame in told)
        assert process.children()
    assert not process.children()


def test_closing_ends_every_process_and_removes_what_was_unpacked(folder: Path, tmp_path: Path) -> None:
    with Readings([folder], tmp_path / "scratch") as readings:
        started = warm(readings)
        with readings.read(large(folder), DatasetHint()) as told:
            next(told)
            children = started.children()
            readings.close()
    until(lambda: all(map(ended, [started, *children])), "a process lives on")
    assert not (tmp_path / "scratch").exists()


def test_the_warm_process_knows_no_secret_and_has_no_network(
    readings: Readings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGPASSWORD", "hidden")
    process = warm(readings)
    wait_until_ready(readings)
    assert "PGPASSWORD" not in process.environ()
    assert Path(f"/proc/{process.pid}/ns/net").readlink() != Path("/proc/self/ns/net").readlink()


def wait_until_ready(readings: Readings) -> None:
    """A request is answered only once all is loaded and the network is left."""
    path = readings.scratch.parent / "data" / "ready.csv"
    path.write_text(WELLS)
    inspect(readings, path, DatasetHint())


def test_a_process_that_has_left_the_network_reaches_nobody() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        script = (
            "import socket, sys\nfrom divebell.pipeline.reading.limits import leave_network\nleave_network()\n"
            f"socket.create_connection(('127.0.0.1', {server.getsockname()[1]}), 1)\n"
        )
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "Network is unreachable" in done.stderr


@pytest.mark.parametrize(
    ("changed", "does", "ends"),
    [
        ("CPU_SECONDS = 1", "while True: pass", -signal.SIGXCPU),
        ("WRITTEN_BYTES = 1000", "f = open('big', 'wb'); f.write(bytes(20000)); f.flush()", 1),
        ("MEMORY_BYTES = 1 << 30", "bytearray(2 << 30)", 1),
    ],
)
def test_a_reading_is_held_to_its_limits(tmp_path: Path, changed: str, does: str, ends: int) -> None:
    script = f"from divebell.pipeline.reading import limits\nlimits.{changed}\nlimits.limit(0, alone=False)\n{does}\n"
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == ends
    assert ends < 0 or "MemoryError" in done.stderr or "File too large" in done.stderr


def test_a_larger_file_may_take_longer() -> None:
    assert limits.cpu_seconds(0) == limits.CPU_SECONDS
    assert limits.cpu_seconds(100 << 20) == limits.CPU_SECONDS + 100 * limits.CPU_SECONDS_PER_MB


@pytest.mark.root
def test_a_strangers_file_is_opened_by_an_account_that_owns_nothing(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    (closed / "data").mkdir(parents=True)
    closed.chmod(0o700)
    (closed / "data").chmod(0o755)
    path = large(closed / "data")
    with (
        Readings([closed / "data"], closed / "scratch") as readings,
        readings.read(path, DatasetHint()) as told,
    ):
        next(told)
        process = warm(readings)
        assert {process.uids().effective, forked(process).uids().effective} == {READER_UID}
        limits_of = Path(f"/proc/{forked(process).pid}/limits").read_text()
        assert re.search(rf"^Max processes +{limits.THREADS} ", limits_of, re.MULTILINE)
