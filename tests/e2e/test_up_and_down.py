"""Up, down and everything in between: nothing is left behind, nothing is lost."""

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from divebell.database import connect
from divebell.event import State, load_secrets
from divebell.local.leftovers import processes_of
from divebell.local.supervisor import Supervisor
from live import bring_up, copy_example, divebell, free_port, live_event


@pytest.fixture
def folder(tmp_path):
    folder = copy_example(tmp_path / "example")
    yield folder
    divebell("down", folder)


def until(condition, seconds=120):
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if condition():
            return True
        time.sleep(0.2)
    return False


def number_in(file):
    try:
        return int(file.read_text())
    except (FileNotFoundError, ValueError):  # it is being written anew
        return None


def listeners(state):
    pids = {process.pid for process in processes_of(state)}
    return [each for each in psutil.net_connections("tcp") if each.status == "LISTEN" and each.pid in pids]


def test_everything_is_stopped_and_everything_is_kept(folder):
    event = bring_up(folder)
    with connect(event.state, "event_web") as connection:
        tables = connection.execute("SELECT count(*) FROM catalogue.dataset").fetchone()
    assert divebell("down", folder).returncode == 0
    assert processes_of(event.state) == []
    code, status = event.status()
    assert (code, status["ready"]) == (1, False)

    again = bring_up(folder)
    assert (again.address, again.password, again.ambassadors) == (
        event.address,
        event.password,
        event.ambassadors,
    )
    with connect(event.state, "event_web") as connection:
        assert connection.execute("SELECT count(*) FROM catalogue.dataset").fetchone() >= tables


def test_nothing_listens_beyond_this_machine(folder):
    event = bring_up(folder)
    found = listeners(event.state)
    assert {each.laddr.ip for each in found} == {"127.0.0.1"}
    assert {event.ports.proxy, event.ports.postgres} <= {each.laddr.port for each in found}


def test_the_state_folder_is_closed_to_others(folder):
    event = bring_up(folder)
    assert stat.S_IMODE(event.state.folder.stat().st_mode) == 0o700
    assert stat.S_IMODE(event.state.secrets_file.stat().st_mode) == 0o600


def test_a_second_up_says_that_the_event_runs(folder):
    event = bring_up(folder)
    supervisor = Supervisor(event.ports, load_secrets(event.state))
    before = supervisor.processes()
    result = divebell("up", folder)
    assert result.returncode == 0
    assert "already up" in result.stdout
    assert event.address in result.stdout
    assert supervisor.processes() == before


def test_another_port_is_refused_while_the_event_runs(folder):
    bring_up(folder)
    result = divebell("up", folder, "--port", free_port())
    assert result.returncode == 1
    assert "divebell down" in result.stderr


def test_a_port_in_use_is_explained(folder):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        result = divebell("up", folder, "--detach", "--port", other.getsockname()[1])
    assert result.returncode == 1
    assert "already in use by" in result.stderr
    assert "--port" in result.stderr


def test_killing_the_supervisor_leaves_no_part_running_and_up_mends_it(folder):
    event = bring_up(folder)
    supervisor = int((event.state.run / "supervisor.pid").read_text())
    os.kill(supervisor, signal.SIGKILL)
    assert until(lambda: not processes_of(event.state)), processes_of(event.state)
    code, status = event.status()
    assert code == 1
    assert not next(part for part in status["parts"] if part["name"] == "supervisor")["ready"]
    assert bring_up(folder, "--port", event.ports.proxy).address == event.address
    assert until(lambda: event.status()[0] == 0)


@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL])
def test_the_event_ends_with_the_command_in_the_foreground(folder, end):
    command = [sys.executable, "-m", "divebell", "up", str(folder), "--port", str(free_port())]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    lines = []
    for line in process.stdout:
        lines.append(line)
        if "Password" in line:
            break
    assert any("Address" in line for line in lines), lines
    process.send_signal(end)
    rest = process.stdout.read()
    process.wait(120)
    process.stdout.close()
    assert until(lambda: not processes_of(State.beside(folder / "event.yaml"))), rest
    assert process.returncode == (-signal.SIGKILL if end == signal.SIGKILL else 0)


def test_a_supervisor_killed_under_the_command_in_the_foreground_comes_back(folder):
    port = free_port()
    command = [sys.executable, "-m", "divebell", "up", str(folder), "--port", str(port)]
    with (folder.parent / "output").open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    pid_file = folder / ".divebell" / "run" / "supervisor.pid"
    assert until(lambda: "ends the event" in (folder.parent / "output").read_text())
    first = int(pid_file.read_text())
    os.kill(first, signal.SIGKILL)
    assert until(lambda: number_in(pid_file) not in {None, first})
    assert until(lambda: divebell("status", folder).returncode == 0)
    assert divebell("down", folder).returncode == 0
    assert process.wait(120) == 0


def test_two_events_run_side_by_side_and_stop_apart(tmp_path):
    with live_event(copy_example(tmp_path / "one")) as one, live_event(copy_example(tmp_path / "two")) as two:
        assert divebell("down", one.folder).returncode == 0
        assert processes_of(one.state) == []
        assert until(lambda: two.status()[0] == 0)


def test_a_changed_event_file_is_taken_over_by_the_next_up(folder):
    event = bring_up(folder)
    file = folder / "event.yaml"
    file.write_text(file.read_text() + "\nmaps:\n  public: true\n")
    result = divebell("up", folder, "--detach")
    assert result.returncode == 0, result.stderr
    assert "has changed" in result.stderr
    assert until(lambda: event.status()[0] == 0)


def test_logs_show_each_part_behind_its_name(folder):
    bring_up(folder)
    result = divebell("logs", "--event", folder, "--lines", 5)
    assert result.returncode == 0
    assert {line.split()[0] for line in result.stdout.splitlines() if line.strip()} >= {"hub", "postgres"}
    only = divebell("logs", "hub", "--event", folder)
    assert {line.split()[0] for line in only.stdout.splitlines() if line.strip()} == {"hub"}


def test_no_secret_reaches_a_log(folder):
    event = bring_up(folder)
    secrets = json.loads(event.state.secrets_file.read_text())
    values = [value for value in secrets.values() if value and isinstance(value, str)] + list(
        secrets["ambassadors"].values()
    )
    for log in event.state.logs.iterdir():
        text = Path(log).read_text(errors="replace")
        assert [value for value in values if value in text] == [], log.name


def test_data_that_is_not_there_is_named_before_anything_starts(tmp_path):
    (tmp_path / "event.yaml").write_text("name: A\ndata:\n  repository: ./nowhere\n")
    result = divebell("up", tmp_path, "--detach")
    assert result.returncode == 1
    assert "event.yaml:3: data.repository" in result.stderr
    assert not (tmp_path / ".divebell").exists()


def test_down_from_another_terminal_ends_the_command_in_the_foreground_well(folder):
    command = [sys.executable, "-m", "divebell", "up", str(folder), "--port", str(free_port())]
    with (folder.parent / "output").open("w") as output:
        process = subprocess.Popen(command, stdout=output, stderr=subprocess.STDOUT)
    assert until(lambda: divebell("status", folder).returncode == 0)
    result = divebell("down", folder)
    assert (result.returncode, process.wait(120)) == (0, 0), result.stderr
    assert "The event is down" in result.stderr
    assert "Traceback" not in (folder.parent / "output").read_text()
