"""Copy an event away and bring it back: database, homes and secrets, encrypted, with restic."""

from divebell.backup.restoring import Restored, fetch, restore
from divebell.backup.store import Snapshot, Store, WrongKeyError, snapshot_of, snapshots
from divebell.backup.take import Taken, back_up

__all__ = [
    "Restored",
    "Snapshot",
    "Store",
    "Taken",
    "WrongKeyError",
    "back_up",
    "fetch",
    "restore",
    "snapshot_of",
    "snapshots",
]
