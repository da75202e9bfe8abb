"""The summary of a GitHub job: a page that stands with the commit's checks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from html import escape

from divebell.cli.ci import show
from divebell.cli.ci.commands import plain, sentence
from divebell.cli.ci.report import Report

LARGEST = 900_000
"""GitHub takes 1 MiB for a step."""
MOST_LINES = 100
"""Of files that were renamed or are gone."""
_NOTHING = "<p>No data changed.</p>"


def summary(report: Report) -> str:
    """Write the page, as HTML, in which Markdown and markup of a repository's names mean nothing. Pure."""
    parts = [f"<h2>{_title(report)}</h2>", _words(report)]
    if report.checked is not None:
        parts.append(_table(("File", "Table", "Rows", "To know"), _checked_rows(report)) or _NOTHING)
    if report.overtaken:
        parts.append(f"<p>{escape(plain(show.OVERTAKEN.format(report.overtaken[:10])))}</p>")
    elif report.answer is not None:
        rows = _table(("File", "Table", "Rows", "To know"), _loaded_rows(report))
        parts += [f"<p>The event says: {escape(sentence(report.answer.words()))}.</p>", rows]
    return "\n".join(parts) + "\n"


def of_problem(text: str) -> str:
    """Write the page of a run that did not get so far."""
    words = "<br>".join(escape(plain(line)) for line in text.splitlines())
    return f"<h2>The event's data: not done</h2>\n<p>{words}</p>\n"


def _title(report: Report) -> str:
    what = "the check of its data" if report.answer is None else "in the event"
    verdict = "all is well" if report.ok else "not all is well"
    return f"Commit {escape(report.change.commit[:10])}, {what}: {verdict}"


def _words(report: Report) -> str:
    change = report.change
    lines = [f"{plain(new)} was {plain(old)}" for new, old in change.renamed.items()]
    lines += [f"{plain(file)} is gone" for file in change.gone]
    if (more := len(lines) - MOST_LINES) > 0:
        lines = [*lines[:MOST_LINES], f"and {more:,} more"]
    return f"<p>{'<br>'.join(map(escape, lines))}</p>" if lines else ""


def _checked_rows(report: Report) -> Iterator[tuple[str, ...]]:
    for one in report.checked or ():
        if one.error:
            yield (one.file, "", "", sentence(f"would not be loaded: {one.error}"))
        for table, found in one.tables:
            yield (one.file, table, f"{found.rows:,}", "; ".join(found.warnings))


def _loaded_rows(report: Report) -> Iterator[tuple[str, ...]]:
    for one in sorted(report.answer.datasets if report.answer else (), key=lambda one: not one.changed):
        rows = "" if one.rows is None else f"{one.rows:,}"
        yield (
            one.file,
            one.table or "",
            rows,
            sentence(f"is not loaded: {one.error}") if one.error else "; ".join(one.warnings),
        )


def _table(headings: Iterable[str], rows: Iterable[tuple[str, ...]]) -> str:
    lines, room = [], LARGEST // 2
    for row in rows:
        line = f"<tr>{''.join(f'<td>{escape(plain(cell))}</td>' for cell in row)}</tr>"
        room -= len(line.encode())
        if room < 0:
            lines.append("<tr><td>and more</td></tr>")
            break
        lines.append(line)
    head = "".join(f"<th>{escape(word)}</th>" for word in headings)
    return f"<table>\n<tr>{head}</tr>\n" + "\n".join(lines) + "\n</table>" if lines else ""
