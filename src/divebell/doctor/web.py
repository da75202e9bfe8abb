"""What a stranger gets to see, and what the answers tell browsers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import httpx

from divebell.doctor.browser import browser
from divebell.doctor.finding import CannotBeCheckedError, Check, Hole
from divebell.doctor.patient import Patient

PORTAL = "/services/event/"
SHOWN_IF_PUBLIC = ("", "data/x", "maps/data.x", "tiles/data.x.json", "tiles/data.x/0/0/0.mvt", "api/datasets")
NEVER_SHOWN = ("people",)
ASKS_TO_SIGN_IN = frozenset({301, 302, 303, 307, 401, 403})
NOT_HEARD = frozenset({401, 403, 413, 429})
ORDERS = ("/hub/api/users", "/hub/api/info", "/hub/api/proxy", "/hub/api/services", "/hub/admin", "/hub/home")
PAGES = ("/hub/login", f"{PORTAL}health", f"{PORTAL}static/portal.css")


def portal(patient: Patient) -> Iterator[Hole]:
    """Open the portal's pages, tiles and facts as a stranger."""
    closed = NEVER_SHOWN if patient.event.maps.public else (*NEVER_SHOWN, *SHOWN_IF_PUBLIC)
    with browser(patient.base) as stranger:
        for path in closed:
            answer = stranger.get(PORTAL + path)
            _away(answer)
            if answer.status_code not in ASKS_TO_SIGN_IN:
                yield Hole(f"a stranger is answered with {answer.status_code} at {PORTAL}{path}")
        answer = stranger.client.post(f"{PORTAL}people/reset", data={"name": "x"})
        if answer.status_code not in ASKS_TO_SIGN_IN:
            yield Hole(f"a stranger's form is answered with {answer.status_code} at {PORTAL}people/reset")


def hub(patient: Patient) -> Iterator[Hole]:
    """Give the hub orders without a token, and with a wrong one."""
    with browser(patient.base) as stranger:
        for path in ORDERS:
            for headers in ({}, {"Authorization": "token 0"}):
                answer = stranger.get(path, **headers)
                _away(answer)
                if answer.status_code not in ASKS_TO_SIGN_IN:
                    yield Hole(f"a stranger is answered with {answer.status_code} at {path}")


def hook(patient: Patient) -> Iterator[Hole]:
    """Send deliveries, and ask for a commit, without the webhook's secret."""
    forged: tuple[dict[str, str], ...] = (
        {},
        {"X-Hub-Signature-256": f"sha256={'0' * 64}"},
        {"X-Gitlab-Token": "0"},
    )
    with browser(patient.base) as stranger:
        for headers in forged:
            answer = stranger.client.post(f"{PORTAL}hook", content=b"{}", headers=headers)
            _away(answer)
            if answer.status_code not in NOT_HEARD:
                yield Hole(f"a forged delivery is answered with {answer.status_code} at {PORTAL}hook")
        answer = stranger.get(f"{PORTAL}api/commits/{'0' * 40}", **{"X-Divebell-Signature": "sha256=0"})
        _away(answer)
        if answer.status_code not in NOT_HEARD:
            yield Hole(f"a stranger is answered with {answer.status_code} at {PORTAL}api/commits")


def orders(patient: Patient) -> Iterator[Hole]:
    """Give orders without a password to what takes orders on this machine: proxy and supervisor."""
    known = {"the proxy's interface": f"http://127.0.0.1:{patient.ports.proxy_api}/api/rawdata"}
    if patient.served is None:
        known["the supervisor"] = f"http://127.0.0.1:{patient.ports.supervisor}/RPC2"
    with httpx.Client(timeout=15, trust_env=False) as client:
        for what, address in known.items():
            answer = client.get(address)
            if answer.status_code not in {401, 403, 404}:
                yield Hole(f"{what} answers {answer.status_code} without a password at {address}")


def headers(patient: Patient) -> Iterator[Hole]:
    """Look at what the answers tell browsers."""
    with browser(patient.base) as stranger:
        for path in PAGES:
            answer = stranger.get(path)
            _away(answer)
            for words in missing_headers(answer.headers):
                yield Hole(f"{path} is answered without {words}")


def missing_headers(found: Mapping[str, str]) -> Iterator[str]:
    """Say which protections the headers of an answer lack."""
    policy = {
        words[0]: words[1:]
        for part in found.get("content-security-policy", "").split(";")
        if (words := part.split())
    }
    scripts = policy.get("script-src", policy.get("default-src", ["*"]))
    if any(source in {"*", "http:", "https:", "data:"} for source in scripts):
        yield "a Content-Security-Policy that says where scripts may come from"
    if found.get("x-content-type-options", "").lower() != "nosniff":
        yield "X-Content-Type-Options: nosniff"
    framed = policy.get("frame-ancestors", [])
    if not (set(framed) and set(framed) <= {"'self'", "'none'"}):
        yield "frame-ancestors 'self' or 'none'"


def cookies(patient: Patient) -> Iterator[Hole]:
    """Look at the cookies that a stranger gets."""
    with browser(patient.base) as stranger:
        for path in ("/hub/login", PORTAL):
            answer = stranger.get(path)
            _away(answer)
            for cookie in answer.headers.get_list("set-cookie"):
                name, _, rest = cookie.partition("=")
                said = rest.lower()
                if name != "_xsrf" and "httponly" not in said:
                    yield Hole(f"scripts can read the cookie {name} of {path}")
                if name != "_xsrf" and "samesite=lax" not in said and "samesite=strict" not in said:
                    yield Hole(f"other sites' pages send the cookie {name} of {path}")


def _away(answer: httpx.Response) -> None:
    if answer.status_code >= 500:
        raise CannotBeCheckedError(f"{answer.url} answers {answer.status_code}")


_UPGRADE = "divebell down {folder}, then divebell up {folder}; should it stay: pip install --upgrade divebell"

CHECKS = (
    Check(
        "web.portal",
        "a stranger sees nothing of portal, tiles and people, unless event.yaml has `maps: {public: true}`",
        "the event's data may not be everybody's",
        "`maps: {public: false}` in {folder}/event.yaml, then divebell up {folder}",
        portal,
    ),
    Check(
        "web.hub",
        "the hub takes no orders without a token",
        "its interface starts, stops and enters everybody's notebook",
        _UPGRADE,
        hub,
    ),
    Check(
        "web.orders",
        "proxy and supervisor take no orders without a password",
        "any notebook on this machine could ask them",
        _UPGRADE,
        orders,
    ),
    Check(
        "web.hook",
        "deliveries without the webhook's secret are refused",
        "anybody could have the event ask its git host without end",
        _UPGRADE,
        hook,
    ),
    Check(
        "web.headers",
        "every answer tells browsers to run no foreign script, guess no types and stay out of foreign frames",
        "a volunteer's page could act as whoever looks at it",
        _UPGRADE,
        headers,
    ),
    Check(
        "web.cookies",
        "cookies are kept from scripts and other sites",
        "a cookie is a sign-in",
        _UPGRADE,
        cookies,
    ),
)
