"""How long a sign-in waits after wrong guesses. Pure: the clock is given, nothing sleeps here.

Only failures count and nobody is locked out. Three things are counted: one address guessing one name (grows
fast), one name from anywhere (counts only for addresses that have failed on it themselves, so that its owner
gets in at once from elsewhere), and one address over all names (grows late and slowly, because a venue shares
one address). The wait comes before the check and reserves a slot in time, so that guessing in parallel is no
faster than one by one. A guess at a name counts from its reservation on and is given back when it was right.
Not so for an address, where a whole venue may sign in at one instant: only so many are judged at once (see
`Turns`), and the others reserve when it is their turn, knowing what became of those before.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Hashable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from weakref import WeakValueDictionary

from divebell.patience import network


@dataclass(frozen=True)
class Growth:
    """After `free` failures the wait is `first` seconds, then doubles up to `longest`."""

    free: int
    first: float
    longest: float

    def delay(self, failures: float) -> float:
        """Give the wait in seconds before the next attempt."""
        over = failures - self.free
        if over < -0.5:  # failures age: two of a moment ago are a little less than two
            return 0.0
        return min(self.longest, self.first * float(2 ** min(max(over, 0.0), 30.0)))


PAIR = Growth(free=2, first=0.5, longest=10)
NAME = Growth(free=6, first=0.5, longest=10)
ADDRESS = Growth(free=20, first=0.25, longest=2)
HALF_LIFE = 300.0
"""Seconds in which half of the failures are forgotten."""
LONGEST_WAIT = 30.0
"""Seconds: an attempt that would wait longer is turned away, which bounds how many wait."""
_OWN_FAILURE = 0.5


@dataclass
class _Record:
    failures: float = 0.0
    at: float = 0.0
    busy_until: float = 0.0


class _Records:
    """A bounded memory of failures, the least recently used forgotten first."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._records: OrderedDict[Hashable, _Record] = OrderedDict()

    def __len__(self) -> int:
        return len(self._records)

    def get(self, key: Hashable, now: float) -> _Record:
        """Give the record of `key` with its failures aged to `now`."""
        record = self._records.get(key)
        if record is None:
            record = self._records[key] = _Record(at=now)
            if len(self._records) > self._most:
                self._records.popitem(last=False)
        self._records.move_to_end(key)
        record.failures *= 0.5 ** ((now - record.at) / HALF_LIFE)
        record.at = now
        return record


class Throttle:
    """Remembers wrong guesses and says how long the next attempt waits."""

    def __init__(self, clock: Callable[[], float], most: int = 10_000) -> None:
        self._clock = clock
        self._pairs, self._names, self._addresses = _Records(most), _Records(most), _Records(most)

    def reserve(self, address: str, name: str) -> float | None:
        """Give the seconds to wait before the attempt is checked; None: too many wait, turn it away.

        After a number, exactly one of `wrong` and `release` must follow.
        """
        now, place = self._clock(), network(address)
        pair, known = self._pairs.get((place, name), now), self._addresses.get(place, now)
        here = PAIR.delay(pair.failures)
        named = self._names.get(name, now)
        if pair.failures >= _OWN_FAILURE:
            here = max(here, NAME.delay(named.failures))
        slots = [(pair, here), (known, ADDRESS.delay(known.failures))]
        begin = max((max(now, record.busy_until) + delay for record, delay in slots if delay), default=now)
        if begin - now > LONGEST_WAIT:
            return None
        for record, delay in slots:
            if delay:
                record.busy_until = begin
        for record in (pair, named):
            record.failures += (
                1  # taken back by `release`; counted now so that parallel guesses see each other
            )
        return begin - now

    def wrong(self, address: str) -> None:
        """Count a wrong guess for its address; for its name it was counted when it was reserved."""
        self._addresses.get(network(address), self._clock()).failures += 1

    def release(self, address: str, name: str) -> None:
        """Take a reservation back: the attempt was right, or could not be judged."""
        now = self._clock()
        for record in (self._pairs.get((network(address), name), now), self._names.get(name, now)):
            record.failures = max(0.0, record.failures - 1)

    def __len__(self) -> int:
        return len(self._pairs) + len(self._names) + len(self._addresses)


class Turns:
    """Lets so many of one address in at once, the others after them in the order they came."""

    def __init__(self, most: int = ADDRESS.free) -> None:
        self._most = most
        self._turns: WeakValueDictionary[str, asyncio.Semaphore] = WeakValueDictionary()

    @asynccontextmanager
    async def of(self, address: str) -> AsyncIterator[None]:
        """Wait for the turn of an address, and hold it for the block."""
        turn = self._turns.setdefault(network(address), asyncio.Semaphore(self._most))
        async with turn:
            yield
