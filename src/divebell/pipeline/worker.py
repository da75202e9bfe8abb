"""The loader: follows the branch as long as it runs, whatever happens to git, the database or a file."""

from __future__ import annotations

import logging
import math
import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import psycopg
from psycopg import sql

from divebell import notify
from divebell.database import connect
from divebell.errors import DivebellError
from divebell.event import Event, Latest, State
from divebell.pipeline import branches, catalogue, load, passes
from divebell.pipeline.catalogue import Connection
from divebell.pipeline.git import GitError
from divebell.pipeline.heart import Status, beating
from divebell.pipeline.load import Summary, Tools, bring_up_to_date
from divebell.pipeline.passes import Begun, Heard
from divebell.pipeline.repository import Repository
from divebell.pipeline.rhythm import Pulse, least_pause, next_look

ROLE = "event_loader"
REQUESTS, ANSWERS = "loader", "loaded"
"""Channels: a token on the first asks for a pass, the same token on the second says that it is done."""

AGAIN_SECONDS = 60.0
"""After how long a dataset is tried again that somebody's open transaction or view stood in the way of."""
_PASSES_BETWEEN_TIDYING = 20
_LOCK = 0x64697665  # "dive"
_TOKEN = re.compile(r"^[0-9a-f]{16}$")
_MOST_TOKENS = 100

_log = logging.getLogger(__name__)


@dataclass
class _Following:
    """What is remembered between two looks at the branch."""

    latest: Latest
    event: Event | None = None
    done: str | None = None
    failures: int = 0
    again: float = math.inf
    passes: int = 0
    tokens: set[str] = field(default_factory=set)
    head: str | None = None
    changed: float = field(default_factory=time.monotonic)
    """When the branch was last seen to change, on the clock that only goes forward."""
    since: datetime | None = None
    """Since when looking fails."""


def run(folder: Path) -> None:
    """Follow the event in `folder` until the process is told to end."""
    state = State.beside(folder / "event.yaml")
    while True:
        try:
            with connect(state, ROLE, autocommit=True) as connection:
                _wait_for_turn(connection)
                _follow(connection, state)
        except (DivebellError, psycopg.OperationalError) as error:
            _log.warning("the database is away, trying again: %s", error)
        notify.beat()
        time.sleep(1)


def take_turn(connection: Connection) -> bool:
    """Become the one loader, for as long as the connection lasts; False while there is another."""
    row = connection.execute("SELECT pg_try_advisory_lock(%s)", (_LOCK,)).fetchone()
    return bool(row and row[0])


def load_once(connection: Connection, event: Event, state: State, status: Status) -> Summary:
    """Make one pass over the branch as it is now. Raises DivebellError when the commit cannot be had."""
    repository = Repository.of(event, state)
    repository.prepare()
    with at_hand(connection, state, status) as tools:
        return _pass(tools, event, repository, passes.begin(connection, repository.head()))


@contextmanager
def at_hand(connection: Connection, state: State, status: Status) -> Iterator[Tools]:
    """Keep ready what passes need: processes that read, and a second connection once it is asked for."""
    with ExitStack() as stack:
        readings = stack.enter_context(load.readings(state))
        readings.start()
        others: list[Connection] = []

        def beside() -> Connection:
            if not others or others[-1].broken or others[-1].closed:
                others.append(stack.enter_context(connect(state, ROLE, autocommit=True)))
            return others[-1]

        yield Tools(connection, beside, readings, lambda detail: status.say("loading", detail))


def _wait_for_turn(connection: Connection) -> None:
    told = False
    while not take_turn(connection):
        if not told:
            _log.info("another loader is running; waiting for it to end")
        told = True
        notify.beat()
        time.sleep(1)


def _follow(connection: Connection, state: State) -> None:
    connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(REQUESTS)))
    status, following = Status(), _Following(Latest(state))
    with beating(state, status, ROLE), branches.beside(state), at_hand(connection, state, status) as tools:
        while True:
            before = passes.heard(connection)
            local = _look(tools, state, status, following, before)
            _wait(connection, following, _pulse(following, before, local=local))


def _wait(connection: Connection, following: _Following, pulse: Pulse) -> None:
    """Wait until it is time for the next look, or somebody asks for one."""
    began = time.monotonic()
    for notice in connection.notifies(timeout=next_look(pulse), stop_after=1):
        _note(following, notice)
    hinted = passes.heard(connection).hint is not None and not pulse.failures
    left = began + least_pause(local=pulse.local, hinted=hinted) - time.monotonic()
    for notice in connection.notifies(timeout=max(left, 0)):
        _note(following, notice)


