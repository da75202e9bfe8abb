"""One thread at a time changes the mirror: what one has not named yet, another's tidying would drop."""

from __future__ import annotations

import threading

MIRROR = threading.RLock()
"""Held while the mirror is fetched into, committed to or tidied, by the one process that does so."""
