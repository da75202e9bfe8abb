"""The log of one deployment: everything that was done and said, without what holds secrets."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator, Mapping
from typing import Any, TextIO

from divebell.event import State

KEPT = 20
"""How many logs stay."""


class Log:
    """A file that lines are added to as they come."""

    def __init__(self, state: State, verb: str) -> None:
        state.folder.mkdir(mode=0o700, exist_ok=True)
        state.logs.mkdir(mode=0o700, exist_ok=True)
        for old in sorted(state.logs.glob(f"{verb}-*.log"))[: -(KEPT - 1)]:
            old.unlink()
        self.file = state.logs / f"{verb}-{time.strftime('%Y%m%d-%H%M%S')}.log"
        descriptor = os.open(self.file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
        self._out: TextIO = os.fdopen(descriptor, "a", encoding="utf-8", errors="replace")

    def say(self, text: str) -> None:
        """Add a line, with the time."""
        self._out.write(f"{time.strftime('%H:%M:%S')} {text}\n")
        self._out.flush()

    def add(self, line: Mapping[str, Any]) -> None:
        """Add what the playbook's callback told."""
        for text in log_lines(line):
            self.say(text)

    def close(self) -> None:
        """Write what is left."""
        self._out.close()


def log_lines(line: Mapping[str, Any]) -> Iterator[str]:
    """Give the lines of a log for what the callback told. Pure."""
    match line["kind"]:
        case "task":
            yield f"{line['role'] or '-'}: {line['task']}"
        case "result":
            yield f"  {line['status']}"
            if line["status"] not in {"ok", "skipped"}:
                for result in (line["result"], *line["items"]):
                    yield from _result_lines(result)
        case "end":
            yield f"end: {line['changed']} changed"
        case _:
            yield f"ansible ended with code {line['code']}"


def _result_lines(result: Mapping[str, Any]) -> Iterator[str]:
    for name in ("item", "cmd", "msg", "stdout", "stderr", "module_stdout", "module_stderr", "censored"):
        text = str(result.get(name) or "").strip()
        for each in text.splitlines():
            yield f"    {name}: {each}"
