"""Whose each file of a copy is, and the words for how the copy stands."""

import pytest

from divebell.workspace.copy_plan import CONFLICTS, FOREIGN, LINKED, YOURS, Base, Verdict, judge, plan
from divebell.workspace.copy_words import Arrived, Standing, incomplete, news, reason, summary

FIRST, SECOND, MINE = (10, 1), (10, 2), (12, 3)
COPIED, FROM_LINK = Base(FIRST, FIRST), Base(LINKED, FIRST)
OPENED = Base(MINE, FIRST)  # a notebook that was only opened


@pytest.mark.parametrize(
    ("event", "base", "now", "verdict"),
    [
        (FIRST, None, None, Verdict.COPY),
        (FIRST, None, FIRST, Verdict.CURRENT),
        (FIRST, COPIED, FIRST, Verdict.CURRENT),
        (SECOND, COPIED, FIRST, Verdict.COPY),
        (SECOND, COPIED, SECOND, Verdict.CURRENT),
        (None, COPIED, FIRST, Verdict.REMOVE),
        (None, COPIED, None, Verdict.FORGET),
        (FIRST, COPIED, MINE, Verdict.CHANGED),
        (SECOND, COPIED, MINE, Verdict.CONFLICT),
        (None, COPIED, MINE, Verdict.REMOVED),
        (FIRST, COPIED, None, Verdict.DELETED),
        (SECOND, COPIED, None, Verdict.DELETED),
        (FIRST, COPIED, FOREIGN, Verdict.CHANGED),
        (FIRST, None, MINE, Verdict.OWN),
        (FIRST, None, FOREIGN, Verdict.OWN),
        (FIRST, FROM_LINK, LINKED, Verdict.COPY),
        (None, FROM_LINK, LINKED, Verdict.REMOVE),
        (FIRST, FROM_LINK, MINE, Verdict.CHANGED),
        (SECOND, FROM_LINK, MINE, Verdict.CONFLICT),
        (FIRST, OPENED, MINE, Verdict.CURRENT),
        (SECOND, OPENED, MINE, Verdict.COPY),
    ],
)
def test_whose_a_file_is(event, base, now, verdict):
    assert judge(event, base, now) is verdict


def test_the_record_remembers_with_what_the_owner_began():
    record = {"mine": COPIED, "gone": COPIED, "removed": COPIED, "left": COPIED}
    here = {"mine": MINE, "gone": None, "removed": MINE, "left": FIRST}
    planned = plan({"mine": SECOND, "gone": SECOND}, record, here)
    assert dict(planned.kept) == {"mine": COPIED, "gone": COPIED, "removed": COPIED}
    assert planned.remove == ("left",)
    assert dict(planned.owners) == {
        "gone": Verdict.DELETED,
        "mine": Verdict.CONFLICT,
        "removed": Verdict.REMOVED,
    }


def test_a_copy_is_told_in_one_or_two_sentences():
    assert summary(Standing()) == "The event has no files yet."
    assert summary(Standing(5)) == "Your copy is up to date."
    assert summary(Standing(5, gone=True)).startswith("You have deleted my-event.")
    one = Standing(5, {"a": Verdict.CHANGED})
    assert summary(one) == "Your copy is up to date. 1 file is yours: you changed or deleted it."
    many = Standing(
        5,
        {"a": Verdict.CONFLICT, "b": Verdict.OWN, "c": Verdict.DELETED, "d": Verdict.REMOVED},
        ("e",),
        {"f": "No space left on device"},
    )
    assert summary(many) == (
        "Your copy is up to date, except for 2 files in conflict and 2 files that could not be copied. "
        "2 files are yours: you changed or deleted them."
    )


def test_news_name_a_few_files():
    arrived = Arrived(("a.csv",), ("b.csv", "c.csv", "d.csv", "e.csv", "f.csv"), ("g.csv",))
    assert (
        news(arrived)
        == "1 new file: a.csv; 5 updated files: b.csv, c.csv, d.csv and 2 more; 1 removed file: g.csv"
    )
    assert news(Arrived()) == ""


def test_what_is_missing_comes_with_what_to_do():
    assert incomplete(Standing(1)) == ""
    assert "Make room, and copies come by themselves" in incomplete(Standing(1, linked=("a",)))
    full = incomplete(Standing(1, behind={"a": "No space left on device"}))
    assert full == (
        "1 file could not be brought up to date (No space left on device). It is tried again by itself."
    )


@pytest.mark.parametrize("verdict", sorted(YOURS | CONFLICTS))
def test_every_file_that_is_left_alone_has_a_reason(verdict):
    assert reason(verdict).startswith("You ")
