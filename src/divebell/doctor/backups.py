"""Backups: that the event could be brought back as it was a short while ago."""

from __future__ import annotations

import time
from collections.abc import Iterator

from divebell.doctor.finding import Check, DoesNotApplyError, Hole
from divebell.doctor.patient import Patient
from divebell.event import Service
from divebell.event.last_backup import LastBackup, in_words


def recent(patient: Patient) -> Iterator[Hole]:
    """Look at how the last backup went, and when."""
    last = LastBackup.load(patient.state)
    if last is None and Service.load(patient.state) is None:
        raise DoesNotApplyError("no backup was ever asked for; divebell backup makes one")
    fine, words = in_words(last, time.time(), patient.event.backups.every_seconds)
    if not fine and (last is None or last.error or Service.load(patient.state)):
        yield Hole(f"backups: {words}")


CHECKS = (
    Check(
        name="backups.recent",
        about="The last backup worked, and on a server it is not old.",
        why="When this machine is lost, so is what everybody did since the last backup.",
        mend="divebell backup {folder} says what is wrong; on a server also journalctl -u divebell-backup",
        probe=recent,
        warns=True,
    ),
)
