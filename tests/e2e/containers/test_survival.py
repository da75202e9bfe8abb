"""Hub, proxy, PostgreSQL and the engine are killed while somebody works in a container: the work goes on."""

import os
import signal
import subprocess
import time
from pathlib import Path

import httpx
import pytest

from divebell.containers.engine import answers
from divebell.containers.network import LABEL, event_key, network_name
from divebell.event import Ports, load_secrets
from divebell.local.supervisor import Supervisor
from live import bring_up, divebell, until
from volunteer import Browser

PATIENCE = 180
ENGINE_PID = Path("/run/divebell-engine/pid")
"""Where scripts/engine writes which process it started."""


@pytest.fixture(scope="module")
def zoe(volunteer):
    browser, kernel = volunteer("zoe")
    kernel.run("import os; kept = os.getpid()")
    return browser, kernel


def pid_of(event, part):
    return Supervisor(Ports.load(event.state), load_secrets(event.state)).processes().get(part)


def ready(event):
    return event.status()[0] == 0


def page_of(browser, path):
    try:
        return browser.follow(path).status_code
    except (httpx.TransportError, httpx.TooManyRedirects):
        return None


def still_works(browser, kernel):
    """The notebook's page, its kernel with its variables, and the database."""
    until(lambda: page_of(browser, "/user/zoe/lab") == 200, "the notebook's page did not come back")
    kernel.connect()
    assert kernel.run("print(kept == os.getpid())").strip() == "True"
    rows = "import psycopg\nwith psycopg.connect('') as c: print(c.execute('SELECT 1').fetchone())"
    assert kernel.run(rows).strip() == "(1,)"


@pytest.mark.parametrize(
    ("part", "number"),
    [
        ("hub", signal.SIGTERM),
        ("hub", signal.SIGKILL),
        ("proxy", signal.SIGTERM),
        ("proxy", signal.SIGKILL),
        ("postgres", signal.SIGINT),
        ("postgres", signal.SIGKILL),
    ],
)
def test_a_part_is_killed_and_the_kernel_in_its_container_lives_on(event, zoe, part, number):
    browser, kernel = zoe
    first = pid_of(event, part)
    os.kill(first, number)
    until(lambda: pid_of(event, part) not in {None, first} and ready(event), f"{part} did not come back")
    still_works(browser, kernel)
    assert browser.who() == "zoe"


def test_a_hub_killed_while_it_starts_a_server_leaves_no_orphan(event, engine):
    browser = Browser(event.address.rstrip("/"))
    browser.claim("kim", event.password)
    browser.follow("/hub/spawn")
    time.sleep(0.7)
    first = pid_of(event, "hub")
    os.kill(first, signal.SIGKILL)
    until(lambda: pid_of(event, "hub") not in {None, first} and ready(event), "the hub did not come back")
    browser.open_notebook("kim")
    label = [f"{LABEL}={event_key(event.state)}", "divebell.volunteer=kim"]
    assert len(engine.containers.list(all=True, filters={"label": label})) == 1
    browser.client.close()


def test_an_ended_container_starts_again_with_everything_in_the_home(event, engine, volunteer):
    browser, kernel = volunteer("lea")
    kernel.run("import pathlib; pathlib.Path.home().joinpath('mine.txt').write_text('still here')")
    label = [f"{LABEL}={event_key(event.state)}", "divebell.volunteer=lea"]
    engine.containers.list(filters={"label": label})[0].kill()
    kernel.close()
    until(lambda: page_of(browser, "/user/lea/lab") == 424, "the hub did not notice")
    browser.open_notebook("lea", seconds=PATIENCE)
    answer = browser.api("GET", "/user/lea/api/contents/mine.txt")
    assert answer.json()["content"] == "still here"


@pytest.mark.root
def test_the_engine_is_killed_and_started_again_while_a_kernel_works(event, engine, zoe):
    """With live-restore, as scripts/engine starts it, containers outlive the engine; else they start anew."""
    browser, kernel = zoe
    outlives = engine.info()["LiveRestoreEnabled"]
    try:
        kill_engine()
        until(lambda: not answers(), "the engine was not killed")
        if outlives:
            kernel.connect()
            assert kernel.run("print(kept == os.getpid())").strip() == "True"
    finally:  # whatever comes of it, others need the engine
        subprocess.run([Path(__file__).parents[3] / "scripts" / "engine"], check=True, timeout=120)
    if outlives:
        still_works(browser, kernel)
    else:
        browser.open_notebook("zoe", seconds=PATIENCE)
    newcomer = Browser(event.address.rstrip("/"))
    newcomer.claim("after", event.password)
    newcomer.open_notebook("after")
    newcomer.client.close()


def kill_engine():
    if ENGINE_PID.exists():
        os.kill(int(ENGINE_PID.read_text()), signal.SIGKILL)
    else:
        subprocess.run(["systemctl", "kill", "--signal=KILL", "docker"], check=True)


def test_down_leaves_no_container_no_network_no_rule_and_no_mount(event, engine, zoe):
    zoe[1].close()
    assert divebell("down", event.folder).returncode == 0
    key = network_name(event.state).removeprefix("divebell-")
    assert engine.containers.list(all=True, filters={"label": f"divebell.event={key}"}) == []
    assert engine.networks.list(names=[network_name(event.state)]) == []
    assert str(event.state.folder) not in Path("/proc/self/mountinfo").read_text()
    if os.geteuid() == 0:
        for table in ("filter", "nat"):
            saved = subprocess.run(
                ["iptables", "--wait", "30", "-t", table, "-S"], capture_output=True, text=True, check=True
            )
            assert key not in saved.stdout
    bring_up(event.folder)
    browser = zoe[0]
    browser.open_notebook("zoe", seconds=PATIENCE)
    assert browser.who() == "zoe"
