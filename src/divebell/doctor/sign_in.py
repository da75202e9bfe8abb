"""The sign-in page, tried as somebody who wants to be somebody else would."""

from __future__ import annotations

import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import quote, urlsplit

from divebell.database import admin
from divebell.doctor.browser import Browser, browser
from divebell.doctor.finding import CannotBeCheckedError, Check, DoesNotApplyError, Hole
from divebell.doctor.patient import Patient

ELSEWHERE = "evil.example"
WAYS_OUT = (
    f"//{ELSEWHERE}",
    f"https://{ELSEWHERE}/",
    f"///{ELSEWHERE}",
    f"/\\{ELSEWHERE}",
    f"\\\\{ELSEWHERE}",
    f"/%09/{ELSEWHERE}",
)
LEAST_DELAYS = (0.4, 0.9)
"""Seconds that a third and a fourth wrong guess wait at least, besides what the first two took.

It is 0.5 and 1 in the throttle, less what the failures have aged. Two, so that a moment in which the machine
is slow is not taken for the throttle.
"""


def ambassadors(patient: Patient) -> Iterator[Hole]:
    """Try the event's password with an ambassador's name, in every spelling."""
    name = _ambassador(patient)
    for words, typed in spellings(name).items():
        with _unchanged(patient, name), browser(patient.base) as stranger:
            answer = stranger.sign_in(typed, patient.secrets.event_password)
            if answer.is_redirect:
                stranger.get("/hub/logout")
                yield Hole(f"the event's password signs in as the ambassador '{name}', written {words}")
            elif answer.status_code not in {403, 429}:
                yield Hole(
                    f"the name '{name}' written {words} is answered with {answer.status_code} instead of 403"
                )


def spellings(name: str) -> dict[str, str]:
    """Give ways to write a name that look different and are the same person."""
    wide = "".join(chr(ord(letter) + 0xFEE0) if "!" <= letter <= "~" else letter for letter in name)
    return {
        "as it is": name,
        "in capitals": name.upper(),
        "in fullwidth letters": wide,
        "between blanks": f"  {name}\t",
    }


def _ambassador(patient: Patient) -> str:
    if not patient.event.people.ambassadors:
        raise DoesNotApplyError("the event has no ambassadors")
    return patient.event.people.ambassadors[0]


def odd_passwords(patient: Patient) -> Iterator[Hole]:
    """Type passwords that are not ASCII."""
    names = [_unknown_name(), *patient.event.people.ambassadors[:1]]
    for name in names:
        with browser(patient.base) as stranger:
            answer = stranger.sign_in(name, "pässwörd-☃-密码")
            if answer.status_code not in {403, 429}:
                yield Hole(
                    f"a password that is not ASCII is answered with {answer.status_code} instead of 403"
                )


def throttle(patient: Patient) -> Iterator[Hole]:
    """Guess four times from one address that says each time that it is another."""
    name, took = _unknown_name(), []
    with browser(patient.base) as stranger:
        for number in range(4):
            begin = time.monotonic()
            answer = stranger.sign_in(name, "wrong", **forged(f"203.0.113.{number + 1}"))
            took.append(time.monotonic() - begin)
            if answer.status_code not in {403, 429}:
                raise CannotBeCheckedError(f"a wrong guess is answered with {answer.status_code}")
    if answer.status_code != 429 and not slowed(took):
        yield Hole("a third wrong guess is not slowed when its headers claim another address")


def slowed(took: list[float]) -> bool:
    """Tell from how long four guesses took whether the last two had to wait. Pure."""
    usual = min(took[:2])
    return all(one - usual >= least for one, least in zip(took[2:], LEAST_DELAYS, strict=True))


def forged(address: str) -> dict[str, str]:
    """Give the headers in which a client could claim another address."""
    return {"X-Forwarded-For": address, "X-Real-Ip": address, "Forwarded": f"for={address}"}


def _unknown_name() -> str:
    return f"doctor_{secrets.token_hex(6)}"


def redirects(patient: Patient) -> Iterator[Hole]:
    """Sign in as an ambassador and ask to be sent elsewhere."""
    with _signed_in(patient) as person:
        for way in WAYS_OUT:
            answer = person.get(f"/hub/login?next={quote(way)}")
            if not answer.is_redirect:
                raise CannotBeCheckedError(
                    f"the sign-in page answers {answer.status_code} to who is signed in"
                )
            where = answer.headers["location"].replace("\\", "/")
            if urlsplit(where).netloc == ELSEWHERE or where.lstrip("/").startswith(ELSEWHERE):
                yield Hole(f"sign-in sends people to {where} for ?next={way}")


@contextmanager
def _signed_in(patient: Patient) -> Iterator[Browser]:
    """Be signed in as an ambassador, and leave no trace of it among the people."""
    name = _ambassador(patient)
    with _unchanged(patient, name), browser(patient.base) as person:
        answer = person.sign_in(name, patient.secrets.ambassadors[name])
        if not answer.is_redirect:
            raise CannotBeCheckedError(f"the ambassador '{name}' is answered with {answer.status_code}")
        try:
            yield person
        finally:
            person.get("/hub/logout")


@contextmanager
def _unchanged(patient: Patient, name: str) -> Iterator[None]:
    """Put back when and from where a person last signed in, here and in the log of sign-ins."""
    columns = "last_sign_in_at, last_address"
    with admin(patient.state) as server:
        before = server.execute(f"SELECT {columns} FROM people.person WHERE name = %s", (name,)).fetchone()  # noqa: S608
        begin = server.execute("SELECT clock_timestamp()").fetchone()
    try:
        yield
    finally:
        with admin(patient.state) as server:
            server.execute(
                "DELETE FROM people.sign_in s USING people.person p"
                " WHERE s.name = %s AND p.name = s.name AND s.address = p.last_address AND s.at >= %s",
                (name, *(begin or ())),
            )
            if before is None:
                server.execute("DELETE FROM people.person WHERE name = %s", (name,))
            else:
                server.execute(
                    "UPDATE people.person SET last_sign_in_at = %s, last_address = %s WHERE name = %s",
                    (*before, name),
                )


_MEND = "pip install --upgrade divebell, then divebell down {folder} and divebell up {folder}"

CHECKS = (
    Check(
        "sign_in.ambassadors",
        "the event's password does not sign in as an ambassador, however the name is written",
        "every volunteer knows the event's password",
        _MEND,
        ambassadors,
        alone=True,
    ),
    Check(
        "sign_in.odd_passwords",
        "a password that is not ASCII is refused like any other",
        "an error page hides that the password was wrong, and fills the log",
        _MEND,
        odd_passwords,
        alone=True,
    ),
    Check(
        "sign_in.throttle",
        "wrong guesses are slowed by the address they come from, not by the one they claim",
        "the event's password could be guessed at full speed, or somebody else's sign-in be slowed",
        "divebell down {folder}, then divebell up {folder}: the proxy is to believe no forwardedHeaders",
        throttle,
        alone=True,
    ),
    Check(
        "sign_in.redirects",
        "sign-in never sends people to another site",
        "a link to the event's own page would end at a page that asks for the password again",
        _MEND,
        redirects,
        alone=True,
    ),
)
