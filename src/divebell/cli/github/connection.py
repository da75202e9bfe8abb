"""What connects an event with a GitHub repository: addresses, the secret, and what is left to do by hand."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from divebell.cli.github.workflow import PLACE, SECRET

HOOK = "/services/event/hook"
_REMOTE = re.compile(
    r"^(?:(?:https|ssh)://(?:[\w.-]+@)?(?P<host>[\w.-]+)(?::\d+)?/|(?:[\w.-]+@)?(?P<short>[\w.-]+):)"
    r"(?P<owner>[\w.-]+)/(?P<name>[\w.-]+?)(?:\.git)?/?$",
    re.ASCII,
)


@dataclass(frozen=True)
class Remote:
    """A repository on GitHub, or on a server that speaks alike."""

    host: str
    owner: str
    name: str

    def __str__(self) -> str:
        return f"{self.owner}/{self.name}"

    @property
    def settings(self) -> str:
        """Where its settings are."""
        return f"https://{self.host}/{self.owner}/{self.name}/settings"

    @property
    def argument(self) -> str:
        """What `gh --repo` is given."""
        return str(self) if self.host == "github.com" else f"{self.host}/{self}"


def parse_remote(address: str) -> Remote | None:
    """Read a git address; None for one that is not of the form HOST/OWNER/NAME. Pure."""
    found = _REMOTE.match(address)
    return Remote(found["host"] or found["short"], found["owner"], found["name"]) if found else None


@dataclass(frozen=True)
class Connection:
    """An event and the repository it is connected with. `done`: `new`, `changed`, `kept` or `shown`."""

    file: str
    done: str
    remote: Remote | None
    server: str | None
    secret: str | None
    shows_secret: str
    """The command that prints the secret."""
    notes: tuple[str, ...]

    @property
    def hook(self) -> str | None:
        """Where GitHub's own webhook would be sent."""
        return f"{self.server}{HOOK}" if self.server else None

    def to_json(self) -> dict[str, Any]:
        """Give what `--json` prints."""
        return {
            "file": self.file,
            "done": self.done,
            "repository": str(self.remote) if self.remote else None,
            "server": self.server,
            "secret": {"name": SECRET, "value": self.secret},
            "webhook": {"url": self.hook, "content_type": "application/json", "events": ["push"]},
            "notes": list(self.notes),
        }


def words(known: Connection) -> Iterator[str]:
    """Say what was done, and what is left to do. Pure."""
    done = {"new": "wrote", "changed": "wrote anew", "kept": "there already:"}[known.done]
    yield f"{done} {known.file}"
    if known.done != "kept":
        yield f"next: git add {PLACE}; git commit -m 'Check the data of each push'; git push"
    if known.server:
        yield ""
        yield from _secret(known)
        yield ""
        yield from _webhook(known)
    for note in known.notes:
        yield ""
        yield f"note: {note}"


def _secret(known: Connection) -> Iterator[str]:
    repo = known.remote.argument if known.remote else "OWNER/NAME"
    settings = known.remote.settings if known.remote else "the repository's Settings"
    yield f"The workflow signs what it tells {known.server} with a secret. Give it to GitHub:"
    yield f"  {known.shows_secret} | gh secret set {SECRET} --repo {repo}"
    yield f"or by hand, at {settings}/secrets/actions/new:"
    yield f"  Name    {SECRET}"
    yield f"  Secret  {known.secret or f'(what `{known.shows_secret}` prints once the event has run)'}"


def _webhook(known: Connection) -> Iterator[str]:
    settings = known.remote.settings if known.remote else "the repository's Settings"
    yield "GitHub can tell the event of each push by itself, a little earlier than the workflow does:"
    yield f"  at {settings}/hooks/new"
    yield f"  Payload URL   {known.hook}"
    yield "  Content type  application/json"
    yield "  Secret        the same as above"
    yield "  Events        just the push event"
