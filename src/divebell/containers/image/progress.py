"""What the engine says during a build, as lines for a person. Knows no engine: tests give it messages."""

from __future__ import annotations

import re
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any

from divebell.containers.image.steps import Step
from divebell.errors import DivebellError

_STEP = re.compile(r"Step (\d+)/\d+ : ")
_WORKS = "---> Running in"
_LAST_LINES = 20


@dataclass
class Progress:
    """Follows a build step by step."""

    steps: tuple[Step, ...]
    say: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    _step: Step | None = None
    _begun: float = 0.0
    _works: bool = False
    _lines: deque[str] = field(default_factory=lambda: deque(maxlen=_LAST_LINES))

    def follow(self, messages: Iterable[dict[str, Any]]) -> None:
        """Hear a build to its end. Raises DivebellError with the last lines of the step that failed."""
        for message in messages:
            if "error" in message:
                raise self._failed(str(message["error"]))
            for line in str(message.get("stream", "")).splitlines():
                self._hear(line)
        self._end()

    def _hear(self, line: str) -> None:
        if found := _STEP.match(line):
            self._enter(step_of(self.steps, int(found[1])))
        elif _WORKS in line:
            self._work()
        elif line.strip() and not line.startswith((" --->", "Removing intermediate")):
            self._lines.append(line.rstrip())

    def _enter(self, step: Step) -> None:
        self._lines.clear()
        if step is not self._step:
            self._end()
            self._step, self._begun, self._works = step, self.clock(), False

    def _work(self) -> None:
        if self._step is not None and not self._works:
            self._works = True
            self.say(f"{self._step.title} ...")

    def _end(self) -> None:
        if self._step is not None:
            took = f"{self.clock() - self._begun:.0f} s" if self._works else "as before"
            self.say(f"{self._step.title}: {took}")

    def _failed(self, error: str) -> DivebellError:
        title = self._step.title if self._step else "the beginning"
        text = "\n  ".join(self._lines or [error])
        return DivebellError(
            f"the workspace image could not be built; {title} failed:\n  {text}",
            next_step=advice(title, text),
        )


def step_of(steps: tuple[Step, ...], number: int) -> Step:
    """Give the step that the Dockerfile's instruction of that number, from 1 on, belongs to."""
    for step in steps:
        number -= step.instructions
        if number <= 0:
            return step
    return steps[-1]  # the engine adds an instruction for the labels


def advice(title: str, text: str) -> str:
    """Say what to do about a step that failed."""
    low = text.casefold()
    if "certificate" in low:
        return "divebell image build --ca-bundle FILE, with the certificates this machine needs"
    if re.search(r"could not resolve|resolution|connection|timed out|unreachable|dns error", low):
        return "see whether containers reach the mirrors and the package index, then divebell image build"
    if "event" in title:
        return "change `packages` under `workspace` in event.yaml, then divebell image build"
    return "divebell image build tries again from this step on"
