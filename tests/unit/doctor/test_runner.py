"""A check is never left out: what it finds, what it cannot find out and what takes too long is told."""

import threading
import time
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from divebell.doctor.finding import CannotBeCheckedError, Check, DoesNotApplyError, Hole, Verdict
from divebell.doctor.patient import Once
from divebell.doctor.runner import examine, findings
from divebell.errors import DivebellError


@pytest.fixture
def patient():
    return SimpleNamespace(state=SimpleNamespace(folder=Path("/ev/.divebell")), once=Once())


def check(probe, **more):
    return Check("x.y", "all is well", "or else", "mend {folder}", probe, **more)


def test_nothing_open_is_ok(patient):
    (found,) = findings(check(lambda _: ()), patient)
    assert (found.verdict, found.what, found.ok) == (Verdict.OK, "all is well", True)


def test_each_hole_is_a_finding_with_its_own_way_to_mend_or_that_of_its_check(patient):
    first, second = findings(check(lambda _: [Hole("a"), Hole("b", "rm {state}/b")]), patient)
    assert (first.what, first.why, first.mend, first.ok) == ("a", "or else", "mend /ev", False)
    assert second.mend == "rm /ev/.divebell/b"


def test_a_warning_is_told_and_is_ok(patient):
    (found,) = findings(check(lambda _: [Hole("a")], warns=True), patient)
    assert (found.verdict, found.ok) == (Verdict.WARNING, True)


def test_what_does_not_apply_says_why(patient):
    def probe(_):
        raise DoesNotApplyError("no containers here")

    (found,) = findings(check(probe), patient)
    assert (found.what, found.ok) == ("does not apply: no containers here", True)


@pytest.mark.parametrize(
    "error",
    [CannotBeCheckedError("no way"), KeyError("no way"), DivebellError("no way", next_step="divebell up")],
)
def test_what_cannot_be_checked_is_not_ok_and_says_why(patient, error):
    def probe(_):
        raise error

    (found,) = findings(check(probe), patient)
    assert (found.verdict, found.ok) == (Verdict.UNKNOWN, False)
    assert found.what.startswith("could not be checked: all is well, because ")
    assert "no way" in found.what
    if isinstance(error, DivebellError):
        assert found.mend == "divebell up"


def test_what_was_found_before_a_probe_failed_is_told_too(patient):
    def probe(_):
        yield Hole("a")
        raise OSError("gone")

    assert [found.verdict for found in findings(check(probe), patient)] == [Verdict.OPEN, Verdict.UNKNOWN]


def test_a_probe_that_hangs_is_told_of_and_left_to_itself(patient):
    release = threading.Event()

    def probe(_):
        release.wait(120)
        return ()

    begin = time.monotonic()
    (found,) = findings(check(probe, seconds=0.2), patient)
    release.set()
    assert time.monotonic() - begin < 60
    assert (found.verdict, found.ok) == (Verdict.UNKNOWN, False)
    assert "longer than" in found.what


def test_many_holes_of_a_kind_are_counted(patient):
    told = findings(check(lambda _: [Hole(str(number)) for number in range(50)]), patient)
    assert told[-1].what == "and 30 more of the kind"


def test_checks_that_need_to_be_alone_run_after_all_others_and_what_was_shared_is_undone(patient):
    happened = []

    @contextmanager
    def shared():
        happened.append("made")
        yield 1
        happened.append("undone")

    def probe(word):
        def run(one):
            one.once.get(shared, "key")
            happened.append(word)
            return ()

        return run

    checks = [check(probe("alone"), alone=True), check(probe("together")), check(probe("together"))]
    assert len(list(examine(patient, checks))) == 3
    assert happened == ["made", "together", "together", "alone", "undone"]


def test_what_could_not_be_made_for_all_is_told_by_all_and_tried_once(patient):
    tried = []

    @contextmanager
    def broken():
        tried.append(1)
        raise OSError("no engine")
        yield

    def probe(one):
        one.once.get(broken, "key")

    told = [found for _, each in examine(patient, [check(probe), check(probe)]) for found in each]
    assert [found.verdict for found in told] == [Verdict.UNKNOWN, Verdict.UNKNOWN]
    assert len(tried) == 1
