"""How backups stand is said in words that fit how old the last one is."""

from __future__ import annotations

import pytest

from divebell.event.last_backup import LastBackup, in_words

NOW = 1_800_000_000.0


@pytest.mark.parametrize(
    ("last", "fine", "words"),
    [
        (None, False, "never tried"),
        (LastBackup(NOW - 60, succeeded_at=NOW - 720), True, "last one 12 min ago"),
        (LastBackup(NOW - 60, succeeded_at=NOW - 3 * 3600), False, "last one 3 h ago, which is too long"),
        (
            LastBackup(NOW, error="is full", succeeded_at=NOW - 9),
            False,
            "the last try failed: is full; last one 9 s ago",
        ),
        (LastBackup(NOW, error="is full"), False, "the last try failed: is full; never succeeded"),
    ],
)
def test_in_words(last, fine, words):
    assert in_words(last, NOW, 3600) == (fine, words)


def test_it_is_read_as_it_was_written(event_folder):
    assert LastBackup.load(event_folder.state) is None
    last = LastBackup(NOW, "why", NOW - 5, "abc", None)
    last.save(event_folder.state)
    assert LastBackup.load(event_folder.state) == last
    (event_folder.state.backup / "last.json").write_text("{")
    assert LastBackup.load(event_folder.state) is None
