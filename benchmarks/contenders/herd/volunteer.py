"""One volunteer over real HTTP: sign-in form, Start, progress stream, JupyterLab, a kernel, a cell."""

from __future__ import annotations

import asyncio
import html
import json
import re
import time
import uuid
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import aiohttp

CELL = """\
import psycopg
with psycopg.connect("") as connection:
    print(connection.execute("SELECT count(*), ST_AsText(ST_Point(1, 2))").fetchone())"""
ANSWER = "(1, 'POINT(1 2)')\n"
HOME = "/hub/home"
_FIELD = re.compile(r'name="_xsrf" value="([^"]+)"')
_PROGRESS = re.compile(r'EventSource\("([^"]+)"\)')
_RETRY_SECONDS = 0.5


@dataclass(frozen=True)
class Hub:
    """Where volunteers go, and the password that lets all of them in."""

    address: str
    password: str


class Volunteer:
    """A browser of one person's own: its cookies, its connections."""

    def __init__(self, hub: Hub, name: str) -> None:
        self.hub, self.name = hub, name
        self.session = aiohttp.ClientSession(
            hub.address,
            cookie_jar=aiohttp.CookieJar(unsafe=True, quote_cookie=False),
            timeout=aiohttp.ClientTimeout(total=None),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.session.close()

    async def sign_in(self) -> None:
        """Fill in the form, and confirm the return code where one is shown."""
        where = {"next": HOME}
        form = await self._get("/hub/login", params=where)
        fields = {"username": self.name, "password": self.hub.password, "_xsrf": _token(form)}
        page = await self._post("/hub/login", data=fields, params=where)
        if "return-code" in page.path:
            page = await self._post("/hub/return-code", data={"_xsrf": _token(page)}, params=where)
        if page.path != HOME or page.status != 200:
            raise RuntimeError(f"no sign-in: {page}")

    async def open_event(self) -> None:
        """Sign in and open the event's own pages, as a browser does that follows the hub's redirects."""
        await self.sign_in()
        page = await self._get("/services/event/")
        if page.status != 200 or page.path != "/services/event/":
            raise RuntimeError(f"no page of the event: {page}")

    async def open_lab(self) -> None:
        """Press Start and do what the page does until JupyterLab is there."""
        page = await self._get("/hub/spawn")
        while not self._is_lab(page):
            if page.status in {429, 500}:
                raise RuntimeError(f"refused: {page}")
            if stream := _PROGRESS.search(page.text):
                await self._follow(html.unescape(stream[1]))
            else:
                await asyncio.sleep(_RETRY_SECONDS)
            page = await self._get(f"/hub/spawn-pending/{self.name}")

    async def run_cell(self) -> float:
        """Start a kernel and run the cell; give the moment of its answer."""
        kernels = f"/user/{self.name}/api/kernels"
        made = await self._post(kernels, json={"name": "python3"}, headers=self._headers())
        if made.status != 201:
            raise RuntimeError(f"no kernel: {made}")
        path = f"{kernels}/{json.loads(made.text)['id']}/channels"
        async with self.session.ws_connect(path, origin=self.hub.address, max_msg_size=0) as socket:
            message = uuid.uuid4().hex
            await socket.send_json(_request(message))
            shown = await _answer(socket, message)
        if shown != ANSWER:
            raise RuntimeError(f"the cell showed {shown!r}")
        return time.perf_counter()

    async def _follow(self, stream: str) -> None:
        async with self.session.get(stream, headers={"Accept": "text/event-stream"}) as answer:
            async for line in answer.content:
                if not line.startswith(b"data:"):
                    continue
                told = json.loads(line[5:])
                if told.get("failed"):
                    raise RuntimeError(f"the start failed: {told.get('message')}")
                if told.get("ready"):
                    return

    def _is_lab(self, page: Page) -> bool:
        return page.status == 200 and page.path.startswith(f"/user/{self.name}/lab")

    def _headers(self) -> dict[str, str]:
        cookies = self.session.cookie_jar.filter_cookies(
            self.session._base_url / f"user/{self.name}/"  # type: ignore[operator]  # noqa: SLF001
        )
        return {"X-XSRFToken": cookies["_xsrf"].value}

    async def _get(self, path: str, **options: Any) -> Page:
        async with self.session.get(path, **options) as answer:
            return Page(answer.status, answer.url.path, await answer.text())

    async def _post(self, path: str, **options: Any) -> Page:
        async with self.session.post(path, **options) as answer:
            return Page(answer.status, answer.url.path, await answer.text())


@dataclass(frozen=True)
class Page:
    """What a request ended at, redirects followed."""

    status: int
    path: str
    text: str

    def __str__(self) -> str:
        return f"{self.status} {self.path} {' '.join(self.text.split())[-300:]}"


def _token(page: Page) -> str:
    found = _FIELD.search(page.text)
    if found is None:
        raise RuntimeError(f"no form: {page}")
    return html.unescape(found[1])


def _request(message: str) -> dict[str, Any]:
    header = {"msg_id": message, "msg_type": "execute_request", "username": "", "session": message,
              "date": "2026-01-01T00:00:00Z", "version": "5.3"}  # fmt: skip
    content = {"code": CELL, "silent": False, "store_history": False, "allow_stdin": False}
    return {"header": header, "parent_header": {}, "metadata": {}, "content": content,
            "channel": "shell", "buffers": []}  # fmt: skip


async def _answer(socket: aiohttp.ClientWebSocketResponse, message: str) -> str:
    """Collect what the cell shows until the kernel says that it is done."""
    shown = []
    async for frame in socket:
        if frame.type not in (aiohttp.WSMsgType.TEXT, aiohttp.WSMsgType.BINARY):
            raise RuntimeError(f"the kernel's connection broke: {frame.type.name} {frame.data!r}")
        told = json.loads(frame.data)
        if told["parent_header"].get("msg_id") != message:
            continue
        content = told["content"]
        if told["msg_type"] == "stream":
            shown.append(content["text"])
        elif told["msg_type"] == "error":
            shown.append(f"{content['ename']}: {content['evalue']}")
        elif told["msg_type"] == "status" and content["execution_state"] == "idle":
            return "".join(shown)
    raise RuntimeError(f"the kernel's connection ended after {''.join(shown)!r}")
