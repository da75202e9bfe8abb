"""Take on an account for good, as ``setpriv`` does for a command, in a process that goes on."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable
from itertools import count

_DUMPABLE, _DROP_FROM_BOUNDING_SET, _NO_NEW_PRIVILEGES = 4, 24, 38  # PR_* of <linux/prctl.h>
_CAPABILITY_VERSION_3 = 0x20080522  # of <linux/capability.h>
_libc = ctypes.CDLL(None, use_errno=True)
_prctl: Callable[..., int] = _libc.prctl
_capset: Callable[..., int] = _libc.capset


def take_on(uid: int, gid: int) -> None:
    """Become `uid` and `gid` with no other groups, no capability and no way back. Raises OSError.

    Not as root it only gives up the way to more.
    """
    if os.geteuid() == 0:
        _empty_bounding_set()
        os.setgroups([])
        os.setresgid(gid, gid, gid)
        os.setresuid(uid, uid, uid)
    _give_up_capabilities()
    _check(_prctl(_NO_NEW_PRIVILEGES, 1, 0, 0, 0))
    _check(_prctl(_DUMPABLE, 1, 0, 0, 0))  # as after an exec: the account may look at its own process


def _empty_bounding_set() -> None:
    """Drop every capability that this kernel knows; it refuses the first number beyond them."""
    for capability in count():
        if _prctl(_DROP_FROM_BOUNDING_SET, capability, 0, 0, 0) != 0:
            if capability == 0:
                _check(-1)
            return


def _give_up_capabilities() -> None:
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    _check(_capset(header, nothing))


def _check(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
