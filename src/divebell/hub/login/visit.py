"""What the door takes and gives: who stands there, as what, and how it ended."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Visit:
    """The browser somebody signs in from."""

    address: str
    device: str = field(repr=False)
    """The browser's token; every browser holds one from the first look at the sign-in page."""
    knows_device: bool = True
    """Whether the browser sent the token itself; False when it was made for this very request."""


@dataclass(frozen=True)
class Attempt:
    """What was typed into the sign-in form."""

    name: str
    password: str = field(repr=False)
    code: str = field(repr=False)
    visit: Visit


@dataclass(frozen=True)
class Identity:
    """Who somebody is, proven by one way of signing in."""

    key: str
    """Unique over all ways and for good: `password:ana`, `github:583231`, `system:ana`."""
    way: str
    """What the log of sign-ins says: the kind, `accounts`, or more closely what was shown."""
    name: str
    """The name this person would like, as it came; it is made into one that fits."""
    claims: bool = False
    """Whether this is the first sign-in with exactly this name, which gives a return code: nothing else
    proves the identity later. Whoever comes second is told that the name is taken."""
    code: str | None = field(default=None, repr=False)
    """The return code of a claim that brings its own; without one a new one is made."""
    invitation: str | None = None
    """The invitation that this sign-in uses up."""


@dataclass(frozen=True)
class Welcome:
    """The sign-in was right; `return_code` is there after a first sign-in, to be shown once."""

    name: str
    return_code: str | None = field(default=None, repr=False)
    anew: bool = False
    """Whether sessions that are still open under this name must end."""


class RefusedError(Exception):
    """The sign-in was refused; the message says what to do, in words for that person."""

    def __init__(self, status: int, message: str, *, needs_code: bool = False) -> None:
        super().__init__(message)
        self.status, self.message, self.needs_code = status, message, needs_code


class WrongGuessError(RefusedError):
    """What was typed is wrong: the next attempt waits longer."""

    def __init__(self, message: str, *, needs_code: bool = False) -> None:
        super().__init__(403, message, needs_code=needs_code)


NO_MATCH = "That name and password do not go together. Please check both."
