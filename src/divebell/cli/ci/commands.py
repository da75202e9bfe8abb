"""GitHub's workflow commands: notes beside the files of a commit, safe whatever a file is called.

A runner takes every line of a job's log that begins with `::`, or holds `##[`, for a command. So what comes
from a repository is escaped within commands, and stands between `stop-commands` outside of them.
"""

from __future__ import annotations

import os
import secrets
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from divebell.cli.ci.report import Note

MOST = 10
"""How many annotations of one kind GitHub shows for a step."""


def plain(text: str) -> str:
    """Give text on one line that can be printed: for controls, and bytes that are no text, a mark stands."""
    readable = text.encode("utf-8", "replace").decode()
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in readable)


def sentence(text: str) -> str:
    """Give a message, which may have several lines, on one."""
    return plain(" ".join(text.split()))


def data(text: str) -> str:
    """Escape the message of a command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def parameter(text: str) -> str:
    """Escape the value of a command's parameter."""
    return data(text).replace(":", "%3A").replace(",", "%2C")


def line(note: Note) -> str:
    """Give the line that shows a note beside its file."""
    file = "" if note.file is None else f"file={parameter(note.file.encode('utf-8', 'replace').decode())},"
    place = f"line={note.line}," if file and note.line else ""
    return f"::{note.level} {file}{place}title=divebell::{data(sentence(note.text))}"


def problem(text: str) -> str:
    """Give the line that shows what is wrong with the run itself."""
    words = "\n".join(map(plain, text.splitlines()))
    return f"::error title=divebell::{data(words)}"


def lines(notes: Iterable[Note]) -> Iterator[str]:
    """Give the lines for as many notes as are shown, and one that counts the others."""
    every = list(notes)
    for level in ("error", "warning"):
        some = [one for one in every if one.level == level]
        shown = some if len(some) <= MOST else some[: MOST - 1]
        yield from map(line, shown)
        if len(some) > len(shown):
            yield f"::{level} title=divebell::and {len(some) - len(shown)} more; see the job's summary"


@contextmanager
def without_commands(*, on_github: bool) -> Iterator[None]:
    """Have the runner take nothing that is printed meanwhile for a command."""
    if not on_github:
        yield
        return
    mark = secrets.token_hex(16)
    errors = os.dup(2)
    print(f"::stop-commands::{mark}", flush=True)
    os.dup2(1, 2)  # the runner reads two pipes in no particular order, so all goes through one
    try:
        yield
    finally:
        sys.stderr.flush()
        os.dup2(errors, 2)
        os.close(errors)
        print(f"::{mark}::", flush=True)