def _pulse(following: _Following, before: Heard, *, local: bool) -> Pulse:
    return Pulse(
        local=local,
        failures=following.failures,
        quiet=time.monotonic() - following.changed,
        people=before.people,
        hooked=before.hooked,
    )


def _note(following: _Following, notice: psycopg.Notify) -> None:
    """Take down who wants an answer; anything else that was sent just asks for a look."""
    if _TOKEN.match(notice.payload) and len(following.tokens) < _MOST_TOKENS:
        following.tokens.add(notice.payload)


def _look(tools: Tools, state: State, status: Status, following: _Following, before: Heard) -> bool:
    """Look at the branch once and load what is new; tell whether it is on this machine."""
    local = False
    try:
        event = _event(following)
        repository = Repository.of(event, state)
        local = repository.source.folder is not None
        repository.prepare()
        head = _head(repository, following, before)
        # A hint is done with once the pass it has led to is there to be asked for.
        begun = passes.begin(tools.connection, head) if _due(following, head) else None
        passes.looked(tools.connection, head, before)
        if begun:
            _done(status, following, _pass(tools, event, repository, begun))
            _tidy(repository, following)
        elif following.failures:
            status.say("waiting", f"Commit {head[:10]} is still the last one")
        following.failures, following.since = 0, None
    except psycopg.OperationalError:
        raise
    except Exception as error:  # noqa: BLE001 - the loader outlives whatever a commit brings
        following.failures += 1
        following.since = following.since or datetime.now(UTC)
        if not isinstance(error, DivebellError):
            _log.error("a pass failed", exc_info=error)
        status.say("failing", _in_words(error, following.since, before))
    _answer(tools.connection, status, following)
    return local


def _head(repository: Repository, following: _Following, before: Heard) -> str:
    """Ask for the branch's last commit; where there is a hint, have it brought with the same question."""
    head = repository.head() if before.hint is None else repository.newest()
    if head != following.head:
        following.head, following.changed = head, time.monotonic()
    return head


def _due(following: _Following, head: str) -> bool:
    return head != following.done or bool(following.tokens) or time.monotonic() > following.again


def _pass(tools: Tools, event: Event, repository: Repository, begun: Begun) -> Summary:
    """Load a commit whose pass has begun, and write down what became of it for those who ask."""
    try:
        summary = bring_up_to_date(tools, event, repository, begun.commit)
    except GitError as error:  # the remote is away; the next look goes on
        passes.interrupt(tools.connection, begun, str(error))
        raise
    except DivebellError as error:
        passes.end(tools.connection, begun, begun.commit, str(error))
        raise
    passes.end(tools.connection, begun, summary.commit, summary.problem)
    return summary


def _done(status: Status, following: _Following, summary: Summary) -> None:
    following.done = summary.commit
    following.again = time.monotonic() + AGAIN_SECONDS if summary.postponed or summary.retired else math.inf
    _told(status, summary)


def _in_words(error: Exception, since: datetime, before: Heard) -> str:
    """Say what is wrong, since when, and of when the data are that stay."""
    said = error if isinstance(error, DivebellError) else DivebellError(f"{type(error).__name__}: {error}")
    if before.loaded is None:
        return str(said)
    stays = f"since {_clock(since)}; everyone keeps the data of commit {before.loaded[:10]}"
    if before.loaded == before.head and before.looked_at:
        stays += f", which was the branch's last one at {_clock(before.looked_at)}"
    return str(DivebellError(f"{said.message} ({stays})", next_step=said.next_step))


def _clock(at: datetime) -> str:
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def _tidy(repository: Repository, following: _Following) -> None:
    following.passes += 1
    if following.passes % _PASSES_BETWEEN_TIDYING == 0:
        with suppress(GitError):  # it only saves space
            repository.tidy()


def _event(following: _Following) -> Event:
    """Give the event; where its file has changed, everything is looked at anew."""
    event = following.latest.event()
    if event is not following.event:
        following.event, following.done = event, None
    return event


def _told(status: Status, summary: Summary) -> None:
    if summary.problem:
        status.say("failing", summary.problem)
        return
    counts = f"{summary.loaded} loaded, {summary.kept} unchanged, {summary.dropped} dropped"
    if summary.retired:
        counts += f", {summary.retired} retired"
    status.say("waiting", f"Commit {summary.commit[:10]}: {counts}, {summary.failed} failed")


def _answer(connection: Connection, status: Status, following: _Following) -> None:
    """Let those who asked know; the catalogue is up to date by then."""
    if not following.tokens:
        return
    catalogue.beat(connection, status.activity, status.detail)
    for token in following.tokens:
        connection.execute(sql.SQL("NOTIFY {}, {}").format(sql.Identifier(ANSWERS), sql.Literal(token)))
    following.tokens.clear()
