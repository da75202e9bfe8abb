"""Git calls that write branches `shared/<name>` into the mirror and push them, as argument lists."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

from divebell.pipeline import git
from divebell.pipeline.folder import NEUTRAL_ADDRESS, NEUTRAL_NAME

PREFIX = "shared/"
"""Of the branches, and of the folder on each that holds what its owner shared without git."""
LARGEST_PUSH = 32 * 1024**2
"""Bytes of one push. Data belongs on the event's own branch, where it is loaded."""
MOST_OF_ONE = 256 * 1024**2
"""Bytes that all pushes of one person may take together, where a home may hold as much."""
ACCEPTED = (
    "receive.fsckObjects=true",
    "receive.denyNonFastForwards=true",
    "receive.denyDeletes=true",
    "receive.shallowUpdate=true",
    "receive.unpackLimit=1",
    "receive.autogc=false",
    "receive.advertisePushOptions=false",
    "receive.updateServerInfo=false",
    f"receive.maxInputSize={LARGEST_PUSH}",
)
"""What a push may be: whole, sound, on top of what was there. Clients clone the last commit only."""
RECEIVE_SECONDS = 90
_LIMITS = ("prlimit", f"--as={2 * 1024**3}", f"--cpu={RECEIVE_SECONDS}")
"""A small pack may unpack to a great deal."""


def reference(name: str) -> str:
    """Give the full name of a person's branch."""
    return f"refs/heads/{PREFIX}{name}"


def tip(mirror: Path, ref: str) -> list[str]:
    """Print the commit a branch ends with."""
    return _in(mirror, "rev-parse", "--verify", "--quiet", f"{ref}^{{commit}}")


def branches(mirror: Path) -> list[str]:
    """List the branches of all people, each with its last commit."""
    return _in(mirror, "for-each-ref", "--format=%(objectname) %(refname)", f"refs/heads/{PREFIX}")


def begin_with(mirror: Path, ref: str) -> list[str]:
    """Let clones of the mirror begin with a branch."""
    return _in(mirror, "symbolic-ref", "HEAD", ref)


def hash_object(mirror: Path) -> list[str]:
    """Keep what comes on stdin as a blob, whatever filters a repository asks for."""
    return _in(mirror, "hash-object", "-w", "--stdin", "--no-filters")


def list_folder(mirror: Path, tree: str) -> list[str]:
    """List one folder of a tree."""
    return _in(mirror, "ls-tree", "-z", "--full-tree", tree)


def make_folder(mirror: Path) -> list[str]:
    """Make a folder of the entries on stdin."""
    return _in(mirror, "mktree", "-z")


def commit_tree(mirror: Path, tree: str, parents: Sequence[str]) -> list[str]:
    """Make a commit; its message comes on stdin."""
    return _in(mirror, "commit-tree", tree, *(word for each in parents for word in ("-p", each)))


def move(mirror: Path, ref: str, new: str, old: str | None) -> list[str]:
    """Let a branch end with `new`, if it still ends with `old` (None: if there is none)."""
    return _in(mirror, "update-ref", "--no-deref", ref, new, old or "0" * len(new))


def find_version(mirror: Path, ref: str, version: int) -> list[str]:
    """Print the commit of a branch that was made for a version."""
    pattern = f"^{trailer(version)}$"
    return _in(mirror, "log", "-1", "--format=%H", "--extended-regexp", f"--grep={pattern}", ref)


def file_of(mirror: Path, commit: str, file: str) -> list[str]:
    """Print the blob that a commit has at a path."""
    return _in(mirror, "rev-parse", "--verify", "--quiet", f"{commit}:{file}")


def trailer(version: int) -> str:
    """Give the line of a commit's message that says for which version it was made."""
    return f"Divebell-Version: {version}"


def includes(mirror: Path, younger: str, older: str) -> list[str]:
    """Succeed when `younger` has `older` in its history."""
    return _in(mirror, "merge-base", "--is-ancestor", older, younger)


def merge(mirror: Path, ours: str, theirs: str) -> list[str]:
    """Print the tree of a merge, which fails where both changed the same lines (git 2.38 or newer)."""
    return _in(mirror, "merge-tree", "--write-tree", "--allow-unrelated-histories", ours, theirs)


def receive(mirror: Path, name: str, hooks: Path) -> list[str]:
    """Take a person's push, whose request comes on stdin; any other branch is hidden from it."""
    only = ("receive.hideRefs=refs", f"receive.hideRefs=!{reference(name)}", f"core.hooksPath={hooks}")
    options = [word for setting in (*ACCEPTED, *only) for word in ("-c", setting)]
    return [*_LIMITS, *git.git(*options, "receive-pack", "--stateless-rpc", str(mirror))]


def push(mirror: Path, address: str, commit: str, name: str) -> list[str]:
    """Bring a branch to the event's repository; never over commits that are not in it."""
    refspec = f"{commit}:{reference(name)}"
    options = ("--quiet", "--no-verify", "--no-signed", "--no-follow-tags", "--recurse-submodules=no")
    return _in(mirror, "push", *options, "--", address, refspec)


def fetch_theirs(mirror: Path, address: str, name: str) -> list[str]:
    """Bring the repository's own branch of that name, beside ours."""
    return git.bring(mirror, address, f"+{reference(name)}:{theirs(name)}")


def theirs(name: str) -> str:
    """Give where the repository's branch lies beside ours."""
    return f"refs/divebell/theirs/{name}"


def rescue(mirror: Path, broken: Path, ref: str) -> list[str]:
    """Bring a branch out of a mirror that is given up."""
    return git.bring(mirror, str(broken), f"{ref}:{ref}")


def read_all(mirror: Path, ref: str) -> list[str]:
    """Succeed when every object of a branch is there and sound."""
    return _in(mirror, "rev-list", "--quiet", "--verify-objects", ref)


def author(name: str, address: str, moment: datetime) -> dict[str, str]:
    """Give the variables that say whose a commit is; made again from the same, it is the same commit."""
    date = f"{int(moment.timestamp())} +0000"
    return {
        "GIT_AUTHOR_NAME": name,
        "GIT_AUTHOR_EMAIL": address,
        "GIT_AUTHOR_DATE": date,
        "GIT_COMMITTER_NAME": NEUTRAL_NAME,
        "GIT_COMMITTER_EMAIL": NEUTRAL_ADDRESS,
        "GIT_COMMITTER_DATE": date,
    }


def fed(arguments: list[str], env: Mapping[str, str], data: bytes, *, seconds: float = 120) -> bytes:
    """Run a call that reads `data`, and return its output. Raises git.GitError with git's own words."""
    pipe = subprocess.PIPE
    with subprocess.Popen(
        arguments, env=dict(env), stdin=pipe, stdout=pipe, stderr=pipe, start_new_session=True
    ) as process:
        try:
            output, words = process.communicate(data, timeout=seconds)
        except BaseException as error:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)  # what it began would go on
            if not isinstance(error, subprocess.TimeoutExpired):
                raise
            raise git.GitError(f"git did not finish within {seconds:g} seconds") from error
    if process.returncode:
        raise git.GitError(git.redact(words.decode("utf-8", "replace")).strip() or "git failed")
    return output


def records(entries: Iterable[bytes]) -> bytes:
    """Join entries of a folder as `make_folder` reads them."""
    return b"".join(entry + b"\0" for entry in entries)


def _in(mirror: Path, *arguments: str) -> list[str]:
    return git.git(f"--git-dir={mirror}", *arguments)
