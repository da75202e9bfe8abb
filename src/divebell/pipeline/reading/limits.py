"""What a process that opens a stranger's file may use, at most. Nothing that is set here can be undone."""

from __future__ import annotations

import ctypes
import os
import resource
import sys
from collections.abc import Callable

MEMORY_BYTES = 6 * 1024**3
"""Address space, of which libraries reserve far more than they use."""
CPU_SECONDS = 120
CPU_SECONDS_PER_MB = 3
WRITTEN_BYTES = 20 * 1024**3
_OPEN_FILES = 1024
THREADS = 256
_NEW_USER, _NEW_NETWORK = 0x10000000, 0x40000000  # CLONE_NEWUSER, CLONE_NEWNET of <linux/sched.h>
_DEATH_SIGNAL, _DUMPABLE = 1, 4  # PR_SET_PDEATHSIG, PR_SET_DUMPABLE of <linux/prctl.h>
_libc = ctypes.CDLL(None, use_errno=True)
_prctl: Callable[..., int] = _libc.prctl


def cpu_seconds(file_bytes: int) -> int:
    """Give the processor time a file of this size may take, in seconds."""
    return CPU_SECONDS + CPU_SECONDS_PER_MB * (file_bytes // 1024**2)


def limit(file_bytes: int, *, alone: bool) -> None:
    """Hold this process to what a file may take; `alone`: its account has no other processes."""
    most = {
        resource.RLIMIT_AS: MEMORY_BYTES,
        resource.RLIMIT_CPU: cpu_seconds(file_bytes),
        resource.RLIMIT_FSIZE: WRITTEN_BYTES,
        resource.RLIMIT_NOFILE: _OPEN_FILES,
        resource.RLIMIT_CORE: 0,
    }
    if alone:
        most[resource.RLIMIT_NPROC] = THREADS
    for what, wanted in most.items():
        hard = resource.getrlimit(what)[1]
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(what, (soft, hard if what == resource.RLIMIT_CPU else soft))


def leave_network() -> None:
    """Go where there is no network, so that no file can make a library fetch an address.

    Where the machine does not allow it the reading goes on: the formats' own libraries are limited as well.
    """
    if _libc.unshare(_NEW_NETWORK) != 0 and _libc.unshare(_NEW_USER | _NEW_NETWORK) != 0:
        print("this machine lets no process leave the network: files are read with it", file=sys.stderr)


def die_with_parent(signal_number: int) -> None:
    """Have the kernel send this process a signal when the thread that started it is gone."""
    _prctl(_DEATH_SIGNAL, signal_number)


def be_unreadable() -> None:
    """Keep other processes of the same account from looking into this one or changing it."""
    if os.geteuid() != 0:
        _prctl(_DUMPABLE, 0)
