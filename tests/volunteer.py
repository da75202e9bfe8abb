"""A volunteer as far as signing in and running cells need one: cookies, forms, redirects and a kernel's websocket."""

from __future__ import annotations

import html
import json
import re
import ssl
import time
import uuid
from pathlib import Path
from typing import Any

import httpx
import pytest
import websocket

PATIENCE = 180


class Browser:
    """A browser as far as signing in and running a cell need one."""

    def __init__(
        self,
        url: str,
        address: str = "127.0.0.1",
        headers: dict[str, str] | None = None,
        authority: Path | None = None,
    ) -> None:
        self.authority = authority
        trusted = ssl.create_default_context(cafile=authority) if authority else True
        transport = httpx.HTTPTransport(verify=trusted, local_address=address)
        self.client = httpx.Client(
            base_url=url, transport=transport, timeout=150, follow_redirects=False, headers=headers
        )
        self.url, self.address = url, address

    def form(self, next_url: str = "") -> str:
        """Look at the sign-in page; give the form's token."""
        page = self.client.get("/hub/login", params={"next": next_url} if next_url else None)
        assert page.status_code == 200, page.text
        return html.unescape(re.search(r'name="_xsrf" value="([^"]+)"', page.text)[1])  # type: ignore[index]

    def sign_in(
        self, name: str, password: str, code: str = "", *, next_url: str = "", token: str | None = None
    ) -> httpx.Response:
        """Fill in the form and send it."""
        fields = {"username": name, "password": password, "_xsrf": token or self.form(next_url)}
        if code:
            fields["code"] = code
        return self.client.post("/hub/login", data=fields, params={"next": next_url} if next_url else None)

    def claim(self, name: str, password: str) -> str:
        """Sign in for the first time; note the return code and go on."""
        answer = self.sign_in(name, password)
        assert answer.status_code == 302, answer.text
        page = self.client.get(answer.headers["location"])
        code = re.search(r'id="return-code">([^<]+)<', page.text)[1]  # type: ignore[index]
        token = html.unescape(re.search(r'name="_xsrf" value="([^"]+)"', page.text)[1])  # type: ignore[index]
        assert self.client.post("/hub/return-code", data={"_xsrf": token}).status_code == 302
        return code

    def who(self) -> str | None:
        """Tell who the hub takes this browser for."""
        page = self.client.get("/hub/home")
        if page.status_code != 200:
            return None
        found = re.search(r'user: "([^"]+)"', page.text)
        return found[1] if found else None

    def open_notebook(self, name: str, seconds: float = 180) -> None:
        """Start the server and follow the redirects into JupyterLab, as a browser does."""
        self.follow("/hub/spawn")
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            page = self.follow(f"/user/{name}/lab")
            if page.status_code == 200 and f"/user/{name}/lab" in str(page.url):
                return
            time.sleep(0.3)
        pytest.fail(f"no notebook: {page.status_code} {page.url}\n{page.text[:2000]}")

    def stop_notebook(self, name: str, seconds: float = 120) -> None:
        """Stop the server as the hub's own page does, and wait until it has ended."""
        deadline = time.monotonic() + seconds
        while (answer := self.api("DELETE", f"/hub/api/users/{name}/server")).status_code == 202:
            assert time.monotonic() < deadline, "the server does not end"
            time.sleep(0.3)
        assert answer.status_code == 204, answer.text

    def follow(self, path: str) -> httpx.Response:
        return self.client.get(path, follow_redirects=True)

    def api(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        """Call the notebook server's API as its page does."""
        token = next(
            (c.value for c in self.client.cookies.jar if c.name == "_xsrf" and path.startswith(c.path)), ""
        )
        headers = {"X-XSRFToken": token or "", "Sec-Fetch-Mode": "cors", "Sec-Fetch-Site": "same-origin"}
        return self.client.request(method, path, headers=headers, **arguments)

    def cookies_for(self, path: str) -> str:
        jar = self.client.cookies.jar
        return "; ".join(f"{c.name}={c.value}" for c in jar if path.startswith(c.path))


class Kernel:
    """A running kernel and its websocket."""

    def __init__(self, browser: Browser, name: str, kernel_id: str | None = None) -> None:
        self.browser, base = browser, f"/user/{name}/api/kernels"
        if kernel_id is None:
            made = browser.api("POST", base, json={"name": "python3"})
            assert made.status_code == 201, made.text
            kernel_id = made.json()["id"]
        self.id, self.path = kernel_id, f"{base}/{kernel_id}/channels"
        self.socket: websocket.WebSocket | None = None
        self.connect()

    def connect(self) -> None:
        """Open the websocket, a broken one anew; wait until what the kernel says is heard through it."""
        self.close()
        self.socket = websocket.create_connection(
            self.browser.url.replace("http", "ws") + self.path,
            timeout=PATIENCE,
            cookie=self.browser.cookies_for(self.path),
            origin=self.browser.url,
            sslopt={"ca_certs": str(self.browser.authority)} if self.browser.authority else None,
        )
        asked: set[str] = set()
        deadline = time.monotonic() + PATIENCE
        while True:  # until the server has subscribed to what the kernel tells everybody, it gets lost
            asked.add(self._send("kernel_info_request", {}))
            if self._hears_the_end_of(asked, seconds=5):
                return
            assert time.monotonic() < deadline, "nothing is heard of the kernel"

    def _hears_the_end_of(self, messages: set[str], seconds: float) -> bool:
        assert self.socket is not None
        self.socket.settimeout(seconds)
        try:
            while True:
                answer = json.loads(self.socket.recv())
                ended = answer["content"].get("execution_state") == "idle"
                if ended and answer["parent_header"].get("msg_id") in messages:
                    return True
        except websocket.WebSocketTimeoutException:
            return False
        finally:
            self.socket.settimeout(PATIENCE)

    def wait_until_it_restarts(self) -> None:
        """Wait until the server says that the kernel has ended and starts again, and until it is there."""
        assert self.socket is not None
        while json.loads(self.socket.recv())["content"].get("execution_state") != "restarting":
            pass
        self.connect()

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()

    def ask(self, code: str) -> str:
        """Send a cell and do not wait for it; give its message's id."""
        content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
        return self._send("execute_request", content)

    def _send(self, kind: str, content: dict[str, Any]) -> str:
        message = uuid.uuid4().hex
        header = {"msg_id": message, "msg_type": kind, "username": "", "session": "test",
                  "date": "2026-01-01T00:00:00Z", "version": "5.3"}  # fmt: skip
        assert self.socket is not None
        self.socket.send(
            json.dumps(
                {
                    "header": header,
                    "parent_header": {},
                    "metadata": {},
                    "content": content,
                    "channel": "shell",
                    "buffers": [],
                }
            )
        )
        return message

    def run(self, code: str) -> str:
        """Run a cell; give everything it showed, an error included."""
        message, shown = self.ask(code), []
        assert self.socket is not None
        while True:
            answer = json.loads(self.socket.recv())
            if answer["parent_header"].get("msg_id") != message:
                continue
            kind, said = answer["msg_type"], answer["content"]
            if kind == "stream":
                shown.append(said["text"])
            elif kind in ("execute_result", "display_data"):
                shown.append(said["data"].get("text/plain", ""))
            elif kind == "error":
                shown.append(f"{said['ename']}: {said['evalue']}")
            elif kind == "status" and said["execution_state"] == "idle":
                return "".join(shown)


def at_notebook(address: str, name: str, password: str) -> tuple[Browser, Kernel]:
    """Claim a name, open the notebook, start a kernel."""
    browser = Browser(address.rstrip("/"))
    browser.claim(name, password)
    browser.open_notebook(name)
    return browser, Kernel(browser, name)
