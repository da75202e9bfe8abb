"""The branches `shared/<name>`: two threads beside the loader's own work, which they neither delay nor break.

One keeps the branches: it commits what was shared and takes pushes that the web app was sent. The other
brings them to the event's repository, which may be slow or away for hours.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import psycopg
from psycopg import sql

from divebell.database import connect
from divebell.errors import DivebellError
from divebell.event import Event, Latest, State
from divebell.pipeline import branch_commands as commands
from divebell.pipeline import branch_pushing, branch_rows, git, received
from divebell.pipeline.branch_commits import Branches
from divebell.pipeline.branch_rescue import finish, sweep
from divebell.pipeline.branch_rows import Connection
from divebell.pipeline.repository import Repository
from divebell.pipeline.turns import MIRROR

ROLE = "event_loader"
SHARED, PUSHES, CHANGED = "shared", "pushes", "branches"
"""Channels: something was shared, somebody pushes, a branch has changed."""
LOOK_SECONDS = 15.0
"""How often is looked without being told."""
_NOTICE_SECONDS = 1.0
_LEAST_SECONDS = 0.1
"""Between two passes: whoever has a role may NOTIFY as fast as they like."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Place:
    """Where the branches of one event lie, and where they are pushed to."""

    event: Event
    repository: Repository

    @property
    def branches(self) -> Branches:
        """The branches in the mirror."""
        host = self.event.address or "localhost"
        return Branches(self.repository.state.repository, self.repository.surroundings(), host)

    @property
    def remote(self) -> branch_pushing.Remote:
        """The event's repository."""
        return branch_pushing.Remote(self.repository.source.address, self.repository.reach)

    @property
    def base(self) -> str | None:
        """The last commit of the event's own branch that has arrived."""
        return self.branches.tip(f"refs/heads/{self.repository.branch}")


@contextmanager
def beside(state: State) -> Iterator[None]:
    """Keep the branches for as long as the block lasts."""
    stop = threading.Event()
    jobs = ((keep, (SHARED, PUSHES)), (push, (CHANGED,)))
    threads = [
        threading.Thread(target=_turn, args=(state, stop, *job), name=job[0].__name__, daemon=True)
        for job in jobs
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join(timeout=5)


def keep(connection: Connection, place: Place) -> None:
    """Take pushes, commit what was shared, and write down how the branches stand: one pass.

    The mirror is let go between one piece of work and the next, so that main waits for one at most.
    """
    branches = place.branches
    with MIRROR:
        if place.base is None:
            return  # the loader says why
        finish(branches.mirror, branches.env)
        sweep(branches.mirror)
        _begin_with(branches, f"refs/heads/{place.repository.branch}")
        _recover(connection, place)
    _take_pushes(connection, branches)
    _commit(connection, place)
    with MIRROR:
        branch_rows.note(connection, branches.all())


def push(connection: Connection, place: Place) -> None:
    """Bring to the repository what it lacks and is due: one pass."""
    if not place.event.data.push:
        return
    for name in branch_rows.due(connection):
        last = branch_rows.last_committed(connection, name)
        try:
            commit = branch_pushing.bring(place.branches, place.remote, name)
        except DivebellError as error:
            _log.warning("shared/%s is not pushed: %s", name, error)
            branch_rows.note_failure(connection, name, last, error, branch_pushing.wait)
        else:
            branch_rows.note_pushed(connection, name, last, commit)


def _begin_with(branches: Branches, ref: str) -> None:
    if (branches.mirror / "HEAD").read_text() != f"ref: {ref}\n":
        git.run(commands.begin_with(branches.mirror, ref), branches.env)


def _take_pushes(connection: Connection, branches: Branches) -> None:
    while (asked := branch_rows.next_push(connection)) is not None:
        ref = commands.reference(asked.name)
        with MIRROR:
            before = branches.tip(ref)
            try:
                arguments = commands.receive(branches.mirror, asked.name, received.hook(branches.mirror))
                answer = commands.fed(
                    arguments, branches.env, asked.request, seconds=2 * commands.RECEIVE_SECONDS
                )
            except git.GitError as error:
                _log.warning("a push of %s failed: %s", asked.name, error)
                answer = b""
                sweep(branches.mirror)
            moved = branches.tip(ref) != before
        if moved:
            branch_rows.note_received(connection, asked.name, len(asked.request))
        branch_rows.answer(connection, asked, answer)


def _commit(connection: Connection, place: Place) -> None:
    stuck = set()
    for version in branch_rows.uncommitted(connection):
        if version.author in stuck:
            continue
        try:
            with MIRROR:
                if (base := place.base) is None:
                    return
                commit = place.branches.commit(version, base)
        except DivebellError as error:
            stuck.add(version.author)
            branch_rows.note_problem(connection, version.id, f"not committed to a branch: {error.message}")
        else:
            branch_rows.note_committed(connection, version.id, commit)


def _recover(connection: Connection, place: Place) -> None:
    """Make branches again that were there and are gone, with a mirror somebody removed."""
    for name in branch_rows.known(connection) - place.branches.all().keys():
        if place.event.data.push:
            with suppress(git.GitError):
                theirs = branch_pushing.fetch(place.branches, place.remote, name)
                if theirs:
                    move = commands.move(place.branches.mirror, commands.reference(name), theirs, None)
                    git.run(move, place.branches.env)
        branch_rows.commit_again(connection, name)


def _turn(
    state: State, stop: threading.Event, job: Callable[[Connection, Place], None], channels: tuple[str, ...]
) -> None:
    """Do a job whenever one of the channels says so, and now and then besides, until told to stop."""
    latest = Latest(state)
    while not stop.is_set():
        try:
            with connect(state, ROLE, autocommit=True) as connection:
                for channel in channels:
                    connection.execute(sql.SQL("LISTEN {}").format(sql.Identifier(channel)))
                while not stop.is_set():
                    _once(connection, state, latest, job)
                    stop.wait(_LEAST_SECONDS)
                    _wait(connection, stop)
        except (DivebellError, psycopg.OperationalError):
            stop.wait(_NOTICE_SECONDS)  # the loader tells that the database is away


def _once(
    connection: Connection, state: State, latest: Latest, job: Callable[[Connection, Place], None]
) -> None:
    try:
        event = latest.event()
        job(connection, Place(event, Repository.of(event, state)))
    except psycopg.OperationalError:
        raise
    except DivebellError as error:
        _log.warning("%s: %s", job.__name__, error)
    except Exception:  # noqa: BLE001 - the loader outlives whatever was shared
        _log.exception("%s failed", job.__name__)


def _wait(connection: Connection, stop: threading.Event) -> None:
    """Return when something is announced, after a while, or soon after the stop."""
    for _ in range(int(LOOK_SECONDS / _NOTICE_SECONDS)):
        if stop.is_set() or list(connection.notifies(timeout=_NOTICE_SECONDS, stop_after=1)):
            break
    list(connection.notifies(timeout=0))
