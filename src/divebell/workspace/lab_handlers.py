"""What JupyterLab's page asks of the notebook server about the event: how one's copy stands, and to share.

Who asks has signed in, and Jupyter refuses what another site sent (XSRF). Paths come from the page and are
taken for hostile.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from pathlib import Path, PurePosixPath
from typing import Any

from jupyter_server.auth.decorator import authorized
from jupyter_server.base.handlers import APIHandler
from tornado.web import authenticated

from divebell.errors import DivebellError
from divebell.workspace import copy_choices
from divebell.workspace.copy_plan import Verdict
from divebell.workspace.copy_words import Standing, incomplete, reason, summary
from divebell.workspace.maps import portal
from divebell.workspace.own_copy import FOLDER
from divebell.workspace.publish import Shared, publish, unpublish
from divebell.workspace.watch import Watch

MOST_LISTED = 200
_LONGEST_PATH, _LONGEST_TITLE, _LONGEST_DESCRIPTION = 4096, 200, 2000
_REFUSED = 409


def shown(standing: Standing) -> dict[str, Any]:
    """Give what the panel shows."""
    return {
        "folder": FOLDER,
        "portal": portal(),
        "summary": summary(standing),
        "incomplete": incomplete(standing),
        "missing": [*standing.linked, *standing.behind][:MOST_LISTED],
        "conflicts": _listed(standing.conflicts),
        "yours": _listed(standing.yours),
    }


def relative(text: object) -> str:
    """Give a path as a page may send it. Raises DivebellError for one that leads elsewhere."""
    if not isinstance(text, str) or not text or len(text) > _LONGEST_PATH or "\0" in text:
        raise DivebellError("that is no path")
    path = PurePosixPath(text)
    if path.is_absolute() or ".." in path.parts or path.as_posix() != text:
        raise DivebellError(f"that is no path of a file here: {text[:200]!r}")
    return text


def own_file(home: Path, text: object) -> Path:
    """Give a file of the home that a page names. Raises DivebellError for one that lies elsewhere."""
    file = home / relative(text)
    if not file.resolve().is_relative_to(home.resolve()):
        raise DivebellError(
            f"{file.name} is not a file of yours", next_step="copy it into your home, then share the copy"
        )
    return file


class Handler(APIHandler):
    """Answers in JSON, a refusal with what to do next."""

    auth_resource = "contents"

    def initialize(self, watch: Watch) -> None:
        """Take what the extension made."""
        self.watch = watch

    async def say(self, work: Callable[[], Any]) -> None:
        """Do something that takes a while, then answer with what it gives."""
        try:
            answer = await asyncio.to_thread(work)
        except DivebellError as error:
            self.refuse(error)
        else:
            self.finish(json.dumps(answer))

    def refuse(self, error: DivebellError) -> None:
        """Say why not."""
        self.set_status(_REFUSED)
        self.finish(json.dumps({"message": error.message, "next_step": error.next_step}))

    def sent(self, name: str, most: int = _LONGEST_PATH) -> str:
        """Give a word that the page sent; an empty one where it sent none."""
        words = self.get_json_body()
        word = words.get(name) if isinstance(words, dict) else None
        return word[:most] if isinstance(word, str) else ""


class CopyHandler(Handler):
    """How the copy stands."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """Look, and say it."""
        await self._look(anew=False)

    @authenticated
    @authorized
    async def post(self) -> None:
        """Look, make a copy that was deleted anew, and say it."""
        await self._look(anew=True)

    async def _look(self, *, anew: bool) -> None:
        try:
            self.finish(json.dumps(shown(await self.watch.look(anew=anew))))
        except DivebellError as error:
            self.refuse(error)


class TakeHandler(Handler):
    """Take the event's version of a file."""

    @authenticated
    @authorized
    async def post(self) -> None:
        """Take it; say under which name the owner's is kept."""

        def work() -> dict[str, Any]:
            path = relative(self.sent("path"))
            return {"kept": copy_choices.take(self.watch.source, self.watch.home, path)}

        await self.say(work)


class KeepHandler(Handler):
    """Let one's own version stand."""

    @authenticated
    @authorized
    async def post(self) -> None:
        """Keep it."""

        def work() -> dict[str, Any]:
            copy_choices.keep(self.watch.source, self.watch.home, relative(self.sent("path")))
            return {}

        await self.say(work)


class CompareHandler(Handler):
    """What differs between the event's version of a file and the owner's."""

    @authenticated
    @authorized
    async def get(self) -> None:
        """Give it as a unified diff."""
        asked = self.get_query_argument("path", "")

        def work() -> dict[str, Any]:
            path = relative(asked)
            return {"difference": copy_choices.compare(self.watch.source, self.watch.home, path)}

        await self.say(work)


class ShareHandler(Handler):
    """Show a file to everybody, and take it back."""

    @authenticated
    @authorized
    async def post(self) -> None:
        """Share it; give its address."""

        def work() -> dict[str, Any]:
            file = own_file(self.watch.home, self.sent("path"))
            title = self.sent("title", _LONGEST_TITLE).strip() or None
            description = self.sent("description", _LONGEST_DESCRIPTION).strip()
            return _made(publish(file, title=title, description=description))

        await self.say(work)

    @authenticated
    @authorized
    async def delete(self) -> None:
        """Take back what has that address."""

        def work() -> dict[str, Any]:
            unpublish(self.sent("url"))
            return {}

        await self.say(work)


HANDLERS: dict[str, type[Handler]] = {
    "copy": CopyHandler,
    "copy/take": TakeHandler,
    "copy/keep": KeepHandler,
    "copy/compare": CompareHandler,
    "share": ShareHandler,
}


def _made(shared: Shared) -> dict[str, Any]:
    return {"url": shared.url, "title": shared.title, "version": shared.version}


def _listed(owners: dict[str, Verdict]) -> dict[str, Any]:
    files = [
        {"path": path, "why": reason(verdict), "verdict": verdict.value}
        for path, verdict in [*owners.items()][:MOST_LISTED]
    ]
    return {"count": len(owners), "files": files}
