"""What a volunteer keeps while parts of the event are killed."""

from __future__ import annotations

import time
from contextlib import suppress

import httpx
import psutil
import pytest

from divebell.local.leftovers import processes_of
from live import until

SERVERS = {"divebell.workspace.server", "divebell.workspace.warm"}


@pytest.fixture(scope="module")
def otto(hub, open_browser, start_kernel):
    browser = open_browser()
    browser.claim("otto", hub.password)
    browser.open_notebook("otto")
    kernel = start_kernel(browser, "otto")
    kernel.run("kept = 41")
    return kernel


def servers_of(hub, name):
    """Find them by where they run: a fork shows command and environment of the process it came from."""
    found = []
    for process in psutil.process_iter():
        try:
            words, folder = process.cmdline(), process.cwd()
        except (psutil.AccessDenied, psutil.NoSuchProcess):
            continue
        if folder == str(hub.folder.state.homes / name) and SERVERS & set(words):
            found.append(process)
    return found


def working_servers(hub, name):
    """Give the numbers of a volunteer's servers, without what closes them in and without those that just ended."""
    found = set()
    for process in servers_of(hub, name):
        with suppress(psutil.NoSuchProcess):
            if process.parent() and "bwrap" not in process.name():
                found.add(process.pid)
    return found


def warm_processes(hub):
    found = []
    for process in processes_of(hub.folder.state):
        try:
            warm = "divebell.workspace.warm" in process.cmdline() and process.cwd() == "/"
            if warm and process.name() != "bwrap":
                found.append(process)
        except psutil.Error:
            continue
    return found


def test_a_killed_hub_interrupts_nobody(hub, otto):
    hub.kill("hub")
    assert otto.run("kept += 1; print(kept)").strip() == "42"
    assert otto.browser.follow("/user/otto/api/status").status_code == 200
    hub.start("hub")
    hub.wait()
    assert otto.run("print(kept)").strip() == "42"
    assert otto.browser.who() == "otto"
    page = otto.browser.follow("/user/otto/lab")
    assert page.status_code == 200
    assert "/user/otto/lab" in str(page.url)
    assert len({process.pid for process in servers_of(hub, "otto")}) == 1


def test_the_warm_process_ends_with_its_hub_and_its_servers_go_on(hub, otto):
    [warm] = warm_processes(hub) or [None]
    hub.kill("hub")
    if warm is not None:
        psutil.wait_procs([warm], timeout=60)
    until(lambda: warm_processes(hub) == [], "the warm process goes on")
    assert otto.run("print(kept)").strip() == "42"
    hub.start("hub")
    hub.wait()


@pytest.mark.parametrize("how", ["killed", "stopped"])
def test_a_start_works_though_the_warm_process_is_broken(hub, open_browser, start_kernel, how):
    name = f"warm_{how}"
    first, browser = open_browser(), open_browser()
    first.claim(f"{name}_1", hub.password)
    first.open_notebook(f"{name}_1")
    [warm] = warm_processes(hub)
    warm.kill() if how == "killed" else warm.suspend()
    browser.claim(name, hub.password)
    browser.open_notebook(name)
    assert start_kernel(browser, name).run("print(6 * 7)").strip() == "42"
    until(lambda: has_ended(warm), "the warm process goes on")
    assert first.follow(f"/user/{name}_1/api/status").status_code == 200


def has_ended(process):
    """Tell whether it is gone; where nobody buries the dead, it may still be listed."""
    try:
        return not process.is_running() or process.status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True


def answers(url):
    try:
        return httpx.get(url, timeout=10).status_code == 200
    except httpx.TransportError:
        return False


def test_a_killed_proxy_has_its_routes_back_at_once(hub, otto):
    hub.kill("proxy")
    hub.start("proxy")
    until(lambda: answers(f"{hub.url}/user/otto/api"), "the notebook is not reached")
    assert otto.browser.who() == "otto"
    otto.connect()
    assert otto.run("print(kept)").strip() == "42"


def test_a_proxy_that_restarts_while_the_hub_is_away_serves_the_notebooks(hub, otto):
    hub.kill("hub")
    hub.kill("proxy")
    hub.start("proxy")
    until(lambda: answers(f"{hub.url}/user/otto/api"), "the notebook is not reached")
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
    until(lambda: len(working_servers(hub, "pia")) == 1, "there are more servers than one")


def test_stopping_a_server_ends_its_kernels_too(hub, open_browser, start_kernel):
    browser = open_browser()
    browser.claim("lola", hub.password)
    browser.open_notebook("lola")
    kernel = start_kernel(browser, "lola")
    working = psutil.Process(int(kernel.run("import os; print(os.getpid())")))
    assert not has_ended(working)
    browser.stop_notebook("lola")
    until(lambda: has_ended(working), "the kernel goes on")
    until(lambda: servers_of(hub, "lola") == [], "the server goes on")


def test_another_process_with_an_old_number_is_not_taken_for_the_server(hub):
    from divebell.hub.spawner.running import identity

    assert identity(1) is not None
    assert identity(hub.hub.pid) != identity(hub.proxy.pid)
    assert identity(2**22 + 1) is None
