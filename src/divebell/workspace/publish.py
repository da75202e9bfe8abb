"""Share a notebook, file or map with everybody at the event: it appears in the gallery under one's name."""

from __future__ import annotations

import json
import os
import stat
from dataclasses import dataclass
from html import escape
from http.client import HTTPException
from pathlib import Path
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import ProxyHandler, Request, build_opener

from divebell.errors import DivebellError
from divebell.workspace.leaks import leaks
from divebell.workspace.maps import Link, portal

INSIDE_VARIABLE = "DIVEBELL_PAGES"
"""Where a notebook server reaches the event's pages."""
TOKEN_VARIABLE = "JUPYTERHUB_API_TOKEN"  # noqa: S105 - a name
NOTEBOOK_VARIABLE = "JPY_SESSION_NAME"
"""Where Jupyter tells a kernel which notebook it belongs to."""
LARGEST_BYTES = 10 * 1024**2
_WAIT_SECONDS = 180
_KNOWN = {
    "PGPASSWORD": "your password for the database",
    TOKEN_VARIABLE: "the token of your notebook server",
    "JPY_API_TOKEN": "the token of your notebook server",
}


@dataclass(frozen=True)
class Shared:
    """Something that everybody sees now, and where."""

    title: str
    url: str
    version: int

    def __str__(self) -> str:
        version = f" (version {self.version})" if self.version > 1 else ""
        return f"Everybody can now see {self.title}{version}: {self.url}"

    def __repr__(self) -> str:
        return str(self)

    def _repr_html_(self) -> str:
        version = f" (version {self.version})" if self.version > 1 else ""
        link = f'<a href="{escape(self.url)}" target="_blank" rel="noopener">{escape(self.title)}</a>'
        return f"Everybody can now see {link}{version}"


def publish(
    path: Path | str | Link | None = None, *, title: str | None = None, description: str = ""
) -> Shared:
    """Show a notebook, a file or a map to everybody at the event, in the gallery, under your name.

    Without a path it is the notebook this is called in, as it was last saved. A map is what
    `divebell.map(...)` gives, or the link of a map page. The same again is a new version. Raises
    DivebellError, with the reason, for what is too large, looks like a credential, or is no file.
    """
    words = {"title": title or "", "description": description}
    link = path.url if isinstance(path, Link) else str(path or "")
    if link.startswith(("https://", "http://", "/services/event/maps/")):
        return _shared(ask("POST", "", {"map": link, **words}))
    file = Path(link) if link else own_notebook()
    contents = _read(file)
    if found := leaks(file.name, contents, _known_secrets()):
        raise DivebellError(
            f"{file.name} was not shared: {found[0]}",
            next_step="take it out (os.environ or getpass can hold it instead), save, and share again",
        )
    return _shared(ask("POST", "", {"path": _place(file), **words}, contents))


def unpublish(path: Path | str | Shared | None = None) -> None:
    """Take something of yours back: nobody finds it in the gallery any more.

    `path` is what you gave to `publish`, or its address in the gallery. Raises DivebellError where you
    share no such thing.
    """
    wanted = path.url if isinstance(path, Shared) else str(path or "")
    works = ask("GET", "", {"author": os.environ.get("DIVEBELL_PERSON", "")})["works"]
    address = "/services/event/gallery/" + wanted.partition("/services/event/gallery/")[2]
    place = "" if wanted.endswith(address) else _place(Path(wanted) if wanted else own_notebook())
    for one in works:
        if place == one["path"] or address == one["url"]:
            ask("DELETE", f"/{one['id']}", {})
            return
    known = ", ".join(str(one["path"]) for one in works[:20]) or "nothing yet"
    raise DivebellError(f"you do not share {wanted or place}", next_step=f"you share: {known}")


def own_notebook() -> Path:
    """Give the notebook that this kernel belongs to. Raises DivebellError where that cannot be known."""
    path = Path(os.environ.get(NOTEBOOK_VARIABLE, ""))
    if path.suffix == ".ipynb" and path.is_file():
        return path
    raise DivebellError(
        "which notebook this is cannot be known here", next_step='say it: divebell.publish("name.ipynb")'
    )


def _read(file: Path) -> bytes:
    """Read an ordinary file, and no more of it than may be shared."""
    try:
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK)  # a pipe would hold us for ever
        with os.fdopen(descriptor, "rb") as opened:
            found = os.fstat(descriptor)
            if not stat.S_ISREG(found.st_mode):
                raise DivebellError(f"{file} is no file", next_step="share files one by one")
            contents = opened.read(LARGEST_BYTES + 1)
    except IsADirectoryError:
        raise DivebellError(f"{file} is a folder", next_step="share files one by one") from None
    except OSError as error:
        raise DivebellError(
            f"{file} cannot be read: {error.strerror}", next_step="give the path as `ls` shows it"
        ) from error
    if len(contents) > LARGEST_BYTES:
        raise DivebellError(
            f"{file.name} is larger than {LARGEST_BYTES // 1024**2} MB",
            next_step="clear the largest outputs, or put data into data/ on the main branch",
        )
    return contents


def _place(file: Path) -> str:
    """Say where something lies for others: as in the repository, else as in the home."""
    path, home = file.absolute(), Path.home()
    for folder in (home / "my-event", home / "public", home):
        if path.is_relative_to(folder):
            return Path(os.path.normpath(path)).relative_to(folder).as_posix()
    return path.name


def _known_secrets() -> dict[str, str]:
    return {value: kind for name, kind in _KNOWN.items() if (value := os.environ.get(name))}


def _shared(answer: dict[str, Any]) -> Shared:
    before = portal().partition("/services/event/")[0]
    return Shared(str(answer["title"]), f"{before}{answer['url']}", int(answer["version"]))


def ask(method: str, path: str, words: dict[str, str], contents: bytes | None = None) -> dict[str, Any]:
    """Ask the event's pages of shared work. Raises DivebellError with what they say when they refuse."""
    said: dict[str, Any] = json.loads(_answer(method, f"{path}?{urlencode(words)}", contents))
    return said


def ask_for_file(work: int) -> bytes:
    """Fetch a work as its author shared it. Raises DivebellError where there is no such work."""
    return _answer("GET", f"/{work}/file", None)


def _answer(method: str, path: str, contents: bytes | None) -> bytes:
    inside, token = os.environ.get(INSIDE_VARIABLE), os.environ.get(TOKEN_VARIABLE)
    if not inside or not token:
        raise DivebellError(
            "this is no notebook server of the event, or an old one",
            next_step="restart it: My server, Stop, Start",
        )
    request = Request(  # noqa: S310 - the address is the hub's
        f"{inside}api/shared{path}",
        data=contents if contents is not None else (b"" if method == "POST" else None),
        headers={"Authorization": f"token {token}", "Content-Type": "application/octet-stream"},
        method=method,
    )
    try:
        with build_opener(ProxyHandler({})).open(request, timeout=_WAIT_SECONDS) as answer:
            said: bytes = answer.read()
    except HTTPError as error:
        raise _refused(error) from None
    except (URLError, HTTPException, OSError) as error:
        raise DivebellError(
            "the event's pages do not answer", next_step="try again in a minute; your work is safe"
        ) from error
    return said


def _refused(error: HTTPError) -> DivebellError:
    try:
        said = json.load(error)
        return DivebellError(str(said["error"]), next_step=said.get("next_step"))
    except (ValueError, KeyError, TypeError, AttributeError):
        return DivebellError(f"the event's pages answered {error.code}", next_step="tell an ambassador")
