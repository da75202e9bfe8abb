"""Who is signed in is asked of the hub once, however many tiles of a map want to know at the same time."""

import asyncio
import dataclasses
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import SimpleNamespace

import pytest

from divebell.web.signin import SignIn


@pytest.fixture
def hub():
    """Give a server that answers as the hub's API does, slowly, and counts."""

    class Answers(BaseHTTPRequestHandler):
        def do_GET(self):
            self.server.asked.append(self.headers["Authorization"])
            time.sleep(0.2)
            body = b'{"kind": "user", "name": "ana"}'
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_):
            return

    with ThreadingHTTPServer(("127.0.0.1", 0), Answers) as server:
        server.asked = []
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def test_thirty_tiles_at_once_ask_the_hub_once_a_person(event_folder, hub):
    ports = dataclasses.replace(event_folder.ports, hub=hub.server_address[1])
    requests = [SimpleNamespace(session={"token": f"token-{number % 3}"}) for number in range(30)]

    async def everybody():
        sign_in = SignIn(event_folder.event, event_folder.secrets, ports)
        try:
            return await asyncio.gather(*(sign_in.person(request) for request in requests))
        finally:
            await sign_in.close()

    people = asyncio.run(everybody())
    assert {person.name for person in people} == {"ana"}
    assert sorted(hub.asked) == ["token token-0", "token token-1", "token token-2"]
