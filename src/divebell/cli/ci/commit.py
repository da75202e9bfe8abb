"""Which commit a CI run is about, and which datasets it changes."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from divebell.errors import DivebellError
from divebell.pipeline import git
from divebell.readers import DatasetFiles, dataset_files

_COMMIT = re.compile(r"[0-9a-f]{40}(?:[0-9a-f]{24})?")
_LARGEST_EVENT = 32 * 1024**2
EVENT_FILE = "event.yaml"


@dataclass(frozen=True)
class Told:
    """What the CI says of its run. `since`: the commit that was there before, if any."""

    since: str | None = None
    branch: str | None = None
    asks: bool = False
    """Whether the commit asks to be merged, and is not on the branch yet."""


@dataclass(frozen=True)
class Change:
    """What a commit changes of a repository's data."""

    commit: str
    since: str | None
    datasets: tuple[DatasetFiles, ...] = ()
    """Every dataset that the commit holds."""
    changed: frozenset[str] = frozenset()
    """Paths of the datasets that are new or not what they were."""
    gone: tuple[str, ...] = ()
    renamed: Mapping[str, str] = field(default_factory=dict)
    """New path to old path, where nothing but the name changed."""
    touched: frozenset[str] = frozenset()
    """Every path that the commit changes, of data or not."""

    def answers_for(self, file: str) -> bool:
        """Say whether this commit is why a file is as it is now."""
        return self.since is None or not self.touched.isdisjoint({file, EVENT_FILE}) or file in self.changed


def told(environment: Mapping[str, str] = os.environ) -> Told:
    """Read what GitHub (Gitea and Forgejo speak alike) or GitLab say of the run; nothing elsewhere."""
    if environment.get("GITHUB_ACTIONS") == "true":
        return told_by_github(environment, _event(environment.get("GITHUB_EVENT_PATH", "")))
    base = environment.get("CI_MERGE_REQUEST_DIFF_BASE_SHA")
    return Told(
        _commit(base or environment.get("CI_COMMIT_BEFORE_SHA")),
        environment.get("CI_COMMIT_BRANCH"),
        asks=bool(base),
    )


def told_by_github(environment: Mapping[str, str], event: Mapping[str, object]) -> Told:
    """Read the variables and the event of a GitHub run. Pure."""
    request = event.get("pull_request")
    if isinstance(request, dict):
        base = request.get("base")
        since = base.get("sha") if isinstance(base, dict) else None
        return Told(_commit(since), asks=True)
    name = environment.get("GITHUB_REF", "").removeprefix("refs/heads/")
    return Told(_commit(event.get("before")), name or None)


def _event(path: str) -> Mapping[str, object]:
    file = Path(path)
    if not path or not file.is_file() or file.stat().st_size > _LARGEST_EVENT:
        return {}
    try:
        known = json.loads(file.read_bytes())
    except ValueError:
        return {}
    return known if isinstance(known, dict) else {}


def _commit(given: object) -> str | None:
    """Take what is the full id of a commit; a new branch's `before` is all zeros, and names none."""
    known = isinstance(given, str) and _COMMIT.fullmatch(given) and given.strip("0")
    return str(given) if known else None


def top_of(folder: Path) -> Path:
    """Give the top of the repository that `folder` is in. Raises DivebellError where it is in none."""
    try:
        return Path(_run(folder, "rev-parse", "--show-toplevel").removesuffix("\n"))
    except git.GitError as error:
        raise DivebellError(
            f"this folder is in no git repository ({error.message})",
            next_step="run it in a clone of the event's repository",
        ) from error


def resolved(top: Path, name: str) -> str:
    """Give the full id of a commit. Raises DivebellError when the clone does not hold it."""
    try:
        return _run(top, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}").strip()
    except git.GitError as error:
        raise DivebellError(f"this clone holds no commit '{name}'", next_step="git log") from error


def is_earlier(top: Path, name: str, commit: str) -> bool:
    """Say whether the commit `name` is known here, and is one that `commit` builds on."""
    if _commit(name) is None:
        return False
    try:
        _run(top, "merge-base", "--is-ancestor", "--end-of-options", name, commit)
    except git.GitError:
        return False
    return True


def change(top: Path, folder: str, commit: str, since: str | None, *, asks: bool = False) -> Change:
    """Find out what `commit` changes below `folder` against `since`, or where the two parted if it `asks`.

    Without `since`, or where the clone does not hold it, against its first parent; else everything is new.
    A change of the event file touches every dataset, because its hints may have changed.
    """
    names = _run(top, "ls-tree", "-r", "-z", "--name-only", "--full-tree", commit, "--", folder)
    datasets = dataset_files(names.split("\0"))
    base = _base(top, commit, since, asks=asks)
    if base is None:
        return Change(commit, None, datasets, frozenset(one.path for one in datasets))
    words = _run(top, *_DIFF, base, commit, "--", folder, EVENT_FILE)
    return changed(commit, base, datasets, parse_diff(words))


_DIFF = ("diff", "--name-status", "-z", "--find-renames=100%", "--no-ext-diff", "--no-textconv")


def changed(
    commit: str, since: str, datasets: tuple[DatasetFiles, ...], entries: Iterable[tuple[str, str, str]]
) -> Change:
    """Tell which datasets the entries of a diff touch. Pure."""
    entries = tuple(entries)
    touched = {path for _, before, after in entries for path in (before, after)}
    every = frozenset(touched)
    if EVENT_FILE in touched:
        touched |= {one.path for one in datasets}
    here = {one.path for one in datasets}
    # a part of a Shapefile that is gone is no part of it any more
    before = {part: one.path for one in dataset_files(here | touched) for part in one.parts}
    found = {before[path] for path in touched if path in before}
    renames = {after: old for how, old, after in entries if how == "R" and after in here}
    gone = sorted(found - here - set(renames.values()))
    return Change(commit, since, datasets, frozenset(found & here), tuple(gone), renames, every)


def parse_diff(words: str) -> tuple[tuple[str, str, str], ...]:
    """Read `git diff --name-status -z` as (letter, path before, path after). Pure."""
    fields = iter(words.split("\0"))
    entries = []
    for status in fields:
        if not status:
            break
        first = next(fields)
        second = next(fields) if status[0] in "RC" else first
        entries.append((status[0], first, second))
    return tuple(entries)


def _base(top: Path, commit: str, since: str | None, *, asks: bool) -> str | None:
    for name in (since, f"{commit}^"):
        try:
            known = resolved(top, name) if name is not None else None
            if known and asks:
                return _run(top, "merge-base", "--end-of-options", known, commit).strip()
        except DivebellError:  # a force-push, or a clone that is not deep enough
            continue
        if known:
            return known
    return None


def _run(top: Path, *arguments: str) -> str:
    # a CI's containers often clone as one account and work as another
    words = git.git("-c", "safe.directory=*", "--literal-pathspecs", "-C", str(top), *arguments)
    return git.run(words, git.environment(Path(os.devnull), network=False))
