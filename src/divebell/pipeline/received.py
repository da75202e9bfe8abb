"""Look into a push before its branch moves; git runs `python -m divebell.pipeline.received` as its hook.

What it prints is shown to who pushes. Until it has ended well git keeps the objects apart.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from divebell.errors import DivebellError
from divebell.pipeline import git
from divebell.workspace.leaks import leaks

LARGEST_FILE = 10 * 1024**2
MOST_OBJECTS = 50_000
MOST_BYTES = 200 * 1024**2
"""Of the new files of one push, unpacked: a small pack may hold gigabytes, and main waits meanwhile."""
LEAST_FREE = 2 * 1024**3
"""Bytes of the disk that pushes leave to the event's own branch and its tables."""
CI = (
    *(".github", ".gitea", ".forgejo", ".circleci", ".buildkite", ".woodpecker", ".semaphore", ".builds"),
    *(".gitlab-ci.yml", ".travis.yml", ".drone.yml", ".woodpecker.yml", ".woodpecker.yaml", ".cirrus.yml"),
    *(".build.yml", ".appveyor.yml", "appveyor.yml", "azure-pipelines.yml", "bitbucket-pipelines.yml"),
    "Jenkinsfile",
)
"""What a git host runs, with the repository's secrets, as soon as a branch is there that holds it."""
_HOOK = "pre-receive"


def hook(mirror: Path) -> Path:
    """Put the hook that git is to run into the mirror, and give its folder."""
    folder = mirror / "divebell-hooks"
    text = f'#!/bin/sh\nexec "{sys.executable}" -P -m {__name__}\n'
    file = folder / _HOOK
    if not file.exists() or file.read_text() != text:
        folder.mkdir(exist_ok=True)
        temporary = folder / f"{_HOOK}.new"
        temporary.write_text(text)
        temporary.chmod(0o755)
        temporary.replace(file)
    return folder


def check(moves: dict[str, str]) -> None:
    """Look at every file that is new with these commits, each with the one its branch ends with as yet.

    Raises DivebellError for one that may not be.
    """
    if shutil.disk_usage(".").free < LEAST_FREE:
        raise DivebellError("the event's disk is almost full; tell an ambassador")
    for commit, before in moves.items():
        _check_ci(commit, before)
    blobs = list(_blobs([*moves]))
    for _, size, path in blobs:
        if size > LARGEST_FILE:
            raise DivebellError(
                f"{path} is larger than {LARGEST_FILE // 1024**2} MB; data goes to the event's own branch"
            )
    if sum(size for _, size, _ in blobs) > MOST_BYTES:
        raise DivebellError(f"this unpacks to more than {MOST_BYTES // 1024**2} MB of new files at once")
    for path, contents in _contents(blobs):
        if found := leaks(path, contents):
            raise DivebellError(f"{path}: {found[0]}; take it out of the commit that brought it in")


def main() -> int:
    """Read which branches are to move, and say whether they may."""
    moves = {line.split()[1]: line.split()[0] for line in sys.stdin if line.strip()}
    try:
        check(moves)
    except DivebellError as error:
        print(error.message, file=sys.stderr)
        return 1
    return 0


def _check_ci(commit: str, before: str) -> None:
    """Refuse a change to what the git host would run, unless organisers have made it on this branch."""
    changed = _changed(_base(commit), commit)
    if set(before) != {"0"}:
        changed &= _changed(before, commit)
    if changed:
        raise DivebellError(
            f"{min(changed)} is run by git hosts, so a change to it goes to the event's own branch;"
            " leave it as it is there"
        )


def _changed(old: str, new: str) -> set[str]:
    """Name what git hosts run that one commit has otherwise than another."""
    arguments = [
        "diff-tree",
        "-r",
        "-z",
        "--name-only",
        "--no-renames",
        "--diff-filter=d",
        old,
        new,
        "--",
        *CI,
    ]
    return set(filter(None, _git(arguments).decode("utf-8", "replace").split("\0")))


def _base(commit: str) -> str:
    """Give where a commit left the event's own branch, which is what HEAD of the mirror names."""
    try:
        return _git(["merge-base", "HEAD", commit]).decode().strip()
    except subprocess.CalledProcessError:
        return "HEAD"


def _contents(blobs: list[tuple[str, int, str]]) -> Iterator[tuple[str, bytes]]:
    """Read files one by one through one process of git's."""
    arguments = git.git("cat-file", "--batch")
    pipe = subprocess.PIPE
    with subprocess.Popen(arguments, env=os.environ, stdin=pipe, stdout=pipe) as reading:
        if reading.stdin is None or reading.stdout is None:  # both are pipes
            return
        for blob, size, path in blobs:
            reading.stdin.write(f"{blob}\n".encode())
            reading.stdin.flush()
            reading.stdout.readline()
            yield path, reading.stdout.read(size)
            reading.stdout.read(1)


def _blobs(commits: list[str]) -> Iterator[tuple[str, int, str]]:
    """Give blob, size in bytes and path of what no branch had before."""
    listed = _git(["rev-list", "--objects", *commits, "--not", "--all"]).splitlines()
    if len(listed) > MOST_OBJECTS:
        raise DivebellError(f"this is more than {MOST_OBJECTS:,} files and folders at once")
    form = "--batch-check=%(objectname) %(objecttype) %(objectsize) %(rest)"
    for line in _git(["cat-file", form], b"".join(one + b"\n" for one in listed)).splitlines():
        blob, kind, size, path = (*line.decode("utf-8", "replace").split(" ", 3), "")[:4]
        if kind == "blob":
            yield blob, int(size), path or blob[:10]


def _git(arguments: list[str], data: bytes = b"") -> bytes:
    return subprocess.run(
        git.git(*arguments), input=data, env=os.environ, stdout=subprocess.PIPE, check=True
    ).stdout


if __name__ == "__main__":
    raise SystemExit(main())
