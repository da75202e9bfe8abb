"""`divebell doctor` where the event runs: probe it for everything that should be closed."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import asdict

from divebell.cli import EXIT_DONE, EXIT_FAILED
from divebell.cli.event_argument import open_event
from divebell.doctor import CHECKS, Finding, Patient, Verdict, examine
from divebell.doctor.finding import Check
from divebell.errors import DivebellError
from divebell.event import State
from divebell.local.leftovers import processes_of
from divebell.local.running import only_one, running_supervisor

QUIET_SECONDS = 2.0
WORDS = {
    Verdict.OK: "ok",
    Verdict.OPEN: "OPEN",
    Verdict.WARNING: "warning",
    Verdict.UNKNOWN: "UNKNOWN",
    Verdict.NOT_HERE: "-",
}


def run(args: argparse.Namespace) -> int:
    """Run every check against the running event; exit 0 only when nothing is open."""
    _, state = open_event(args.path)
    findings = _examined(state)
    ok = all(finding.ok for finding in findings)
    if args.json:
        told = [{**asdict(finding), "ok": finding.ok} for finding in findings]
        print(json.dumps({"ok": ok, "findings": told}, indent=2, ensure_ascii=False))
    else:
        print("\n".join([*report(findings), "", summary(findings)]))
    return EXIT_DONE if ok else EXIT_FAILED


def _examined(state: State) -> list[Finding]:
    """Run all checks, and give what they found in the order of the list."""
    if running_supervisor(state) is None:
        raise DivebellError(
            "the event is not running, and only a running one can be examined", next_step="divebell up"
        )
    with only_one(state, "doctor"):
        patient = Patient.of(state, tuple(process.pid for process in processes_of(state)))
        found: dict[str, list[Finding]] = {}
        progress = _Progress(len(CHECKS))
        for check, findings in examine(patient, CHECKS):
            found[check.name] = findings
            progress.done(check)
    return [finding for check in CHECKS for finding in found[check.name]]


class _Progress:
    """Says on standard error how far it is, once it takes longer."""

    def __init__(self, checks: int) -> None:
        self._checks, self._done = checks, 0
        self._said = time.monotonic()

    def done(self, check: Check) -> None:
        """Count a check."""
        self._done += 1
        if time.monotonic() - self._said > QUIET_SECONDS:
            print(
                f"{self._done} of {self._checks} checks done, the last: {check.about}",
                file=sys.stderr,
                flush=True,
            )
            self._said = time.monotonic()


def report(findings: list[Finding]) -> list[str]:
    """Give a line for each finding; for what is open, why it matters and how to mend it."""
    width = max(len(finding.check) for finding in findings)
    lines = []
    for finding in findings:
        lines.append(f"{WORDS[finding.verdict]:<8} {finding.check:<{width}}  {finding.what}")
        if finding.verdict not in {Verdict.OK, Verdict.NOT_HERE}:
            lines.append(f"{'':<8} {'':<{width}}  why   {finding.why}")
            lines.append(f"{'':<8} {'':<{width}}  mend  {finding.mend}")
    return lines


def summary(findings: list[Finding]) -> str:
    """Say in a line how the event stands."""
    open_ones = {finding.check for finding in findings if finding.verdict is Verdict.OPEN}
    unknown = {finding.check for finding in findings if finding.verdict is Verdict.UNKNOWN}
    checks = len({finding.check for finding in findings})
    if not open_ones and not unknown:
        return f"Nothing is open: {checks} checks."
    words = [
        f"{len(open_ones)} open" if open_ones else "",
        f"{len(unknown)} could not be checked" if unknown else "",
    ]
    return f"{', '.join(filter(None, words))}, of {checks} checks."
