"""What a volunteer has to know before the first cell runs: shown once, above that cell's own output."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from divebell.workspace import own_copy, room
from divebell.workspace.words import helpers


def tell_in_first_cell(shell: Any, home: Path, connection_file: Path | None) -> None:
    """Print the news when the first cell runs, whatever that cell is."""

    def before_cell(info: Any) -> None:  # noqa: ARG001 - IPython looks at the signature
        shell.events.unregister("pre_run_cell", before_cell)
        for text in news(home, connection_file):
            print(text + "\n", file=sys.stderr, flush=True)

    shell.events.register("pre_run_cell", before_cell)


def news(home: Path, connection_file: Path | None) -> Iterator[str]:
    """Give what there is to say now."""
    if connection_file is not None:
        yield from _left_by_server(news_for_kernel(connection_file))
    yield from room.warning(home, helpers(os.environ))
    yield from own_copy.warning(home)


def news_for_kernel(connection_file: Path) -> Path:
    """Give the file in which the server leaves words for the kernel that comes next."""
    return connection_file.with_suffix(".news")


def _left_by_server(file: Path) -> Iterator[str]:
    try:
        text = file.read_text()
        file.unlink()
    except OSError:
        return
    yield text
