"""The event's repository: a bare mirror of one branch, and what its commit holds."""

from __future__ import annotations

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import islice
from pathlib import Path

from divebell.errors import DivebellError
from divebell.event import Event, State
from divebell.pipeline import branch_commands, git
from divebell.pipeline.branch_rescue import begun_again
from divebell.pipeline.folder import become_repository, git_folder, is_repository, uncommitted
from divebell.pipeline.remote import Credential, reaching, what_helps
from divebell.pipeline.turns import MIRROR

MAX_FILES = 100_000
MAX_BYTES = 50 * 1024**3
MAX_PATH_BYTES = 1024

REGULAR_MODES = frozenset({"100644", "100755"})
LINK_MODE = "120000"
SUBMODULE_MODE = "160000"


@dataclass(frozen=True)
class TreeFile:
    """One entry of a commit; `size` is in bytes, 0 for a submodule."""

    path: str
    blob: str
    size: int
    mode: str

    @property
    def regular(self) -> bool:
        """Whether this is a file with contents of its own: neither a link nor a submodule."""
        return self.mode in REGULAR_MODES


@dataclass(frozen=True)
class Commit:
    """One commit of the branch, with every file in it."""

    id: str
    author: str
    committed_at: datetime
    files: tuple[TreeFile, ...]


_SETTINGS = """\
[safe]
\tdirectory = *
[core]
\tbigFileThreshold = 1m
[pack]
\tcompression = 0
[fetch]
\tunpackLimit = 1
"""
"""Data files gain nothing from deltas and little from compression; either takes longer than a load."""


