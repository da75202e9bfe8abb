"""What the tests of backups share: see tests/backup_helpers.py."""

from backup_helpers import divebell, worked_in

__all__ = ["divebell", "worked_in"]
