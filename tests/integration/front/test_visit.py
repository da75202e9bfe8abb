"""A visit through nginx: sign-in, notebook, kernel, uploads, and what nginx says of the visitor."""

import os
import re
import signal
import subprocess

import pytest
from selenium.webdriver.common.by import By

from browser import chromium, complaints
from live import nobody_starts_it_again, until
from visitor import COLOURS, claim, wait
from volunteer import Browser, at_notebook


@pytest.fixture
def trusting_browser(served, tmp_path, monkeypatch):
    """A browser on a device where the event's authority is installed."""
    database = tmp_path / ".pki" / "nssdb"
    database.mkdir(parents=True)
    for words in (
        ["-N", "--empty-password"],
        ["-A", "-t", "C,,", "-n", "event", "-i", served.front.authority],
    ):
        subprocess.run(["certutil", "-d", f"sql:{database}", *words], check=True)
    monkeypatch.setenv("HOME", str(tmp_path))
    with chromium() as driver:
        yield driver


def test_somebody_signs_in_and_sees_a_map_over_https(served, trusting_browser):
    driver = trusting_browser
    claim(driver, served.event, "ana")
    assert driver.current_url == f"{served.front.url}/services/event/"
    driver.get(f"{served.event.address}services/event/maps/data.counties")
    wait(driver).until(lambda d: d.execute_script("return !!window.divebellMap"))
    assert driver.execute_async_script(COLOURS)["features"] > 500
    assert [words for words in complaints(driver) if "GL Driver Message" not in words] == []
    assert driver.find_element(By.TAG_NAME, "main")


def test_a_kernel_is_reached_over_its_websocket(trusting):
    browser, kernel = at_notebook(trusting.event.address, "ben", trusting.event.password)
    assert kernel.run("print(6 * 7)").strip() == "42"
    text = "x" * 20_000_000
    saved = browser.api(
        "PUT", "/user/ben/api/contents/large.txt", json={"type": "file", "format": "text", "content": text}
    )
    assert saved.status_code in {200, 201}
    assert kernel.run("import os; print(os.path.getsize('large.txt'))").strip() == "20000000"
    kernel.close()
    browser.client.close()


def test_the_throttle_sees_where_a_visitor_really_is(trusting):
    forged = {
        "X-Forwarded-For": "203.0.113.7",
        "X-Real-IP": "203.0.113.7",
        "Forwarded": "for=203.0.113.7",
        "X-Divebell-Proxy": "guess",
    }
    visitor = Browser(trusting.front.url, "127.0.0.9", headers=forged)
    assert visitor.sign_in("cleo", "a wrong guess").status_code == 403
    visitor.client.close()
    log = trusting.event.state.logs / "hub.log"
    until(lambda: re.search(r"POST /hub/login.*127\.0\.0\.9", log.read_text()), "it is not in the log")
    assert "203.0.113.7" not in log.read_text()


def test_a_kind_page_is_shown_while_the_proxy_is_away(served):
    pid = served.pid("proxy")
    with served.front.client() as client:
        seen = []
        with nobody_starts_it_again(served.event):
            os.kill(pid, signal.SIGKILL)
            until(
                lambda: seen.append(client.get("/hub/login")) or seen[-1].status_code == 503, "no kind page"
            )
        away = seen[-1]
        assert "tries again by itself" in away.text
        assert 'http-equiv="refresh"' in away.text
        assert away.headers["retry-after"] == "3"
        assert away.headers["strict-transport-security"]
        assert "<script" not in away.text
        until(lambda: client.get("/hub/login").status_code == 200, "the proxy did not come back")


def test_the_log_holds_no_secret_of_an_address(served):
    with served.front.client() as client:
        client.get("/hub/api/user?token=a-secret-token")
    until(lambda: "/hub/api/user HTTP" in served.front.log, "it is not in the log")
    assert "a-secret-token" not in served.front.log
