"""One volunteer takes all there is of something; everybody else, the loader and the map go on."""

import subprocess
import threading
import time
from contextlib import contextmanager

import httpx
import pytest

from divebell.containers.network import LABEL, event_key
from live import until, wait_until_loaded
from volunteer import Browser

PATIENCE = 180
COUNT = "import psycopg\nwith psycopg.connect('') as c: print(c.execute('SELECT count(*) FROM counties').fetchone())"

FORK_BOMB = """
import os, time
made = 0
for _ in range(2_000):
    try:
        pid = os.fork()
    except OSError as error:
        print('refused:', error)
        break
    if pid == 0:
        try:
            while True:
                os.fork()
        except OSError:
            time.sleep(20)
        os._exit(0)
    made += 1
"""
MEMORY_HOG = "everything = [bytearray(8 << 20) for _ in range(2_000)]"
DISK_FILLER = """
import os
try:
    with open(os.path.expanduser('~/filler'), 'wb') as file:
        for _ in range(10_000):
            file.write(bytes(1 << 20)); file.flush()
except OSError as error:
    print('refused:', error)
"""
CONNECTION_FLOOD = """
import os, socket
taken, refused = [], 0
for _ in range(400):
    s = socket.socket(); s.settimeout(3)
    try:
        s.connect((os.environ['PGHOST'], int(os.environ['PGPORT'])))
        taken.append(s)
    except OSError:
        refused += 1
print(len(taken), 'taken', refused, 'refused')
"""


@pytest.fixture(scope="module")
def eva(volunteer):
    browser, kernel = volunteer("eva")
    assert "(3" in kernel.run(COUNT)
    return browser, kernel


@pytest.fixture(scope="module")
def mallory(volunteer):
    return volunteer("mallory")


def everybody_else_goes_on(event, eva, name):
    """A cell, a new dataset and a tile, while whatever the test does goes on."""
    browser, kernel = eva
    assert "(3" in kernel.run(COUNT)
    file = event.folder / "data" / f"{name}.csv"
    file.write_text("a,b\n1,2\n3,4\n")
    git = ["git", "-C", str(event.folder), "-c", "user.name=t", "-c", "user.email=t@example.org"]
    subprocess.run([*git, "add", "-A"], check=True)
    subprocess.run([*git, "commit", "-qm", name], check=True)
    wait_until_loaded(event, name, PATIENCE)
    browser.follow("/services/event/")
    tile = browser.client.get("/services/event/tiles/data.counties/4/4/6.mvt", timeout=PATIENCE)
    assert tile.status_code == 200
    assert len(tile.content) > 1_000
    newcomer = Browser(event.address.rstrip("/"))
    newcomer.claim(f"new_{name}", event.password)
    newcomer.client.close()


@contextmanager
def meanwhile(kernel, code, lead=2.0):
    """Let a volunteer's cell run for as long as the block lasts, and to its end; what it shows is in the list."""
    said = []
    thread = threading.Thread(target=lambda: said.append(kernel.run(code)), daemon=True)
    thread.start()
    time.sleep(lead)
    yield said
    thread.join(PATIENCE)
    assert not thread.is_alive(), "the cell did not come to its end"


def test_a_fork_bomb_hits_its_own_limit(event, eva, mallory):
    with meanwhile(mallory[1], FORK_BOMB) as bomb:
        everybody_else_goes_on(event, eva, "bombed")
    assert "refused:" in bomb[0]


def test_a_full_home_is_its_owners_alone(event, eva, mallory):
    with meanwhile(mallory[1], DISK_FILLER) as filler:
        everybody_else_goes_on(event, eva, "filled")
    assert "No space left on device" in filler[0]
    assert "1\n" in mallory[1].run("import os; os.remove(os.path.expanduser('~/filler')); print(1)")


def test_a_flood_of_connections_leaves_room_for_everybody(event, eva, mallory):
    with meanwhile(mallory[1], CONNECTION_FLOOD) as flood:
        everybody_else_goes_on(event, eva, "flooded")
    taken, _, refused, _ = flood[0].split()
    assert int(taken) <= 10
    assert int(refused) >= 390


def test_who_takes_too_much_memory_loses_the_kernel_and_nothing_else(event, eva, mallory, engine):
    browser, kernel = mallory
    kernel.ask(MEMORY_HOG)
    everybody_else_goes_on(event, eva, "squeezed")
    seen = ["the kernel did not restart"]
    until(lambda: oom_killed(browser, kernel, seen), seen)
    label = [f"{LABEL}={event_key(event.state)}", "divebell.volunteer=mallory"]
    container = engine.containers.list(filters={"label": label})[0]
    assert container.status == "running"  # the server lives on; only the kernel was ended
    kernel.connect()
    said = kernel.run("print('everything' in globals())")
    assert "more than its 512 MB of memory" in said
    assert said.splitlines()[-1] == "False"


def oom_killed(browser, kernel, seen):
    """Tell whether the kernel has been started again; its server may be slow to say so."""
    try:
        state = browser.api("GET", f"/user/mallory/api/kernels/{kernel.id}")
    except httpx.TransportError as error:
        seen[1:] = [repr(error)]
        return False
    seen[1:] = [state.status_code, state.text[:500]]
    return state.status_code == 200 and state.json()["execution_state"] in {"restarting", "starting", "idle"}
