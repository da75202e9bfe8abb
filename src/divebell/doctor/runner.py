"""Runs checks: at once where that is harmless, each for a bounded time, none ever left out."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed

from divebell.doctor.finding import Check, DoesNotApplyError, Finding, Hole, Verdict
from divebell.doctor.patient import Patient
from divebell.errors import DivebellError

AT_ONCE = 8
MOST_HOLES = 20
"""How many holes one check tells of one by one."""


def examine(patient: Patient, checks: Sequence[Check]) -> Iterator[tuple[Check, list[Finding]]]:
    """Run the checks; give each with what it found, as they end."""
    try:
        with ThreadPoolExecutor(AT_ONCE) as pool:
            together = [check for check in checks if not check.alone]
            running = {pool.submit(findings, check, patient): check for check in together}
            for done in as_completed(running):
                yield running[done], done.result()
        for check in checks:
            if check.alone:
                yield check, findings(check, patient)
    finally:
        patient.once.close()


def findings(check: Check, patient: Patient) -> list[Finding]:
    """Run one check and give what it found: at least one finding."""
    begin = time.monotonic()
    holes, error = _bounded(lambda: check.probe(patient), check.seconds)
    found = _told(check, patient, holes)
    match error:
        case None:
            found = found or [Finding(check.name, Verdict.OK, check.about)]
        case DoesNotApplyError():
            found = found or [Finding(check.name, Verdict.NOT_HERE, f"does not apply: {error}")]
        case _:
            found.append(_unknown(check, patient, error))
    seconds = round(time.monotonic() - begin, 3)
    return [Finding(each.check, each.verdict, each.what, each.why, each.mend, seconds) for each in found]


def _told(check: Check, patient: Patient, holes: Sequence[Hole]) -> list[Finding]:
    verdict = Verdict.WARNING if check.warns else Verdict.OPEN
    shown = list(holes[:MOST_HOLES])
    if len(holes) > MOST_HOLES:
        shown.append(Hole(f"and {len(holes) - MOST_HOLES} more of the kind"))
    return [
        Finding(check.name, verdict, hole.what, check.why, _filled(hole.mend or check.mend, patient))
        for hole in shown
    ]


def _unknown(check: Check, patient: Patient, error: Exception) -> Finding:
    because = error.message if isinstance(error, DivebellError) else str(error) or type(error).__name__
    step = error.next_step if isinstance(error, DivebellError) else None
    return Finding(
        check.name,
        Verdict.UNKNOWN,
        f"could not be checked: {check.about}, because {' '.join(because.split())}",
        check.why,
        _filled(step or "put that right and run divebell doctor {folder} again", patient),
    )


def _filled(mend: str, patient: Patient) -> str:
    return mend.replace("{folder}", str(patient.state.folder.parent)).replace(
        "{state}", str(patient.state.folder)
    )


def _bounded(probe: Callable[[], Iterable[Hole]], seconds: float) -> tuple[list[Hole], Exception | None]:
    """Give what the probe found and what it failed with. One that takes too long is left to itself."""
    holes: list[Hole] = []
    ended: queue.Queue[Exception | None] = queue.Queue()

    def run() -> None:
        try:
            holes.extend(probe())
        except Exception as error:  # noqa: BLE001 - a check that fails is a finding, never left out
            ended.put(error)
        else:
            ended.put(None)

    threading.Thread(target=run, daemon=True).start()
    try:
        error = ended.get(timeout=seconds)
    except queue.Empty:
        error = TimeoutError(f"it took longer than {seconds:.0f} s")
    return list(holes), error
