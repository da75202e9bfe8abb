"""Follow a play: which step it is at, how long each took, what changed, what failed. Reads, shows nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from divebell.deploy.steps import Step


@dataclass(frozen=True)
class Done:
    """A step that has come to its end."""

    number: int
    step: Step
    seconds: float
    changes: int


@dataclass(frozen=True)
class Failed:
    """The task that a play ended at, and what it returned."""

    step: Step | None
    task: str
    status: str
    result: Mapping[str, Any]
    items: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class Change:
    """A task that changed something, or would."""

    role: str
    task: str
    diff: tuple[str, ...] = ()
    """Where the contents of a file are not secret: its name and the lines that change."""


@dataclass
class Progress:
    """What is known of a play so far; `read` takes its lines one by one."""

    steps: Sequence[Step]
    clock: Callable[[], float] = time.monotonic
    done: list[Done] = field(default_factory=list)
    changes: list[Change] = field(default_factory=list)
    failed: Failed | None = None
    told: dict[str, list[str]] = field(default_factory=dict)
    """What the roles want a person to know: `warnings` and `check`."""
    finished: bool = False
    """Whether every task was played to its end."""
    task: str = ""
    _now: int = -1
    _began: float = 0.0
    _last_failure: Failed | None = None

    @property
    def step(self) -> Step | None:
        """The step it is at; None before the first."""
        return self.steps[self._now] if 0 <= self._now < len(self.steps) else None

    @property
    def number(self) -> int:
        """Its number, counted from 1."""
        return self._now + 1

    @property
    def seconds(self) -> float:
        """How long it has been at this step."""
        return self.clock() - self._began

    def read(self, line: Mapping[str, Any]) -> list[Done]:
        """Take one line of the callback; give the steps that ended with it."""
        match line["kind"]:
            case "task":
                return self._task(line)
            case "result":
                self._result(line)
            case "end":
                self.told = {name: list(value) for name, value in line["told"].items()}
            case "exit":
                return self._exit(line["code"])
            case _:
                pass
        return []

    def _task(self, line: Mapping[str, Any]) -> list[Done]:
        self.task = line["task"] or ""
        found = [place for place, step in enumerate(self.steps) if step.role == line["role"]]
        if not found or found[0] <= self._now:
            return []
        ended = self._close()
        self._now, self._began = found[0], self.clock()
        return ended

    def _result(self, line: Mapping[str, Any]) -> None:
        match line["status"]:
            case "changed":
                self.changes.append(Change(line["role"], line["task"], tuple(_diff_lines(line))))
            case "failed" | "unreachable":
                self._last_failure = Failed(
                    self.step, line["task"], line["status"], line["result"], line["items"]
                )
            case _:
                pass

    def _exit(self, code: int) -> list[Done]:
        if code == 0:
            self.finished = True
            return self._close()
        self.failed = self._last_failure or Failed(self.step, self.task, "ended", {"rc": code})
        return []

    def _close(self) -> list[Done]:
        if self.step is None:
            return []
        changes = sum(change.role == self.step.role for change in self.changes)
        self.done.append(Done(self.number, self.step, self.seconds, changes))
        return [self.done[-1]]


def _diff_lines(line: Mapping[str, Any]) -> list[str]:
    """Give what a task changes in files, as lines that begin with the file, `-` or `+`."""
    found: list[str] = []
    for result in (line["result"], *line["items"]):
        diffs = result.get("diff") or []
        for diff in [diffs] if isinstance(diffs, dict) else diffs:
            found += _one_diff(diff)
    return found


def _one_diff(diff: Mapping[str, Any]) -> list[str]:
    if "prepared" in diff:
        return [line for line in str(diff["prepared"]).splitlines() if line.strip()]
    before, after = diff.get("before"), diff.get("after")
    if not (isinstance(before, str) and isinstance(after, str)):
        return []
    name = str(diff.get("before_header") or diff.get("after_header") or "")
    old, new = before.splitlines(), after.splitlines()
    lines = [f"- {each}" for each in old if each not in new] + [
        f"+ {each}" for each in new if each not in old
    ]
    return [name, *lines] if lines else []