@dataclass(frozen=True)
class Repository:
    """The mirror of one event's repository."""

    source: git.Source
    branch: str
    state: State
    credential: Credential = field(default_factory=Credential)

    @classmethod
    def of(cls, event: Event, state: State) -> Repository:
        """Give the repository an event names, with the credential as it is now. Nothing is written yet."""
        source = git.source(event.data.repository, state.folder.parent)
        credential = Credential() if source.folder else Credential.of(state)
        return cls(source, event.data.branch, state, credential)

    @property
    def settings(self) -> Path:
        """The one configuration file that local git work reads."""
        return self.state.repository / "divebell.gitconfig"

    def prepare(self) -> None:
        """Make the mirror; a plain folder of files becomes a repository with one first commit."""
        if not (self.state.repository / "HEAD").exists():
            with MIRROR:
                git.run(git.init_bare(self.state.repository), self._local())
                first = branch_commands.begin_with(self.state.repository, f"refs/heads/{self.branch}")
                git.run(first, self._local())
        folder = self.source.folder
        if folder is None:
            return
        if not folder.is_dir():
            raise DivebellError(
                f"event.yaml: data.repository: there is no folder {folder}",
                next_step="write a git address, or the path of a folder relative to event.yaml",
            )
        if not is_repository(folder):
            become_repository(folder, self.branch, self._local())
        self._borrow(git_folder(folder) / "objects")

    def _borrow(self, objects: Path) -> None:
        """Let the mirror use what a repository on this machine holds, so that nothing has to be copied.

        Should that repository go, the mirror is of no use any more, and `fetch` begins a new one.
        """
        borrowed = self.state.repository / "objects" / "info" / "alternates"
        line = f"{objects}\n"
        if (
            not objects.is_dir()
            or "\n" in str(objects)
            or (borrowed.exists() and borrowed.read_text() == line)
        ):
            return
        borrowed.parent.mkdir(parents=True, exist_ok=True)
        temporary = borrowed.with_name(f"alternates.{os.getpid()}")
        temporary.write_text(line)
        temporary.replace(borrowed)

    def head(self) -> str:
        """Give the branch's last commit at the source. Raises DivebellError naming the branches there."""
        if self.source.folder and (tip := self._tip(f"--git-dir={git_folder(self.source.folder)}")):
            return tip
        wanted = f"refs/heads/{self.branch}"
        heads = self._heads(git.ls_remote(self.source.address, self.branch))
        if wanted not in heads:
            heads = self._heads(git.ls_remote(self.source.address))
        if wanted not in heads:
            raise _branch_missing(self, sorted(name.removeprefix("refs/heads/") for name in heads))
        return heads[wanted]

    def newest(self) -> str:
        """Bring the branch's last commit into the mirror at once and name it: half as many questions.

        To be asked when there is reason to believe that it is a new one. Raises as `head` does.
        """
        if self.source.folder:
            return self.head()
        with suppress(git.GitError):  # `head` has better words, and `fetch` mends a mirror
            self._bring()
            if tip := self._tip(f"--git-dir={self.state.repository}"):
                return tip
        return self.head()

    def _heads(self, arguments: list[str]) -> dict[str, str]:
        listing = self.reach(arguments, seconds=git.LOOK_SECONDS)
        pairs = (line.partition("\t") for line in listing.splitlines())
        return {name: commit for commit, _, name in pairs}

    def fetch(self, commit: str) -> Commit:
        """Bring the branch into the mirror and list it; `commit` is what `head` said.

        Raises DivebellError when the commit holds more than this machine should unpack.
        """
        with MIRROR:
            try:
                return self._fetch(commit)
            except git.GitError:
                commit = self.head()  # a remote that is away raises here, and the mirror stays as it is
                # A killed git leaves locks or half a pack; the mirror is only a copy, so begin a new one.
                with begun_again(self.state.repository, self._local):
                    self.prepare()
                    return self._fetch(commit)

    def commit(self, commit: str, place: Path | None = None) -> Commit:
        """Describe a commit that the mirror holds, or the git directory `place`."""
        place = place or self.state.repository
        author, _, when = git.run(git.describe(place, commit), self._local()).partition("\0")
        moment = datetime.fromisoformat(when.strip())
        return Commit(commit, _printable(author), moment, self._files(commit, place))

    def look(self, scratch: Path) -> Commit:
        """Describe the branch's last commit and write nothing but below `scratch`.

        Raises DivebellError when it cannot be had, or holds more than this machine should unpack.
        """
        beside = Repository(self.source, self.branch, State(scratch / "state"), self.credential)
        folder = self.source.folder
        if folder is not None and not is_repository(folder):
            raise DivebellError(
                f"{folder} is no git repository yet",
                next_step="divebell up makes it one, with a first commit",
            )
        if folder is not None and (tip := beside._tip(f"--git-dir={git_folder(folder)}")):
            return beside.commit(tip, git_folder(folder))
        beside.prepare()
        return beside.fetch(beside.head())

    def uncommitted(self, data: str) -> list[str]:
        """Name the files below `data` in the source folder that differ from the commit; [] for a remote."""
        folder = self.source.folder
        if folder is None or not is_repository(folder):
            return []
        return uncommitted(folder, data, self._local())

    def tidy(self) -> None:
        """Free the space of commits that are no longer on the branch."""
        with MIRROR:
            git.run(git.tidy(self.state.repository), self._local())

    def surroundings(self) -> dict[str, str]:
        """Give the variables git runs with for work on this machine."""
        return self._local()

    def blobs(self) -> tuple[list[str], dict[str, str]]:
        """Give the command and variables that serve blobs of the mirror."""
        return git.cat_files(self.state.repository), self._local()

    def _files(self, commit: str, place: Path) -> tuple[TreeFile, ...]:
        records = git.stream(git.ls_tree(place, commit), self._local())
        files = tuple(parse_tree(record) for record in islice(records, MAX_FILES + 1))
        total = sum(file.size for file in files)
        if len(files) > MAX_FILES or total > MAX_BYTES:
            raise DivebellError(
                f"commit {commit[:10]} is not loaded: it unpacks to more than {MAX_FILES:,} files "
                f"or {MAX_BYTES // 1024**3} GB",
                next_step="keep only the event's data and notebooks on the branch",
            )
        return files

    def _fetch(self, commit: str) -> Commit:
        mirror = f"--git-dir={self.state.repository}"
        if self._tip(mirror) != commit:
            self._bring()
        # The branch may have moved since `head`: what has arrived is what counts.
        return self.commit(self._tip(mirror) or commit)

    def _bring(self) -> None:
        arguments = git.fetch(self.state.repository, self.source.address, self.branch)
        self.reach(arguments, seconds=git.NETWORK_SECONDS)

    def _tip(self, git_dir: str) -> str | None:
        """Give the branch's last commit in the repository at `git_dir`."""
        arguments = git.git(git_dir, "rev-parse", "--verify", "--quiet", f"refs/heads/{self.branch}")
        try:
            return git.run(arguments, self._local()).strip()
        except git.GitError:
            return None

    def _local(self) -> dict[str, str]:
        if not self.settings.exists() or self.settings.read_text() != _SETTINGS:
            self.state.repository.mkdir(mode=0o700, parents=True, exist_ok=True)
            # several threads begin with a mirror at once
            temporary = self.settings.with_name(f"gitconfig.{threading.get_native_id()}")
            temporary.write_text(_SETTINGS)
            temporary.replace(self.settings)
        return git.environment(self.settings, network=False)

    def reach(self, arguments: list[str], *, seconds: float) -> str:
        """Run a git call that speaks with the source, with the event's credential; give its output.

        Raises GitError with git's words, and DivebellError where a host's key is missing.
        """
        with self._environment() as env:
            try:
                return git.run(arguments, env, seconds=seconds)
            except git.GitError as error:
                words = self.credential.redact(error.message)
                helps = error.next_step or what_helps(words, self.source.address)
                raise git.GitError(words, next_step=helps) from None

    @contextmanager
    def _environment(self) -> Iterator[dict[str, str]]:
        local = self._local()
        if self.source.folder:
            yield local
            return
        with reaching(self.source.address, self.credential, self.settings) as env:
            yield env


def parse_tree(record: bytes) -> TreeFile:
    """Read one record of `git ls-tree -r -l -z`."""
    facts, _, path = record.partition(b"\t")
    mode, _kind, blob, size = facts.decode("ascii").split()
    return TreeFile(path.decode("utf-8", "surrogateescape"), blob, 0 if size == "-" else int(size), mode)


def _branch_missing(repository: Repository, branches: list[str]) -> DivebellError:
    place = git.redact(repository.source.address)
    if not branches:
        return DivebellError(
            f"{place} has no commit yet",
            next_step=f"commit the data on branch {repository.branch}; it is loaded as soon as it is there",
        )
    return DivebellError(
        f"{place} has no branch '{repository.branch}'; its branches are: {', '.join(branches[:20])}",
        next_step="set data.branch in event.yaml to one of them",
    )


def _printable(text: str) -> str:
    return text.encode("utf-8", "replace").decode("utf-8").replace("\0", "").strip() or "unknown"
