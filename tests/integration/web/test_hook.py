"""The webhook on the real web app and database: who is heard, and what becomes of it."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from divebell.database import connect
from divebell.following.routes import FREE_FAILURES, LARGEST
from divebell.following.signatures import sign

SHA = "0123456789abcdef0123456789abcdef01234567"
ASKED = f"/services/event/api/commits/{SHA}"


def push(**more: object) -> bytes:
    return json.dumps({"ref": "refs/heads/main", "after": SHA, "id": uuid4().hex, **more}).encode()


def signed(secret: str, body: bytes) -> dict[str, str]:
    digest = hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()
    return {"X-Hub-Signature-256": f"sha256={digest}", "X-GitHub-Delivery": str(uuid4())}


@pytest.fixture
def secret(cluster: Any) -> str:
    return str(cluster.secrets.webhook_secret)


@pytest.fixture
def host(site: Any) -> Iterator[httpx.Client]:
    """Give the client of a git host: it has no session, and comes from an address of its own."""
    transport = httpx.HTTPTransport(local_address=f"127.0.{uuid4().int % 250}.{1 + uuid4().int % 250}")
    with httpx.Client(base_url=f"{site.address}/services/event/", transport=transport, timeout=60) as client:
        yield client


@pytest.fixture
def loader(cluster: Any) -> Iterator[psycopg.Connection[Any]]:
    with connect(cluster.state, "event_loader", autocommit=True) as connection:
        connection.execute("TRUNCATE following.hint, following.pass")
        yield connection


def hints(loader: psycopg.Connection[Any]) -> int:
    row = loader.execute("SELECT count(*) FROM following.hint WHERE looked_at IS NULL").fetchone()
    return int(row[0]) if row else 0


def test_a_signed_delivery_is_in_the_database_and_the_loader_is_woken_before_it_is_answered(
    host: httpx.Client, loader: psycopg.Connection[Any], secret: str
) -> None:
    loader.execute("LISTEN loader")
    body = push()
    answer = host.post("hook", content=body, headers=signed(secret, body))
    assert (answer.status_code, answer.json()) == (202, {"queued": True})
    assert hints(loader) == 1
    assert [notice.payload for notice in loader.notifies(timeout=10, stop_after=1)] == ["hint"]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"X-Hub-Signature-256": "sha256=" + "0" * 64},
        {"X-Hub-Signature-256": ""},
        {"X-Hub-Signature-256": "sha1=" + "0" * 40},
        {"X-Gitea-Signature": "0" * 64},
        {"X-Gitlab-Token": "guess"},
        {"X-Gitlab-Token": "ümlaut".encode()},
        {"Authorization": "Bearer guess"},
    ],
)
def test_an_unsigned_or_forged_delivery_is_refused(
    host: httpx.Client, loader: psycopg.Connection[Any], headers: dict[str, Any]
) -> None:
    answer = host.post("hook", content=push(), headers=headers)
    assert answer.status_code == 401
    assert "webhook secret" in answer.json()["error"]
    assert hints(loader) == 0


def test_a_body_that_was_changed_on_its_way_is_refused(
    host: httpx.Client, loader: psycopg.Connection[Any], secret: str
) -> None:
    body = push()
    assert host.post("hook", content=body + b" ", headers=signed(secret, body)).status_code == 401
    assert hints(loader) == 0


def test_every_kind_of_git_host_is_heard(
    host: httpx.Client, loader: psycopg.Connection[Any], secret: str
) -> None:
    def digest(body: bytes) -> str:
        return hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()

    kinds = (
        lambda body: {"X-Gitea-Signature": digest(body), "X-Gitea-Delivery": str(uuid4())},
        lambda body: {"X-Forgejo-Signature": digest(body), "X-Forgejo-Delivery": str(uuid4())},
        lambda body: {"X-Hub-Signature": f"sha256={digest(body)}", "X-Request-UUID": str(uuid4())},
        lambda body: {"X-Gitlab-Token": secret, "Idempotency-Key": str(uuid4())},
        lambda body: {"X-Hub-Signature-256": digest(body)},
    )
    for kind in kinds:
        body = push()
        assert host.post("hook", content=body, headers=kind(body)).status_code == 202
    assert hints(loader) == len(kinds)


def test_a_delivery_counts_once_whatever_name_its_copies_bear(
    host: httpx.Client, loader: psycopg.Connection[Any], secret: str
) -> None:
    body, other = push(), push()
    headers = signed(secret, body)
    assert host.post("hook", content=body, headers=headers).status_code == 202
    replays = [
        (body, headers),
        (body, headers | {"X-GitHub-Delivery": "another"}),
        (other, signed(secret, other) | {"X-GitHub-Delivery": headers["X-GitHub-Delivery"]}),
    ]
    for content, name in replays:
        answer = host.post("hook", content=content, headers=name)
        assert (answer.status_code, answer.json()) == (200, {"queued": False})
    assert hints(loader) == 1


def test_what_is_too_large_is_refused_before_it_is_read(
    host: httpx.Client, loader: psycopg.Connection[Any], secret: str
) -> None:
    def endless() -> Iterator[bytes]:
        for _ in range(LARGEST // 65536 + 2):
            yield b"x" * 65536

    headers = signed(secret, b"")
    assert host.post("hook", content=b"x" * (LARGEST + 1), headers=headers).status_code == 413
    assert host.post("hook", content=endless(), headers=headers).status_code == 413
    assert hints(loader) == 0


def test_a_flood_of_forgeries_is_no_longer_listened_to_and_others_are(
    host: httpx.Client, site: Any, loader: psycopg.Connection[Any], secret: str
) -> None:
    forged = {"X-Hub-Signature-256": "sha256=" + "0" * 64}
    for _ in range(FREE_FAILURES):
        assert host.post("hook", content=push(), headers=forged).status_code == 401
    flooded = host.post("hook", content=push(), headers=forged)
    assert (flooded.status_code, flooded.headers["Retry-After"]) == (429, "60")
    body = push()
    elsewhere = httpx.post(
        f"{site.address}/services/event/hook", content=body, headers=signed(secret, body), timeout=60
    )
    assert elsewhere.status_code == 202


def test_the_hook_only_takes_deliveries(host: httpx.Client) -> None:
    assert host.get("hook").status_code == 405
    assert host.get("hooks").status_code == 404


def ask(secret: str, at: float, path: str = ASKED) -> dict[str, str]:
    return {"X-Divebell-Time": f"{at:.0f}", "X-Divebell-Signature": sign(secret, path, int(f"{at:.0f}"))}


def test_a_ci_that_has_the_secret_reads_what_became_of_a_commit(
    host: httpx.Client, client: httpx.Client, loader: psycopg.Connection[Any], secret: str
) -> None:
    answer = host.get(f"api/commits/{SHA}", headers=ask(secret, time.time()))
    assert answer.status_code == 200
    assert answer.headers["Cache-Control"] == "no-store"
    assert answer.json().items() >= {"commit": SHA, "state": "unknown", "datasets": []}.items()
    body = push()
    host.post("hook", content=body, headers=signed(secret, body))
    assert client.get(f"api/commits/{SHA}").json()["state"] == "waiting", "a person who signed in"


def test_nobody_else_reads_it(host: httpx.Client, secret: str) -> None:
    now = time.time()
    other = ASKED[:-1] + "0"
    for headers in (
        {},
        ask("guess", now),
        ask(secret, now - 600),
        ask(secret, now + 600),
        ask(secret, now, other),
        ask(secret, now) | {"X-Divebell-Time": "now"},
        {"X-Divebell-Signature": ""},
    ):
        assert host.get(f"api/commits/{SHA}", headers=headers).status_code == 401


def test_what_is_no_commit_is_said_so(client: httpx.Client) -> None:
    assert client.get("api/commits/main").status_code == 400
