"""What every kernel of an event is given; IPython loads this extension when the kernel starts.

Each part waits until it is needed: what is imported here is paid for by every notebook that is opened.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Any

from divebell.workspace import geometries, magics, memory, news
from divebell.workspace.words import helpers

_DRIVERS = {"psycopg", "psycopg2", "asyncpg"}


def load_ipython_extension(shell: Any) -> None:
    """Make the kernel one of an event."""
    memory.be_ended_first()
    geometries.go_to_own_schema()
    magics.load_ipython_extension(shell)
    connection_file = getattr(shell.parent, "parent", None) and shell.parent.parent.connection_file
    news.tell_in_first_cell(shell, Path.home(), Path(connection_file) if connection_file else None)
    _explain_failures(shell)


def _explain_failures(shell: Any) -> None:
    """Say after a cell what its error does not say: what the event's limits ended."""
    group = memory.own_group()
    deaths = group.deaths if group else 0

    def after_cell(result: Any) -> None:
        nonlocal deaths
        now = group.deaths if group else 0
        if group and now > deaths:
            deaths = now
            print(memory.words_for_child(group.limit, helpers(os.environ)), file=sys.stderr, flush=True)
        error = result.error_in_exec
        if error is not None and sys.modules.keys() & _DRIVERS:
            from divebell.workspace import failures  # noqa: PLC0415 - few cells fail this way

            failures.explain(error)

    shell.events.register("post_run_cell", after_cell)
