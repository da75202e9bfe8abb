"""Sign-in and pages: each hole is opened in the running proxy, hub or event file, and named."""

import json
import threading
import time
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from divebell.event import load_secrets
from divebell.event.state import write_private

ANSWERS_500 = """
[http.routers.hole]
rule = "Path(`/hub/login`) && Method(`POST`)"
priority = 100000
entryPoints = ["event"]
service = "broken"
[[http.services.broken.loadBalancer.servers]]
url = "http://127.0.0.1:{port}"
"""
NO_TOKEN = """
[http.routers.hole]
rule = "PathPrefix(`/hub/api/users`)"
priority = 100000
entryPoints = ["event"]
service = "login"
middlewares = ["token"]
[http.middlewares.token.headers.customRequestHeaders]
Authorization = "token {token}"
"""
HEARS_EVERYBODY = """
[http.routers.hole]
rule = "Path(`/services/event/hook`)"
priority = 100000
entryPoints = ["event"]
service = "web"
middlewares = ["signed"]
[http.middlewares.signed.headers.customRequestHeaders]
X-Gitlab-Token = "{secret}"
X-Hub-Signature-256 = ""
"""
NO_PASSWORD = """
[http.routers.hole]
rule = "PathPrefix(`/api`)"
priority = 100000
entryPoints = ["api"]
service = "api@internal"
"""
CHANGED_HEADERS = """
[http.routers.hole]
rule = "Path(`/hub/login`)"
priority = 100000
entryPoints = ["event"]
service = "login"
middlewares = ["changed"]
[http.middlewares.changed.headers.customResponseHeaders]
{header} = "{value}"
"""
SENT_AWAY = """
[http.routers.hole]
rule = "Path(`/hub/login`) && QueryRegexp(`next`, `.+`)"
priority = 100000
entryPoints = ["event"]
service = "login"
middlewares = ["away-with-them"]
[http.middlewares.away-with-them.redirectRegex]
regex = ".*"
replacement = "//evil.example/login"
"""


@contextmanager
def routes(event, text, seen):
    """Give the proxy more routes, as somebody would who wants to help; wait until it has read them."""
    file = event.state.proxy / "rules" / "hole.toml"
    write_private(file, text)
    try:
        wait_until(seen)
        yield
    finally:
        file.unlink()
        wait_until(lambda: not seen())


def wait_until(true, seconds=120):
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def get(event, path, **options):
    return httpx.get(f"{event.address.rstrip('/')}{path}", timeout=60, **options)


def test_a_hub_that_takes_orders_from_strangers_is_named(event, found):
    text = NO_TOKEN.format(token=load_secrets(event.state).web_token)
    with routes(event, text, lambda: get(event, "/hub/api/users").status_code == 200):
        told = found("web.hub")
    assert "a stranger is answered with 200 at /hub/api/users" in [finding.what for finding in told]
    assert [finding.verdict for finding in found("web.hub")] == ["ok"]


def test_a_proxy_that_signs_for_strangers_is_named(event, found):
    hook = f"{event.address}services/event/hook"
    text = HEARS_EVERYBODY.format(secret=load_secrets(event.state).webhook_secret)
    with routes(event, text, lambda: httpx.post(hook, timeout=60).status_code == 200):
        told = found("web.hook")
    assert [finding.verdict for finding in told] == ["open"] * 3
    assert all("a forged delivery is answered with 20" in finding.what for finding in told)
    assert [finding.verdict for finding in found("web.hook")] == ["ok"]


def test_a_proxy_that_takes_orders_without_a_password_is_named(event, found):
    address = f"http://127.0.0.1:{event.ports.proxy_api}/api/rawdata"
    with routes(event, NO_PASSWORD, lambda: httpx.get(address, timeout=60).status_code == 200):
        told = found("web.orders")
    assert [finding.verdict for finding in told] == ["open"]
    assert "the proxy's interface answers 200 without a password" in told[0].what


@pytest.mark.parametrize(
    ("header", "value", "check", "words"),
    [
        ("Content-Security-Policy", "", "web.headers", "a Content-Security-Policy"),
        (
            "Content-Security-Policy",
            "frame-ancestors 'none'; script-src *",
            "web.headers",
            "where scripts may come",
        ),
        ("Content-Security-Policy", "default-src 'self'", "web.headers", "frame-ancestors"),
        ("X-Content-Type-Options", "", "web.headers", "nosniff"),
        ("Set-Cookie", "session=x; Path=/", "web.cookies", "scripts can read the cookie session"),
        ("Set-Cookie", "session=x; HttpOnly", "web.cookies", "other sites' pages send the cookie session"),
    ],
)
def test_an_answer_that_protects_less_is_named(event, found, header, value, check, words):
    def seen():
        return get(event, "/hub/login").headers.get(header, "") == value

    with routes(event, CHANGED_HEADERS.format(header=header, value=value), seen):
        told = found(check)
    assert any(words in finding.what for finding in told), told
    assert {finding.verdict for finding in told} == {"open"}
    assert [finding.verdict for finding in found(check)] == ["ok"]


