"""What a CI's log says: what was checked, what the event has loaded, and how that went."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from divebell.cli.ci.commands import plain, sentence
from divebell.cli.ci.messages import Loaded
from divebell.cli.ci.report import Report


def say(words: str) -> None:
    """Say how it goes, at once."""
    for line in words.splitlines():
        print(plain(line), file=sys.stderr, flush=True)


def show(report: Report) -> None:
    """Print a report as text."""
    for line in lines(report):
        print(plain(line))
    sys.stdout.flush()


def lines(report: Report) -> Iterator[str]:
    """Give the lines of a report. Pure."""
    change = report.change
    against = f"against {change.since[:10]}" if change.since else "with everything that it holds"
    yield f"Commit {change.commit[:10]}, {against}:"
    for new, old in change.renamed.items():
        yield f"{new} was {old}"
    for file in change.gone:
        yield f"{file} is gone"
    if report.checked is not None:
        yield from _checked(report)
    if report.answer is not None:
        yield from _answered(report)


def _checked(report: Report) -> Iterator[str]:
    if not report.checked:
        yield "It changes no data."
    for one in report.checked or ():
        yield one.file
        if one.error:
            yield f"  would not be loaded: {sentence(one.error)}"
        for table, found in one.tables:
            place = f", {found.geometry_type}, {found.crs or 'CRS unknown'}" if found.geometry_type else ""
            yield f"  {table}: {found.rows:,} rows, {len(found.columns):,} columns{place}"
            yield from (f"    {warning}" for warning in found.warnings)


def _answered(report: Report) -> Iterator[str]:
    answer = report.answer
    if answer is None:
        return
    if report.overtaken:
        yield OVERTAKEN.format(report.overtaken[:10])
        return
    broken = report.broken
    yield f"The event says: {sentence(answer.words())}."
    yield from (_loaded(one) for one in answer.datasets if one in broken or (one.changed and not one.error))
    same = sum(not one.changed and not one.error for one in answer.datasets)
    yield f"Tables that stay as they are: {same:,}."
    others = [one for one in answer.datasets if one.error and one not in broken]
    yield from (f"Since an earlier commit: {_loaded(one).strip()}" for one in others)


OVERTAKEN = (
    "The branch led to commit {} when the event looked: a later push has overtaken this one, and its own run "
    "says what came of it. If nobody pushed, the event follows another branch or repository."
)


def _loaded(one: Loaded) -> str:
    if one.error:
        return f"  {one.file} is not loaded: {sentence(one.error)}"
    return f"  {one.file} -> {one.table}: {one.rows or 0:,} rows"
