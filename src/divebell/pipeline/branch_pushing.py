"""Bring a branch `shared/<name>` to the event's repository, whatever was done to it there meanwhile."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Protocol

from divebell.errors import DivebellError
from divebell.pipeline import branch_commands as commands
from divebell.pipeline import git
from divebell.pipeline.branch_commits import Branches
from divebell.pipeline.turns import MIRROR

FIRST_WAIT, LONGEST_WAIT = 10.0, 1800.0
"""Seconds before a push is tried again: after the first failure, and at most."""
_MOVED = re.compile(r"fetch first|non-fast-forward|cannot lock ref", re.IGNORECASE)
_NOT_LET_IN = re.compile(
    r"could not read (username|password)|authentication failed|permission (to .* )?denied|not allowed to push"
    r"|error: 40[13]|write access|read.only",
    re.IGNORECASE,
)
_HOLLOW = re.compile(
    r"^fatal: Could not read from remote repository\.\s+"
    r"Please make sure you have the correct access rights\s+and the repository exists\.",
    re.MULTILINE,
)
"""What git says besides, whatever ssh has said."""
_TOO_NEW = re.compile(r"shallow update not allowed", re.IGNORECASE)


class Reach(Protocol):
    """Runs a git call that speaks with the remote, and gives its output."""

    def __call__(self, arguments: list[str], *, seconds: float) -> str:
        """Run it. Raises git.GitError with git's words."""


@dataclass(frozen=True)
class Remote:
    """The event's repository as something to push to; `reach` runs a git call with its credential."""

    address: str
    reach: Reach


def wait(failures: int) -> float:
    """Give the seconds until a push is tried again that has failed so often."""
    return min(FIRST_WAIT * 2.0 ** min(max(failures - 1, 0), 20), LONGEST_WAIT)


def bring(branches: Branches, remote: Remote, name: str) -> str:
    """Push a branch and give the commit it ends with in both places.

    Commits that others made to it in the repository are taken in, never overwritten. Raises DivebellError in
    words for its author.
    """
    try:
        return _push(branches, remote, name)
    except git.GitError as error:
        if not _MOVED.search(str(error)):
            raise _in_words(error) from error
    try:
        _take_in(branches, remote, name)
        return _push(branches, remote, name)
    except git.GitError as error:
        raise _in_words(error) from error


def fetch(branches: Branches, remote: Remote, name: str) -> str | None:
    """Bring the repository's branch of that name beside ours; None where it has none."""
    try:
        arguments = commands.fetch_theirs(branches.mirror, remote.address, name)
        remote.reach(arguments, seconds=git.NETWORK_SECONDS)
    except git.GitError as error:
        if "couldn't find remote ref" in str(error):
            return None
        raise
    return branches.tip(commands.theirs(name))


def _push(branches: Branches, remote: Remote, name: str) -> str:
    tip = branches.tip(commands.reference(name))
    if tip is None:
        raise DivebellError(f"the branch shared/{name} is gone; what was shared is committed anew")
    arguments = commands.push(branches.mirror, remote.address, tip, name)
    remote.reach(arguments, seconds=git.NETWORK_SECONDS)
    return tip


def _take_in(branches: Branches, remote: Remote, name: str) -> None:
    """Put the repository's commits and ours together on our branch."""
    with MIRROR:
        ref = commands.reference(name)
        theirs, ours = fetch(branches, remote, name), branches.tip(ref)
        if theirs is None or ours is None:
            return
        new = theirs if branches.includes(theirs, ours) else _merged(branches, name, ours, theirs)
        git.run(commands.move(branches.mirror, ref, new, ours), branches.env)


def _merged(branches: Branches, name: str, ours: str, theirs: str) -> str:
    if branches.includes(ours, theirs):
        return ours
    try:
        tree = git.run(commands.merge(branches.mirror, ours, theirs), branches.env).split()[0]
    except git.GitError as error:
        raise DivebellError(
            f"the repository's branch shared/{name} has other commits that change the same files",
            next_step=f"delete or merge shared/{name} in the repository; nothing is lost here",
        ) from error
    identity = commands.author(name, f"{name}@{branches.host}", datetime.now(UTC))
    arguments = commands.commit_tree(branches.mirror, tree, (theirs, ours))
    message = f"Put together what the repository and the event have of shared/{name}\n".encode()
    return commands.fed(arguments, {**branches.env, **identity}, message).decode().strip()


def _in_words(error: git.GitError) -> DivebellError:
    words = error.message
    if _NOT_LET_IN.search(words):
        return DivebellError(
            "the event's repository does not let the event push",
            next_step="divebell secrets set repository-token (or repository-key): one that may write",
        )
    if _TOO_NEW.search(words):
        return DivebellError(
            "the event's repository no longer has the commit that this branch began at",
            next_step="push it from a full clone: docs/how-to/git.md says how",
        )
    said = [line.strip() for line in _HOLLOW.sub("", words).splitlines() if line.strip()]
    reason = said[-1] if said else "no reason given"
    return DivebellError(f"the event's repository did not take it: {reason}", next_step=error.next_step)
