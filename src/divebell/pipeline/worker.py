"""The loader: follows the branch as long as it runs, whatever happens to git, the database or a file."""

from __future__ import annotations

import logging
import math
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import psycopg
from psycopg import sql

from divebell.database import connect
from divebell.errors import DivebellError
from divebell.event import Event, State, load_event
from divebell.pipeline import catalogue, load
from divebell.pipeline.catalogue import Connection
from divebell.pipeline.git import GitError
from divebell.pipeline.load import Summary, Tools, bring_up_to_date
from divebell.pipeline.repository import Repository

ROLE = "event_loader"
REQUESTS, ANSWERS = "loader", "loaded"
"""Channels: a token on the first asks for a pass, the same token on the second says that it is done."""

LOCAL_SECONDS, REMOTE_SECONDS, LONGEST_SECONDS = 1.0, 10.0, 300.0
"""How often the branch is looked at; a remote that fails is asked ever more seldom."""
AGAIN_SECONDS = 60.0
"""After how long a dataset is tried again that somebody's open transaction or view stood in the way of."""
_PASSES_BETWEEN_TIDYING = 20
_BEAT_SECONDS = 1.0
_LOCK = 0x64697665  # "dive"
_TOKEN = re.compile(r"^[0-9a-f]{16}$")
_MOST_TOKENS = 100

_log = logging.getLogger(__name__)


@dataclass
class Status:
    """What the loader does right now; the heart tells it to everyone."""

    activity: str = "starting"
    detail: str = ""
    tell: Callable[[str], None] = field(default=lambda detail: _log.info("%s", detail))

    def say(self, activity: str, detail: str = "") -> None:
        """Change both at once."""
        if (activity, detail) != (self.activity, self.detail) and detail:
            self.tell(detail)
        self.activity, self.detail = activity, detail


@dataclass
class _Following:
    """What is remembered between two looks at the branch."""

    done: str | None = None
    failures: int = 0
    event: Event | None = None
    stamp: tuple[int, int] | None = None
    again: float = math.inf
    passes: int = 0
    tokens: set[str] = field(default_factory=set)


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
        return bring_up_to_date(tools, event, repository, repository.head())


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


@contextmanager
def beating(state: State, status: Status) -> Iterator[None]:
    """Tell the status each second from a thread and a connection of its own, however busy the caller is."""
    stop = threading.Event()
    heart = threading.Thread(target=_beat, args=(state, status, stop), name="heart", daemon=True)
    heart.start()
    try:
        yield
    finally:
        stop.set()
        heart.join(timeout=10)


def _beat(state: State, status: Status, stop: threading.Event) -> None:
    while not stop.is_set():
        try:
            with connect(state, ROLE, autocommit=True) as connection:
                while not stop.is_set():
                    catalogue.beat(connection, status.activity, status.detail)
                    stop.wait(_BEAT_SECONDS)
        except (DivebellError, psycopg.OperationalError):
            stop.wait(_BEAT_SECONDS)


def _wait_for_turn(connection: Connection) -> None:
    told = False
    while not take_turn(connection):
        if not told:
            _log.info("another loader is running; waiting for it to end")
        told = True
        time.sleep(1)


def _follow(connection: Connection, state: State) -> None:
    connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(REQUESTS)))
    status, following = Status(), _Following()
    with beating(state, status), at_hand(connection, state, status) as tools:
        while True:
            interval = _look(tools, state, status, following)
            for notice in connection.notifies(timeout=interval, stop_after=1):
                _note(following, notice)
            for notice in connection.notifies(timeout=0):
                _note(following, notice)


def _note(following: _Following, notice: psycopg.Notify) -> None:
    """Take down who wants an answer; anything else that was sent just asks for a look."""
    if _TOKEN.match(notice.payload) and len(following.tokens) < _MOST_TOKENS:
        following.tokens.add(notice.payload)


def _look(tools: Tools, state: State, status: Status, following: _Following) -> float:
    """Look at the branch once, load what is new, and give the seconds until the next look."""
    local = False
    try:
        event = _event(state, following)
        repository = Repository.of(event, state)
        local = repository.source.folder is not None
        repository.prepare()
        head = repository.head()
        if head != following.done or following.tokens or time.monotonic() > following.again:
            summary = bring_up_to_date(tools, event, repository, head)
            _told(status, summary)
            following.done = summary.commit
            following.again = (
                time.monotonic() + AGAIN_SECONDS if summary.postponed or summary.retired else math.inf
            )
            _tidy(repository, following)
        elif following.failures:
            status.say("waiting")
        following.failures = 0
    except psycopg.OperationalError:
        raise
    except Exception as error:  # noqa: BLE001 - the loader outlives whatever a commit brings
        following.failures += 1
        if not isinstance(error, DivebellError):
            _log.error("a pass failed", exc_info=error)
        status.say(
            "failing", str(error) if isinstance(error, DivebellError) else f"{type(error).__name__}: {error}"
        )
    _answer(tools.connection, status, following)
    return next_look(local=local, failures=following.failures)


def _tidy(repository: Repository, following: _Following) -> None:
    following.passes += 1
    if following.passes % _PASSES_BETWEEN_TIDYING == 0:
        with suppress(GitError):  # it only saves space
            repository.tidy()


def next_look(*, local: bool, failures: int) -> float:
    """Give the seconds until the next look at the branch."""
    if local:
        return LOCAL_SECONDS
    return min(REMOTE_SECONDS * 2.0 ** min(failures, 10), LONGEST_SECONDS)


def _event(state: State, following: _Following) -> Event:
    """Give the event; a changed event file is read again, and everything is looked at anew."""
    try:
        facts = state.event_file.stat()
    except FileNotFoundError:
        raise DivebellError(f"there is no event file {state.event_file}", next_step="divebell init") from None
    stamp = (facts.st_mtime_ns, facts.st_size)
    if following.event is None or stamp != following.stamp:
        following.event = load_event(state.event_file)
        following.stamp, following.done = stamp, None
    return following.event


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
