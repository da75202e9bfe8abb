"""Run the web app without a hub: a session the app is told it has already asked the hub about."""

from __future__ import annotations

import asyncio
import base64
import json
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx
import itsdangerous
import uvicorn
from starlette.applications import Starlette

from divebell.credentials import hash_of
from divebell.web.app import app

ROOT = "/services/event/"
COOKIE = "divebell-event"


@dataclass(frozen=True)
class Site:
    """The web app of an event, served on a port of its own."""

    address: str
    app: Starlette
    key: str

    def cookie(self, name: str) -> str:
        """Give the value of a session cookie of `name`, as the app would after a sign-in through the hub."""
        token = secrets.token_hex(8)
        known = self.app.state.sign_in.tokens._known
        known[hash_of(token)] = (time.monotonic() + 10**6, name)
        body = base64.b64encode(json.dumps({"token": token, "form": f"form-{name}"}).encode())
        return itsdangerous.TimestampSigner(self.key).sign(body).decode()

    def client(self, name: str | None = None, **options: Any) -> httpx.Client:
        """Give an HTTP client, signed in as `name` if one is given."""
        client = httpx.Client(base_url=self.address + ROOT, timeout=120, trust_env=False, **options)
        if name:
            client.cookies.set(COOKIE, self.cookie(name), domain="127.0.0.1", path=ROOT)
        return client


@contextmanager
def serving(folder: Any, **changes: Any) -> Iterator[Site]:
    """Serve the web app of an event folder (as the fixtures give it) on a free port."""
    event = folder.event.model_copy(update=changes)
    built = app(event, folder.state, folder.secrets, folder.ports)
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(
        uvicorn.Config(built, log_level="warning", lifespan="on", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=lambda: asyncio.run(server.serve(sockets=[listening])), daemon=True)
    thread.start()
    while not server.started:
        if not thread.is_alive():
            raise RuntimeError("the web app did not start")
        time.sleep(0.02)
    try:
        yield Site(f"http://127.0.0.1:{listening.getsockname()[1]}", built, folder.secrets.web_session_key)
    finally:
        server.should_exit = True
        thread.join(timeout=20)
        listening.close()
