"""Somebody means harm to the others: what comes of it."""

import threading
import time

import pytest

from divebell.containers.network import LABEL, event_key
from divebell.event import Containers
from volunteer import Browser, Kernel

HALF_OPEN = """
import socket
held, refused = [], 0
for _ in range(400):
    s = socket.socket(); s.settimeout(3)
    try:
        s.connect(({gateway!r}, {port})); s.sendall(b'GET /hub/api/ HTTP/1.1\\r\\nX: ')
        held.append(s)
    except OSError:
        refused += 1
print(len(held), 'held', refused, 'refused')
"""
PIPES_AND_LINKS = """
cd ~ && rm -rf public .divebell my-event event data welcome.ipynb .local
mkfifo public .divebell my-event event data welcome.ipynb
ln -s / .local
chmod 000 .
"""


def shell(kernel, commands):
    return kernel.run(f"get_ipython().system({commands!r})")


@pytest.mark.parametrize("door", ["inside", "packages"])
def test_half_open_connections_leave_the_proxy_to_the_others(event, volunteer, door):
    where, port = Containers.load(event.state), getattr(event.ports, door)
    held, _, refused, _ = (
        volunteer("mallory")[1].run(HALF_OPEN.format(gateway=where.gateway, port=port)).split()
    )
    assert int(held) <= 100
    assert int(refused) >= 300
    somebody = Browser(event.address.rstrip("/"))
    somebody.form()
    somebody.client.close()


def test_a_home_full_of_pipes_and_shut_by_its_owner_still_starts(event, volunteer):
    browser, kernel = volunteer("pip")
    shell(kernel, PIPES_AND_LINKS)
    kernel.close()
    browser.stop_notebook("pip")
    browser.open_notebook("pip")
    again = Kernel(browser, "pip")
    assert "700" in shell(again, "stat -c %a ~")
    again.close()


@pytest.mark.root
def test_what_others_share_is_read_only_for_containers_that_ran_before(volunteer):
    """Even where its owner lets everybody write."""
    early = volunteer("early")[1]
    late = volunteer("late")[1]
    shell(late, "chmod 777 ~/public && touch ~/public/open && chmod 666 ~/public/open")
    for attempt in ("touch ~/everyone/late/new", "echo changed > ~/everyone/late/open"):
        assert "Read-only file system" in shell(early, attempt)
    assert shell(late, "echo mine > ~/public/open && cat ~/everyone/late/open").strip() == "mine"


def test_whose_container_ends_while_it_starts_is_told_so(event, engine):
    browser = Browser(event.address.rstrip("/"))
    browser.claim("doomed", event.password)
    ending = threading.Thread(target=end_at_once, args=(engine, event, "doomed"))
    ending.start()
    deadline = time.monotonic() + 120
    page = browser.follow("/hub/spawn")
    while page.status_code == 200 and time.monotonic() < deadline:
        page = browser.follow("/hub/spawn-pending/doomed")
    ending.join()
    browser.client.close()
    assert "Your notebook did not start" in page.text


def end_at_once(engine, event, name):
    label = [f"{LABEL}={event_key(event.state)}", f"divebell.volunteer={name}"]
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        for container in engine.api.containers(filters={"label": label}):
            engine.api.kill(container["Id"])
            return
