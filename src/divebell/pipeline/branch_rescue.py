"""A new mirror in the place of a broken one: branches of volunteers are in no other place, and come along."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from divebell.errors import DivebellError
from divebell.pipeline import branch_commands as commands
from divebell.pipeline import git

_ASIDE = "broken"
_ORPHANED_SECONDS = 300
"""Whoever holds a lock of a branch for so long is dead: it is held while one file is written."""

_log = logging.getLogger(__name__)


@contextmanager
def begun_again(mirror: Path, environment: Callable[[], Mapping[str, str]]) -> Iterator[None]:
    """Empty the mirror for the block, which makes it anew; bring back people's branches, whatever happens.

    What was in it lies in a folder within it meanwhile: nothing can be made beside it on a server. There it
    stays where the branches cannot be brought back yet.
    """
    aside = mirror / _ASIDE
    _put_aside(mirror, aside)
    try:
        yield
    finally:
        if (mirror / "HEAD").exists():
            try:
                finish(mirror, environment())
            except DivebellError as error:
                _log.warning("%s", error)


def finish(mirror: Path, env: Mapping[str, str]) -> None:
    """Bring back what a loader that was killed had put aside, and open what it had locked.

    Raises DivebellError while a branch that is whole cannot be brought back: it stays where it is.
    """
    for lock in mirror.glob("refs/heads/shared/*.lock"):
        if time.time() - lock.stat().st_mtime > _ORPHANED_SECONDS:
            lock.unlink(missing_ok=True)
    aside = mirror / _ASIDE
    if (aside / "HEAD").exists():
        bring_back(mirror, aside, env)
        shutil.rmtree(aside, ignore_errors=True)


def sweep(mirror: Path) -> None:
    """Remove what a git that was killed had of a push that no branch holds. Nobody pushes meanwhile."""
    for left in mirror.glob("objects/*incoming-*"):
        shutil.rmtree(left, ignore_errors=True)


def bring_back(mirror: Path, broken: Path, env: Mapping[str, str]) -> None:
    """Take the branches `shared/<name>` out of a broken mirror, each that is whole.

    Raises DivebellError where one of them cannot be had now, as on a full disk.
    """
    try:
        lines = git.run(commands.branches(broken), env).splitlines()
    except git.GitError:
        _log.warning("the branches of a broken mirror cannot be read; what was shared is committed anew")
        return
    left: dict[str, str] = {}
    for ref in (line.partition(" ")[2] for line in lines):
        try:
            git.run(commands.rescue(mirror, broken, ref), env)
        except git.GitError as error:
            if _is_whole(broken, ref, env):
                left[ref.removeprefix("refs/heads/")] = error.message
            else:
                _log.warning("%s is lost with a broken mirror: %s", ref, error)
    for name, reason in left.items():
        raise DivebellError(f"{name} cannot be brought back from a broken mirror yet: {reason}")


def _is_whole(mirror: Path, ref: str, env: Mapping[str, str]) -> bool:
    """Tell whether everything that a branch is made of can be read."""
    try:
        git.run(commands.read_all(mirror, ref), env)
    except git.GitError:
        return False
    return True


def _put_aside(mirror: Path, aside: Path) -> None:
    """Move what is in the mirror; what an earlier attempt put aside, and did not bring back, stays there."""
    if (aside / "HEAD").exists():
        for path in mirror.iterdir() if mirror.exists() else ():
            if path != aside:
                _remove(path)
        return
    shutil.rmtree(aside, ignore_errors=True)
    aside.mkdir(mode=0o700, parents=True)
    # HEAD last: with it, and only then, the folder is a repository
    for path in sorted(mirror.iterdir(), key=lambda path: path.name == "HEAD"):
        if path != aside:
            path.rename(aside / path.name)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)
