"""How often the branch is looked at. Pure."""

from __future__ import annotations

from dataclasses import dataclass

LOCAL_SECONDS, REMOTE_SECONDS, QUIET_SECONDS, LONGEST_SECONDS = 1.0, 10.0, 120.0, 300.0
"""Between two looks: at a folder, at a remote while something happens, at most while nothing does, and while
it fails at most."""
HOOKED_SECONDS = 60.0
"""Between two looks while a webhook tells of changes: the look is for those that get lost."""
LIVELY_SECONDS = 600.0
"""How long after a change the next one is expected soon."""
LEAST_SECONDS, LEAST_HINTED_SECONDS, LEAST_LOCAL_SECONDS = 5.0, 0.3, 0.1
"""Between two looks at a remote whatever asks for them; the second holds for the signed hints of its host.

The third is for a folder: any role of the database may ask, as often as it likes."""


@dataclass(frozen=True)
class Pulse:
    """What the pause depends on."""

    local: bool = False
    failures: int = 0
    """How often in a row the look has failed."""
    quiet: float = 0.0
    """Seconds since the branch changed."""
    people: bool = False
    """Whether volunteers are at work."""
    hooked: bool = False
    """Whether a hint has come within the last day, so that others will."""


def next_look(pulse: Pulse) -> float:
    """Give the seconds until the next look at the branch."""
    if pulse.local:
        return LOCAL_SECONDS
    if pulse.failures:
        return min(REMOTE_SECONDS * 2.0 ** min(pulse.failures - 1, 10), LONGEST_SECONDS)
    if pulse.hooked:
        return HOOKED_SECONDS
    if pulse.people or pulse.quiet < LIVELY_SECONDS:
        return REMOTE_SECONDS
    return min(REMOTE_SECONDS + (pulse.quiet - LIVELY_SECONDS) / 20, QUIET_SECONDS)


def least_pause(*, local: bool, hinted: bool) -> float:
    """Give the seconds that must pass between two looks, whoever asks for the second."""
    if local:
        return LEAST_LOCAL_SECONDS
    return LEAST_HINTED_SECONDS if hinted else LEAST_SECONDS
