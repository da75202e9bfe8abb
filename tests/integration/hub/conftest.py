"""A real hub behind a real proxy over a real database, and browsers to sign in with.

`hub`: one for the whole session. `browser(address)` opens a browser (cookies, forms) at a loopback address.
"""

from __future__ import annotations

import dataclasses
import html
import json
import os
import re
import subprocess
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import websocket

from divebell.database import prepare
from divebell.event.state import STATE_VARIABLE
from divebell.hub.proxy import static_file, traefik_files

EVENT_YAML = """\
name: Housing <loss> DataDive
description: Where do people lose their homes?
people:
  ambassadors: [boss, maria]
  expected: 40
data:
  repository: repository
"""
CONFIG = Path(__file__).parents[3] / "src" / "divebell" / "hub" / "jupyterhub_config.py"


@dataclasses.dataclass
class Hub:
    """The running parts, each of which a test may kill and start again."""

    folder: Any
    proxy: subprocess.Popen[bytes]
    hub: subprocess.Popen[bytes]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.folder.ports.proxy}"

    @property
    def password(self) -> str:
        return str(self.folder.secrets.event_password)

    def wait(self, seconds: float = 60) -> float:
        """Wait until the hub answers through the proxy; give how long it took."""
        begin = time.monotonic()
        while time.monotonic() < begin + seconds:
            try:
                if httpx.get(f"{self.url}/hub/health", timeout=2).status_code == 200:
                    return time.monotonic() - begin
            except httpx.TransportError:
                pass
            if self.hub.poll() is not None:
                break
            time.sleep(0.1)
        pytest.fail(f"no hub:\n{self.log('hub')[-6000:]}\n{self.log('proxy')[-2000:]}")

    def log(self, part: str) -> str:
        return (self.folder.folder / f"{part}.log").read_text(errors="replace")

    def kill(self, part: str) -> None:
        process = getattr(self, part)
        process.kill()
        process.wait()

    def start(self, part: str) -> None:
        setattr(self, part, start(self.folder, part))

    def stop_servers(self) -> None:
        """End what is left of the event, by what every process of it carries."""
        mark = f"{STATE_VARIABLE}={self.folder.state.folder}".encode()
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and int(entry.name) != os.getpid():
                try:
                    if mark in (entry / "environ").read_bytes().split(b"\0"):
                        os.kill(int(entry.name), 9)
                except OSError:
                    continue


def start(folder: Any, part: str) -> subprocess.Popen[bytes]:
    """Start the proxy or the hub as the supervisor does."""
    command = {
        "proxy": [str(Path(sys.executable).parent / "traefik"), f"--configFile={static_file(folder.state)}"],
        "hub": [sys.executable, "-m", "jupyterhub", "--config", str(CONFIG)],
    }[part]
    environment = {**os.environ, STATE_VARIABLE: str(folder.state.folder), "OPERATORS_SECRET": "do not leak"}
    with (folder.folder / f"{part}.log").open("ab") as log:
        return subprocess.Popen(
            command,
            env=environment,
            cwd=folder.state.folder,
            stdout=log,
            stderr=log,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )


@pytest.fixture(scope="session")
def hub(
    tmp_path_factory: pytest.TempPathFactory,
    make_event_folder: Callable[..., Any],
    run_server: Callable[[Any], Any],
) -> Iterator[Hub]:
    """Give a hub that runs."""
    folder = make_event_folder(tmp_path_factory.mktemp("hub") / "event", event_yaml=EVENT_YAML)
    for path, text in traefik_files(folder.state, folder.secrets, folder.ports).items():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        path.write_text(text)
    (folder.state.checkout / "data").mkdir(parents=True)
    (folder.state.checkout / "data" / "hello.csv").write_text("a,b\n1,2\n")
    with run_server(folder):
        prepare(folder.event, folder.state)
        running = Hub(folder, start(folder, "proxy"), start(folder, "hub"))
        try:
            running.wait()
            yield running
        finally:
            running.kill("hub")
            running.kill("proxy")
            running.stop_servers()


class Browser:
    """A browser as far as signing in and running a cell need one."""

    def __init__(self, url: str, address: str = "127.0.0.1", headers: dict[str, str] | None = None) -> None:
        transport = httpx.HTTPTransport(local_address=address)
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

    def open_notebook(self, name: str, seconds: float = 120) -> None:
        """Start the server and follow the redirects into JupyterLab, as a browser does."""
        self.follow("/hub/spawn")
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            page = self.follow(f"/user/{name}/lab")
            if page.status_code == 200 and f"/user/{name}/lab" in str(page.url):
                return
            time.sleep(0.3)
        pytest.fail(f"no notebook: {page.status_code} {page.url}\n{page.text[:2000]}")

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
        """Open the websocket, a broken one anew."""
        self.close()
        self.socket = websocket.create_connection(
            self.browser.url.replace("http", "ws") + self.path,
            timeout=90,
            cookie=self.browser.cookies_for(self.path),
            origin=self.browser.url,
        )

    def close(self) -> None:
        if self.socket is not None:
            self.socket.close()

    def run(self, code: str) -> str:
        """Run a cell; give everything it showed, an error included."""
        message = uuid.uuid4().hex
        header = {"msg_id": message, "msg_type": "execute_request", "username": "", "session": "test",
                  "date": "2026-01-01T00:00:00Z", "version": "5.3"}  # fmt: skip
        content = {"code": code, "silent": False, "store_history": False, "allow_stdin": False}
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
        shown = []
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


@pytest.fixture(scope="session")
def open_browser(hub: Hub) -> Iterator[Callable[..., Browser]]:
    """Give the function that opens a browser: `open_browser(address="127.0.0.1", **headers)`."""
    opened: list[Browser] = []

    def open_one(address: str = "127.0.0.1", **headers: str) -> Browser:
        opened.append(Browser(hub.url, address, headers))
        return opened[-1]

    yield open_one
    for one in opened:
        one.client.close()


@pytest.fixture
def browser(open_browser: Callable[..., Browser]) -> Callable[..., Browser]:
    """Give the function that opens a browser."""
    return open_browser


@pytest.fixture(scope="session")
def start_kernel() -> Iterator[Callable[..., Kernel]]:
    """Give the function that starts a kernel: `start_kernel(browser, name)`."""
    started: list[Kernel] = []

    def start_one(browser: Browser, name: str) -> Kernel:
        started.append(Kernel(browser, name))
        return started[-1]

    yield start_one
    for one in started:
        one.close()
