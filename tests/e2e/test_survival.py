"""Each part is killed while a volunteer works: it is named, it comes back, and the kernel lives on."""

import os
import signal

import httpx
import psutil
import pytest

from divebell.event import Ports, load_secrets
from divebell.local.supervisor import Supervisor
from live import nobody_starts_it_again, until, wait_until_loaded
from volunteer import at_notebook

BACK_SECONDS = 90


@pytest.fixture(scope="module")
def zoe(event):
    wait_until_loaded(event, "counties")
    browser, kernel = at_notebook(event.address, "zoe", event.password)
    kernel.run("import os; kept = os.getpid()")
    yield browser, kernel
    kernel.close()
    browser.client.close()


def pid_of(event, part):
    return Supervisor(Ports.load(event.state), load_secrets(event.state)).processes().get(part)


def answers(browser):
    """Tell whether the volunteer's pages are there: portal (web, database), hub and own notebook server."""
    try:
        pages = [
            browser.follow("/services/event/"),
            browser.follow("/hub/home"),
            browser.follow("/user/zoe/lab"),
        ]
    except (httpx.TransportError, httpx.TooManyRedirects):
        return False
    return [page.status_code for page in pages] == [200, 200, 200]


@pytest.mark.parametrize("part", ["hub", "web", "proxy", "postgres", "loader", "watchdog"])
def test_a_killed_part_is_named_and_comes_back_and_the_kernel_survives(event, zoe, part):
    browser, kernel = zoe
    first = pid_of(event, part)
    os.kill(first, signal.SIGSTOP)  # held a moment: the supervisor is quicker than a look at the status
    try:
        until(lambda: part in away(event), f"status did not name {part}")
    finally:
        os.kill(first, signal.SIGKILL)
    until(
        lambda: pid_of(event, part) not in {None, first} and answers(browser),
        f"{part} was not back after {BACK_SECONDS} s",
        BACK_SECONDS,
    )
    kernel.connect()
    assert kernel.run("print(kept == os.getpid())").strip() == "True"
    rows = "import psycopg\nwith psycopg.connect('') as c: print(c.execute('SELECT 1').fetchone())"
    assert kernel.run(rows).strip() == "(1,)"
    until(lambda: event.status()[0] == 0, "status was not ready again")


def test_who_comes_while_the_hub_is_away_reads_what_happens(event, zoe):
    browser, _ = zoe
    hub = pid_of(event, "hub")
    with nobody_starts_it_again(event):
        os.kill(hub, signal.SIGKILL)
        until(lambda: psutil.Process(hub).status() == psutil.STATUS_ZOMBIE, "the hub was not killed")
        page = browser.client.get("/hub/home", headers={"Accept": "text/html"})
    assert page.status_code == 502
    assert "starting again" in page.text
    assert page.headers["refresh"]
    until(lambda: event.status()[0] == 0, "status was not ready again")


def away(event):
    code, status = event.status()
    names = {part["name"] for part in status["parts"] if not part["ready"]}
    assert (code == 0) == (not names)
    return names