def test_maps_that_are_shown_to_strangers_against_the_event_file_are_named(event, found):
    """The event file was changed back, and nobody ran `divebell up`."""
    from live import bring_up

    file = event.folder / "event.yaml"
    before = file.read_text()
    file.write_text(f"{before}maps:\n  public: true\n")
    try:
        bring_up(event.folder)
        wait_until(lambda: get(event, "/services/event/api/datasets").status_code == 200)
        assert [finding.verdict for finding in found("web.portal")] == ["ok"]
        file.write_text(before)
        told = found("web.portal")
    finally:
        file.write_text(before)
        bring_up(event.folder)
        wait_until(lambda: get(event, "/services/event/api/datasets").status_code == 401)
    assert {finding.verdict for finding in told} == {"open"}
    assert "a stranger is answered with 200 at /services/event/api/datasets" in [
        finding.what for finding in told
    ]


def test_an_ambassador_whose_password_is_the_events_is_named(event, found, restart):
    before = event.state.secrets_file.read_text()
    known = json.loads(before)
    known["ambassadors"]["maria"] = known["event_password"]
    write_private(event.state.secrets_file, json.dumps(known))
    try:
        restart("hub")
        told = found("sign_in.ambassadors")
    finally:
        write_private(event.state.secrets_file, before)
        restart("hub")
    assert {finding.verdict for finding in told} == {"open"}
    spellings = " ".join(finding.what for finding in told)
    for words in ("as it is", "in capitals", "in fullwidth letters", "between blanks"):
        assert f"signs in as the ambassador 'maria', written {words}" in spellings
    assert [finding.verdict for finding in found("sign_in.ambassadors")] == ["ok"]


class Broken(BaseHTTPRequestHandler):
    """Answers as a hub did that compares passwords as text."""

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        self.send_response(500)
        self.end_headers()

    def log_message(self, *_):
        pass


def test_a_sign_in_that_breaks_on_a_password_is_named(event, found):
    with ThreadingHTTPServer(("127.0.0.1", 0), Broken) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        address = f"{event.address}hub/login"
        text = ANSWERS_500.format(port=server.server_port)
        with routes(event, text, lambda: httpx.post(address, data={"a": "b"}, timeout=60).status_code == 500):
            told = found("sign_in.odd_passwords")
        server.shutdown()
    assert {finding.verdict for finding in told} == {"open"}
    assert "answered with 500 instead of 403" in told[0].what


def test_a_proxy_that_believes_what_clients_say_of_their_address_is_named(event, found, restart):
    file = event.state.proxy / "traefik.toml"
    before = file.read_text()
    write_private(file, f"{before}\n[entryPoints.event.forwardedHeaders]\ninsecure = true\n")
    try:
        restart("proxy")
        told = found("sign_in.throttle")
    finally:
        write_private(file, before)
        restart("proxy")
    assert [finding.verdict for finding in told] == ["open"]
    assert "claim another address" in told[0].what
    assert [finding.verdict for finding in found("sign_in.throttle")] == ["ok"]


def test_a_sign_in_that_sends_people_elsewhere_is_named(event, found):
    def seen():
        answer = get(event, "/hub/login?next=x")
        return "evil.example" in answer.headers.get("location", "")

    with routes(event, SENT_AWAY, seen):
        told = found("sign_in.redirects")
    assert {finding.verdict for finding in told} == {"open"}
    assert "sign-in sends people to //evil.example/login" in told[0].what
    assert [finding.verdict for finding in found("sign_in.redirects")] == ["ok"]


def test_a_hub_that_is_away_is_told_of_and_is_not_ok(event, found, restart):
    from divebell.local.supervisor import Supervisor

    Supervisor(event.ports, load_secrets(event.state)).stop("hub")
    try:
        told = [found(name) for name in ("web.hub", "sign_in.throttle")]
    finally:
        restart("hub")
    for findings in told:
        assert [finding.verdict for finding in findings] == ["could not be checked"]
