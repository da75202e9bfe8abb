"""A repository that is a folder of this machine goes to the server as a git bundle."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from divebell.event import Event, State, repository_folder
from divebell.pipeline import git
from divebell.pipeline.folder import git_folder
from divebell.pipeline.repository import Repository


@dataclass(frozen=True)
class Bundle:
    """The commits of the branch that is loaded, in one file."""

    file: Path
    branch: str
    commit: str
    left_out: tuple[str, ...]
    """Files of the data folder that are not committed and therefore stay here."""


def make_bundle(event: Event, state: State, folder: Path) -> Bundle | None:
    """Write the bundle into `folder`; None when the repository is at a git address, which the server fetches.

    A plain folder of files becomes a repository first, as `divebell up` does it. Raises DivebellError when
    the branch is not there.
    """
    source = repository_folder(event.data.repository, state.event_file)
    if source is None:
        return None
    state.folder.mkdir(mode=0o700, exist_ok=True)
    repository = Repository.of(event, state)
    repository.prepare()
    commit = repository.head()
    file = folder / "commits.bundle"
    environment = git.environment(repository.settings, network=False)
    git.run(bundle(git_folder(source), event.data.branch, file), environment)
    return Bundle(file, event.data.branch, commit, tuple(repository.uncommitted(event.data.folder)))


def bundle(repository: Path, branch: str, file: Path) -> list[str]:
    """Give the command that writes a branch with its history into one file. Pure."""
    return git.git(
        f"--git-dir={repository}", "bundle", "create", "--quiet", str(file), f"refs/heads/{branch}"
    )
