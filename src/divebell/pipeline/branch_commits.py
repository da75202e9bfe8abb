"""What volunteers share without git becomes commits of their branches, in the mirror, without a checkout."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from divebell.errors import DivebellError
from divebell.pipeline import branch_commands as commands
from divebell.pipeline import git
from divebell.pipeline.checkout import is_safe

_FOLDER_MODE = b"040000 tree"
_FILE_MODE = b"100644 blob"


@dataclass(frozen=True)
class Version:
    """One version of something shared, as the branches lack it."""

    id: int
    author: str
    path: str
    """Within the author's folder."""
    title: str
    description: str
    shared_by: str
    shared_at: datetime
    contents: bytes | None
    """None where it is taken back."""

    @property
    def file(self) -> str:
        """Where it lies on the branch."""
        return f"{commands.PREFIX}{self.author}/{self.path}"

    @property
    def message(self) -> str:
        """Give the commit's message."""
        verb = "Take back" if self.contents is None else "Share"
        lines = [f"{verb} {_one_line(self.title) or self.path}", ""]
        if self.description.strip():
            lines += [self.description.strip(), ""]
        return "\n".join([*lines, commands.trailer(self.id)]) + "\n"


@dataclass(frozen=True)
class Branches:
    """The branches `shared/<name>` within a mirror. `env` is what git runs with, for work on this machine."""

    mirror: Path
    env: Mapping[str, str]
    host: str
    """What stands behind the @ of an author's address."""

    def tip(self, ref: str) -> str | None:
        """Give the commit a branch ends with; None where there is none."""
        with suppress(git.GitError):
            return git.run(commands.tip(self.mirror, ref), self.env).strip()
        return None

    def all(self) -> dict[str, str]:
        """Give the last commit of each person's branch."""
        lines = git.run(commands.branches(self.mirror), self.env).splitlines()
        pairs = (line.partition(" ") for line in lines)
        return {ref.removeprefix(commands.reference("")): commit for commit, _, ref in pairs}

    def commit(self, version: Version, base: str) -> str | None:
        """Commit a version to its author's branch, which begins at `base`; None where it is so already.

        Asked again for the same version it gives the commit that was made for it.
        """
        if not is_safe(version.file):
            raise DivebellError(f"{version.path!r} cannot be the name of a file on a branch")
        ref = commands.reference(version.author)
        old = self.tip(ref)
        blob = self._blob(version.contents)
        if old and (made := self._made(ref, version, blob)):
            return made
        parent = old or base
        tree = self._with(f"{parent}^{{tree}}", version.file.split("/"), blob)
        if old and tree == self._tree(old):
            return None
        new = self.write(tree or self._fed(commands.make_folder(self.mirror), b""), (parent,), version)
        git.run(commands.move(self.mirror, ref, new, old), self.env)
        return new

    def includes(self, younger: str, older: str) -> bool:
        """Tell whether `older` is in the history of `younger`."""
        try:
            git.run(commands.includes(self.mirror, younger, older), self.env)
        except git.GitError:
            return False
        return True

    def write(self, tree: str, parents: tuple[str, ...], version: Version) -> str:
        """Make a commit that no branch has yet."""
        identity = commands.author(version.shared_by, f"{version.shared_by}@{self.host}", version.shared_at)
        arguments = commands.commit_tree(self.mirror, tree, parents)
        return commands.fed(arguments, {**self.env, **identity}, version.message.encode()).decode().strip()

    def _made(self, ref: str, version: Version, blob: str | None) -> str | None:
        """Find the commit that was made for a version: one that only says so is another."""
        made = git.run(commands.find_version(self.mirror, ref, version.id), self.env).strip()
        return made if made and self._lies_in(made, version.file) == blob else None

    def _lies_in(self, commit: str, file: str) -> str | None:
        with suppress(git.GitError):
            return git.run(commands.file_of(self.mirror, commit, file), self.env).strip()
        return None

    def _tree(self, commit: str) -> str:
        return git.run(
            git.git(f"--git-dir={self.mirror}", "rev-parse", f"{commit}^{{tree}}"), self.env
        ).strip()

    def _blob(self, contents: bytes | None) -> str | None:
        return None if contents is None else self._fed(commands.hash_object(self.mirror), contents)

    def _with(self, tree: str | None, parts: list[str], blob: str | None) -> str | None:
        """Give the tree with a blob at a path, or without what lies there; None when nothing is left."""
        name, *below = (part.encode() for part in parts)
        entries = self._entries(tree)
        kept = [entry for entry in entries if entry.partition(b"\t")[2] != name]
        if below:
            old = next((entry for entry in entries if entry not in kept), b"")
            inner = old.split()[2].decode() if old.startswith(_FOLDER_MODE) else None
            made, kind = self._with(inner, parts[1:], blob), _FOLDER_MODE
        else:
            made, kind = blob, _FILE_MODE
        if made:
            kept.append(b"%s %s\t%s" % (kind, made.encode(), name))
        return self._fed(commands.make_folder(self.mirror), commands.records(kept)) if kept else None

    def _entries(self, tree: str | None) -> list[bytes]:
        if tree is None:
            return []
        listed = commands.fed(commands.list_folder(self.mirror, tree), self.env, b"")
        return [entry for entry in listed.split(b"\0") if entry]

    def _fed(self, arguments: list[str], data: bytes) -> str:
        return commands.fed(arguments, self.env, data).decode().strip()


def _one_line(text: str) -> str:
    return " ".join(text.split())[:100]
