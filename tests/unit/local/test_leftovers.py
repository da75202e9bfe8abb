import os
import subprocess
import sys
import time

import psutil
import pytest

from divebell.event import State
from divebell.event.state import STATE_VARIABLE
from divebell.hub.spawner.accounts import ensure_home
from divebell.local.leftovers import is_notebook, processes_of, stop_processes

STUBBORN = (
    "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print(flush=True); time.sleep(60)"
)


@pytest.fixture
def state(tmp_path):
    return State(tmp_path / ".divebell")


@pytest.fixture
def start(state):
    started = []

    def run(code="import time; print(flush=True); time.sleep(60)", folder=None, **environment):
        process = subprocess.Popen(
            [sys.executable, "-c", code],
            env=os.environ | {STATE_VARIABLE: str(folder or state.folder)} | environment,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
        started.append(process)
        process.stdout.readline()
        return process

    yield run
    for process in started:
        process.kill()
        process.wait()
        process.stdout.close()


def test_processes_of_one_event_are_found_and_no_others(state, start, tmp_path):
    mine = start()
    start(folder=tmp_path / "another" / ".divebell")
    assert [process.pid for process in processes_of(state)] == [mine.pid]


def test_a_grandchild_whose_parent_is_gone_is_found(state, start):
    code = (
        "import subprocess, sys\n"
        "child = subprocess.Popen(['sleep', '60'], start_new_session=True)\n"
        "print(child.pid, flush=True)\n"
    )
    parent = start(code)
    parent.wait()
    deadline = time.monotonic() + 30
    while not (found := processes_of(state)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(found) == 1
    stop_processes(found)
    assert processes_of(state) == []


def test_a_process_that_ignores_a_polite_end_is_killed(state, start):
    process = start(STUBBORN)
    stop_processes(processes_of(state), seconds=0.2)
    assert not psutil.pid_exists(process.pid)


def test_the_caller_is_never_among_them(state, monkeypatch):
    monkeypatch.setenv(STATE_VARIABLE, str(state.folder))
    assert os.getpid() not in {process.pid for process in processes_of(state)}


def test_a_volunteers_process_is_known_by_its_home(state, start):
    process = start(HOME=str(state.homes / "ana"))
    part = start(HOME="/root")
    assert is_notebook(psutil.Process(process.pid), state)
    assert not is_notebook(psutil.Process(part.pid), state)


def test_a_volunteers_process_that_threw_off_its_environment_is_found(state):
    if os.geteuid() != 0:
        pytest.fail("run as root: volunteers have own accounts only then")
    uid = str(ensure_home(state.homes, "ana").uid)
    account = ["setpriv", "--reuid", uid, "--regid", uid, "--clear-groups", "--"]
    with subprocess.Popen([*account, "setsid", "env", "-i", "/bin/sleep", "60"]) as process:
        try:
            deadline = time.monotonic() + 30
            while psutil.Process(process.pid).name() != "sleep" and time.monotonic() < deadline:
                time.sleep(0.02)
            assert [found.pid for found in processes_of(state)] == [process.pid]
            assert is_notebook(psutil.Process(process.pid), state)
            process.kill()
            os.waitid(os.P_PID, process.pid, os.WEXITED | os.WNOWAIT)  # it is dead, and nobody has buried it
            assert processes_of(state) == []
        finally:
            process.kill()
