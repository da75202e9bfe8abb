"""The event's server as a CI sees it: a signed hook, and a question that is asked until it has an answer."""

from __future__ import annotations

import contextlib
import math
import time
import uuid
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Self, TypeVar

import httpx
import msgspec

from divebell._version import __version__
from divebell.cli.ci.messages import COMMITS, HOOK, Answer, Push, hook_headers, question_headers
from divebell.cli.event_address import origin
from divebell.errors import DivebellError

SECRET_VARIABLE = "DIVEBELL_WEBHOOK_SECRET"  # noqa: S105
SERVER_VARIABLE = "DIVEBELL_SERVER"

_PASSING = frozenset({429, 500, 502, 503, 504})
"""Answers of a server that is starting, or busy."""
_NOT_FOUND, _STARTING_SECONDS = 404, 90.0
"""An event's proxy says it for some seconds while it starts, somebody else's server for ever.

A certificate that is not trusted may be the one that stands in until the first has come.
"""
_REFUSED = frozenset({401, 403})
_LARGEST = 16 * 1024**2
_TIMEOUT = httpx.Timeout(20.0)

_Result = TypeVar("_Result")


class PassingError(Exception):
    """The server gave no answer this time; the message says why, `most` for how many seconds to hope."""

    def __init__(self, message: str, most: float = math.inf) -> None:
        super().__init__(message)
        self.most = most


def ask(server: EventServer, push: Push, wait: Wait, earlier: Callable[[str], bool]) -> Answer:
    """Tell the server of a push, and wait until it has loaded the commit or a later one has overtaken it.

    `earlier` says of a commit whether it came before this one: a git host may still show that for a moment.
    Raises DivebellError in words when it is away, refuses the signature, or does not get done in time.
    """
    told_at = server.persist(lambda: server.tell(push), wait)
    wait.say(f"{server.address} knows of commit {push.commit[:10]}.")
    words = ""
    for pause in _pauses():
        answer = server.persist(lambda: server.state(push.commit), wait)
        head = answer.elsewhere(told_at)
        if answer.state in {"loaded", "failed"} or (head and not earlier(head)):
            return answer
        if answer.words() != words:
            words = answer.words()
            wait.say(f"There, {words}.")
        if not wait.allows(pause):
            break
        time.sleep(pause)
    raise DivebellError(
        f"{server.address} has not loaded the commit after {wait.seconds:g} seconds: there, {words}",
        next_step=_UNSEEN
        if answer.state == "unknown"
        else "it goes on by itself; --wait SECONDS waits longer",
    )


_UNSEEN = (
    "see whether the event follows this repository and branch (divebell check), and what its loader says "
    "(divebell logs loader)"
)


def _pauses() -> Iterator[float]:
    """Give how long to wait between two questions, in seconds: at first as long as a small load takes."""
    yield from (0.5, 0.5, 1.0, 1.0, 2.0)
    while True:
        yield 3.0


class Wait:
    """How long somebody waits, and who hears how it goes."""

    def __init__(self, seconds: float, say: Callable[[str], None]) -> None:
        """Begin to wait, at most `seconds`."""
        self.seconds, self.say = seconds, say
        self._until = time.monotonic() + seconds

    def allows(self, pause: float) -> bool:
        """Tell whether there is time left after a pause."""
        return time.monotonic() + pause <= self._until


