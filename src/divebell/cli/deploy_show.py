"""How a deployment is shown: its steps while it runs, what it means, what came of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.live import Live
from rich.text import Text

from divebell.cli.show import sign_in_line
from divebell.deploy.consequences import Consequence, Reach
from divebell.deploy.deploying import Outcome, Watch
from divebell.deploy.log import Log
from divebell.deploy.progress import Done, Progress

MARKS = {Reach.INTERRUPTS: "!", Reach.NEXT_START: "-", Reach.NOTICE: "-"}
MOST_DIFF_LINES = 20
TASK_WIDTH = 60


def duration(seconds: float) -> str:
    """Give a length of time as people read it: `24 s`, `4 min 12 s`."""
    whole = round(seconds)
    return f"{whole} s" if whole < 60 else f"{whole // 60} min {whole % 60} s"


def step_line(done: Done, of: int) -> str:
    """Give the line for a step that has ended."""
    changes = {0: "nothing to do", 1: "1 change"}.get(done.changes, f"{done.changes} changes")
    return f"{done.number}/{of} {done.step.role:<13}{duration(done.seconds):>11}  {changes}"


def running_line(progress: Progress) -> str:
    """Give the line for the step it is at."""
    if progress.step is None:
        return "looking at the server"
    task = progress.task[:TASK_WIDTH]
    head = f"{progress.number}/{len(progress.steps)} {progress.step.role:<13}"
    return f"{head}{duration(progress.seconds):>11}  {task}"


@contextmanager
def watching(console: Console) -> Iterator[Watch]:
    """Give what shows progress: a line a step, and on a terminal the one it is at."""
    current: list[Progress] = []
    if not console.is_terminal:
        yield lambda progress, ended: _print_ended(console, progress, ended)
        return
    with Live(
        console=console,
        get_renderable=lambda: Text(running_line(current[0]) if current else "looking at the server", "dim"),
        refresh_per_second=4,
        transient=True,
    ):

        def watch(progress: Progress, ended: list[Done]) -> None:
            current[:] = [progress]
            _print_ended(console, progress, ended)

        yield watch


def _print_ended(console: Console, progress: Progress, ended: list[Done]) -> None:
    for done in ended:
        console.print(step_line(done, len(progress.steps)), highlight=False)


def meaning(found: Sequence[Consequence]) -> list[str]:
    """Give a line for each consequence, those that interrupt somebody first."""
    return [f"  {MARKS[each.reach]} {each.words}" for each in found]


def summary(outcome: Outcome, log: Log) -> str:
    """Give the lines an ambassador needs after a deployment."""
    secrets, prepared = outcome.secrets, outcome.prepared
    lines = [
        "",
        f"{prepared.event.name} is up on {prepared.host.name}.",
        "",
        f"  Address      {outcome.address}",
    ]
    if secrets is not None:
        lines.append(sign_in_line(prepared.event, secrets))
        lines += _ambassadors(secrets.ambassadors)
    changes = len(outcome.progress.changes)
    lines += [
        f"  Changed      {changes or 'nothing'}, in {duration(outcome.seconds)}",
        f"  Log          {log.file}",
        "",
        "  Look at it",
        *(f"    {each}" for each in checks(outcome)),
        *(["", "  Warnings"] if outcome.warnings else []),
        *(f"    {each}" for each in outcome.warnings),
    ]
    return "\n".join([*lines, ""])


def _ambassadors(passwords: dict[str, str]) -> list[str]:
    if not passwords:
        return ["  Ambassadors  none (add `people: {ambassadors: [name]}` to event.yaml)"]
    return [
        "  Ambassadors  each with an own password:",
        *(f"    {name:<20} {password}" for name, password in passwords.items()),
    ]


def checks(outcome: Outcome) -> list[str]:
    """Give what to look at next."""
    return [
        *outcome.progress.told.get("check", ()),
        f"{outcome.address} in a browser: sign in as an ambassador and start a notebook",
        f"divebell doctor --on {outcome.prepared.host.name}",
    ]


def summary_json(outcome: Outcome, log: Log) -> dict[str, Any]:
    """Give the same facts as data."""
    secrets = outcome.secrets
    return {
        "event": outcome.prepared.event.name,
        "address": outcome.address,
        "server": outcome.prepared.host.name,
        "password": secrets.event_password if secrets else None,
        "ambassadors": secrets.ambassadors if secrets else {},
        "changed": [f"{change.role}: {change.task}" for change in outcome.progress.changes],
        "seconds": round(outcome.seconds, 1),
        "steps": {done.step.role: round(done.seconds, 1) for done in outcome.progress.done},
        "consequences": [
            {"reach": str(each.reach), "words": each.words} for each in outcome.prepared.consequences
        ],
        "warnings": list(outcome.warnings),
        "check": checks(outcome),
        "log": str(log.file),
    }


def would_change(outcome: Outcome) -> list[str]:
    """Give what a dry run found: each change by its step, with the lines of files that change."""
    changes = outcome.progress.changes
    if not changes:
        return [f"Nothing would change on {outcome.prepared.host.name}."]
    lines = [f"Would change on {outcome.prepared.host.name}:"]
    for change in changes:
        lines.append(f"  {change.role}: {change.task}")
        lines += [f"      {line}" for line in change.diff[:MOST_DIFF_LINES]]
        if len(change.diff) > MOST_DIFF_LINES:
            lines.append(f"      ... {len(change.diff) - MOST_DIFF_LINES} lines more")
    return lines
