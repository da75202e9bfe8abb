"""What a volunteer keeps while parts of the event are killed."""

from __future__ import annotations

import time

import httpx
import psutil
import pytest


@pytest.fixture(scope="module")
def otto(hub, open_browser, start_kernel):
    browser = open_browser()
    browser.claim("otto", hub.password)
    browser.open_notebook("otto")
    kernel = start_kernel(browser, "otto")
    kernel.run("kept = 41")
    return kernel


def servers_of(hub, name):
    found = []
    for process in psutil.process_iter():
        try:
            environment = process.environ()
        except (psutil.AccessDenied, psutil.NoSuchProcess):
            continue
        if (
            environment.get("DIVEBELL_PERSON") == name
            and environment.get("DIVEBELL_STATE") == str(hub.folder.state.folder)
            and "jupyterhub.singleuser" in process.cmdline()
        ):
            found.append(process)
    return found


def test_a_killed_hub_interrupts_nobody(hub, otto):
    hub.kill("hub")
    assert otto.run("kept += 1; print(kept)").strip() == "42"
    assert otto.browser.follow("/user/otto/api/status").status_code == 200
    hub.start("hub")
    assert hub.wait() < 15
    assert otto.run("print(kept)").strip() == "42"
    assert otto.browser.who() == "otto"
    page = otto.browser.follow("/user/otto/lab")
    assert page.status_code == 200
    assert "/user/otto/lab" in str(page.url)
    assert len({process.pid for process in servers_of(hub, "otto")}) >= 1


def answers(url, seconds=10):
    """Wait until an address answers; give how long it took."""
    begin = time.monotonic()
    while time.monotonic() < begin + seconds:
        try:
            if httpx.get(url, timeout=2).status_code == 200:
                return time.monotonic() - begin
        except httpx.TransportError:
            pass
        time.sleep(0.05)
    pytest.fail(f"{url} did not answer within {seconds} s")


def test_a_killed_proxy_has_its_routes_back_at_once(hub, otto):
    hub.kill("proxy")
    hub.start("proxy")
    answers(f"{hub.url}/user/otto/api")
    assert otto.browser.who() == "otto"
    otto.connect()
    assert otto.run("print(kept)").strip() == "42"


def test_a_proxy_that_restarts_while_the_hub_is_away_serves_the_notebooks(hub, otto):
    hub.kill("hub")
    hub.kill("proxy")
    hub.start("proxy")
    answers(f"{hub.url}/user/otto/api")
    otto.connect()
    assert otto.run("print(kept)").strip() == "42"
    hub.start("hub")
    hub.wait()
    assert otto.browser.who() == "otto"


def test_a_hub_killed_in_the_middle_of_a_start_leaves_no_orphan_and_a_retry_works(hub, open_browser):
    browser = open_browser()
    browser.claim("pia", hub.password)
    browser.client.get("/hub/spawn")
    deadline = time.monotonic() + 20
    while not (hub.folder.state.run / "notebooks" / "pia").exists() and time.monotonic() < deadline:
        time.sleep(0.02)
    hub.kill("hub")
    hub.start("hub")
    hub.wait()
    browser.open_notebook("pia")
    ports = {
        p.laddr.port for one in servers_of(hub, "pia") for p in one.net_connections() if p.status == "LISTEN"
    }
    servers = [p for p in servers_of(hub, "pia") if p.parent() and "bwrap" not in p.name()]
    assert len({p.pid for p in servers}) == 1, (servers, ports)


def test_stopping_a_server_ends_its_kernels_too(hub, open_browser, start_kernel):
    browser = open_browser()
    browser.claim("rosa", hub.password)
    browser.open_notebook("rosa")
    kernel = start_kernel(browser, "rosa")
    pid = int(kernel.run("import os; print(os.getpid())"))
    assert psutil.pid_exists(pid)
    token = next(c.value for c in browser.client.cookies.jar if c.name == "_xsrf" and c.path == "/hub/")
    answer = browser.client.delete(
        "/hub/api/users/rosa/server", headers={"X-XSRFToken": token, "Referer": f"{hub.url}/hub/home"}
    )
    assert answer.status_code in (202, 204), answer.text
    deadline = time.monotonic() + 30
    while psutil.pid_exists(pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not psutil.pid_exists(pid)
    assert servers_of(hub, "rosa") == []


def test_another_process_with_an_old_number_is_not_taken_for_the_server(hub):
    from divebell.hub.spawner.running import identity

    assert identity(1) is not None
    assert identity(hub.hub.pid) != identity(hub.proxy.pid)
    assert identity(2**22 + 1) is None
