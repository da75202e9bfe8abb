"""How many wrong signatures or tokens one address may send before it is no longer listened to."""

from __future__ import annotations

import time
from collections import OrderedDict, deque
from collections.abc import Callable
from ipaddress import IPv6Address, ip_address, ip_network

MINUTE = 60.0
REMEMBERED = 2000


class Patience:
    """Counts the failures of each address within a minute; `free` are forgiven. `clock` counts seconds."""

    def __init__(self, free: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._free = free
        self._clock = clock
        self._failures: OrderedDict[str, deque[float]] = OrderedDict()

    def is_over(self, address: str) -> bool:
        """Say whether an address has failed too often in the last minute."""
        failed = self._failures.get(network(address))
        return failed is not None and len(failed) == self._free and failed[0] > self._clock() - MINUTE

    def failed(self, address: str) -> None:
        """Count a failure."""
        place = network(address)
        self._failures.setdefault(place, deque(maxlen=self._free)).append(self._clock())
        self._failures.move_to_end(place)
        while len(self._failures) > REMEMBERED:
            self._failures.popitem(last=False)


def network(address: str) -> str:
    """Give what one client can call its own: an IPv4 address, the /64 around an IPv6 address."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return address
    if isinstance(parsed, IPv6Address):
        if parsed.ipv4_mapped:
            return str(parsed.ipv4_mapped)
        return str(ip_network((parsed, 64), strict=False))
    return str(parsed)