class EventServer:
    """One event's server. Close it, or use it in a `with`."""

    def __init__(self, address: str, secret: str) -> None:
        """Prepare to speak with the server at `address`. Raises DivebellError when that is none."""
        self.address = origin(address)
        self._secret = secret
        agent = {"User-Agent": f"divebell/{__version__}"}
        self._client = httpx.Client(base_url=self.address, timeout=_TIMEOUT, headers=agent)

    def __enter__(self) -> Self:
        """Be used in a `with`."""
        return self

    def __exit__(self, *_: object) -> None:
        """End with the `with`."""
        self._client.close()

    def tell(self, push: Push) -> datetime:
        """Send the hook and give when it was heard, by the server's clock.

        Raises PassingError when it may succeed another time, else DivebellError.
        """
        body = push.body()
        headers = hook_headers(self._secret, body, str(uuid.uuid4()))
        response, _ = self._send(self._client.build_request("POST", HOOK, content=body, headers=headers))
        return _date(response) or datetime.now(UTC)

    def state(self, commit: str) -> Answer:
        """Ask how far a commit is.

        Raises PassingError when it may succeed another time, else DivebellError.
        """
        path = COMMITS + commit
        headers = question_headers(self._secret, path, int(time.time()))
        _, text = self._send(self._client.build_request("GET", path, headers=headers))
        try:
            return msgspec.json.decode(text, type=Answer)
        except msgspec.MsgspecError as error:
            raise DivebellError(f"{self.address} answers what makes no sense here: {error}") from error

    def persist(self, attempt: Callable[[], _Result], wait: Wait) -> _Result:
        """Try again and again while the server does not answer. Raises DivebellError when time is up."""
        began = time.monotonic()
        for pause in _pauses():
            try:
                return attempt()
            except PassingError as error:
                waited = time.monotonic() - began
                if not wait.allows(pause) or waited > error.most:
                    reason = str(error)
                    break
            time.sleep(pause)
        raise DivebellError(
            f"{self.address} did not answer within {min(waited, wait.seconds):.0f} seconds: {reason}",
            next_step="open that address in a browser; nothing is lost: the event looks at its repository by "
            "itself and loads the commit when it is back",
        )

    def _send(self, request: httpx.Request) -> tuple[httpx.Response, bytes]:
        try:
            response = self._client.send(request, stream=True)
            with contextlib.closing(response):
                text = _capped(response)
        except httpx.TransportError as error:
            trusted = "CERTIFICATE_VERIFY_FAILED" not in str(error)
            most = math.inf if trusted else _STARTING_SECONDS
            raise PassingError(str(error) or type(error).__name__, most) from error
        if response.status_code in _PASSING:
            raise PassingError(f"it answers with status {response.status_code}")
        if response.status_code == _NOT_FOUND:
            raise PassingError("no event is there", _STARTING_SECONDS)
        if not response.is_success:
            raise self._refusal(response)
        return response, text

    def _refusal(self, response: httpx.Response) -> DivebellError:
        code = response.status_code
        if code in _REFUSED:
            return DivebellError(
                f"{self.address} refuses the signature", next_step=apart(response) or _SECRET_STEP
            )
        if response.is_redirect:
            place = response.headers.get("location", "")[:200]
            return DivebellError(
                f"{self.address} sends us on to {place!r}", next_step="--server takes that address"
            )
        return DivebellError(
            f"{self.address} answers with status {code} instead of taking the push",
            next_step="see whether a divebell of this version runs there: divebell status",
        )


_SECRET_STEP = (
    f"{SECRET_VARIABLE} has to be what `divebell secrets show webhook-secret` prints where the event runs"
)
_MOST_APART = timedelta(minutes=2)


def apart(response: httpx.Response) -> str | None:
    """Say so when the two clocks differ: a signed question is good for a short time only."""
    there = _date(response)
    apart = abs(datetime.now(UTC) - there) if there else timedelta()
    seconds = round(apart.total_seconds())
    return f"the clocks here and there are {seconds:,} seconds apart" if apart > _MOST_APART else None


def _date(response: httpx.Response) -> datetime | None:
    try:
        return parsedate_to_datetime(response.headers["date"])
    except (KeyError, ValueError):
        return None


def _capped(response: httpx.Response) -> bytes:
    text = b""
    for piece in response.iter_bytes():
        text += piece
        if len(text) > _LARGEST:
            raise DivebellError(f"the event's server answers with more than {_LARGEST // 1024**2} MB")
    return text
