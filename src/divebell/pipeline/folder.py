"""A plain folder of files becomes a git repository, once; and what in it waits to be committed."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from divebell.event.state import STATE_FOLDER
from divebell.pipeline import git

IGNORED = f"{STATE_FOLDER}/"
NEUTRAL_NAME, NEUTRAL_ADDRESS = "divebell", "divebell@localhost"


def is_repository(folder: Path) -> bool:
    """Tell whether `folder` itself is the top of a repository (bare or not), wherever it lies."""
    return (folder / ".git").exists() or ((folder / "HEAD").is_file() and (folder / "objects").is_dir())


def git_folder(folder: Path) -> Path:
    """Give the git directory of the repository whose top is `folder`."""
    return folder / ".git" if (folder / ".git").exists() else folder


def become_repository(folder: Path, branch: str, env: dict[str, str]) -> None:
    """Turn a folder into a repository on `branch` with one commit of all its files."""
    ignore_state(folder)
    own = _only_here(folder, env)
    building = folder / ".git.new"
    # All happens under another name first: a folder is no repository, or one with its first commit.
    shutil.rmtree(building, ignore_errors=True)
    in_place = [f"--git-dir={building}", f"--work-tree={folder}"]
    git.run(
        git.git(f"--git-dir={building}", "init", "--quiet", "--template=", f"--initial-branch={branch}"), own
    )
    git.run(git.git(*in_place, "config", "core.bare", "false"), own)
    (building / "info").mkdir(exist_ok=True)
    (building / "info" / "exclude").write_text(f"{building.name}/\n")
    git.run(git.git(*in_place, "add", "--all"), own)
    git.run(git.git(*in_place, "commit", "--quiet", "--allow-empty", "--message=The event's files"), own)
    _belong_to_owner(building, folder)
    building.rename(folder / ".git")


def ignore_state(folder: Path) -> None:
    """See to it that git leaves the state folder out; what the file says already stays."""
    file = folder / ".gitignore"
    text = file.read_text("utf-8", "surrogateescape") if file.exists() else ""
    if IGNORED in (line.strip().lstrip("/") for line in text.splitlines()):
        return
    gap = "" if not text or text.endswith("\n") else "\n"
    with file.open("a", encoding="utf-8") as out:
        out.write(f"{gap}{IGNORED}\n")
    _belong_to_owner(file, folder)


def uncommitted(folder: Path, data: str, env: dict[str, str]) -> list[str]:
    """Name the files under `data` that differ from the last commit and therefore are not loaded.

    A folder of another account is not looked at.
    """
    if not (folder / ".git").exists() or folder.stat().st_uid != os.geteuid():
        return []  # `git status` runs what another owner's configuration says
    arguments = git.git(
        "-C", str(folder), "status", "--porcelain=v1", "-z", "--untracked-files=all", "--no-renames"
    )
    records = git.run([*arguments, "--", data], _only_here(folder, env), seconds=60).split("\0")
    names = (record[3:] for record in records if record)
    return sorted(name for name in names if STATE_FOLDER not in name.split("/"))


def _only_here(folder: Path, env: dict[str, str]) -> dict[str, str]:
    """Keep git from finding a repository further up, and give commits an author where none is configured."""
    names = {"GIT_CEILING_DIRECTORIES": str(folder.parent)}
    for role in ("AUTHOR", "COMMITTER"):
        names |= {f"GIT_{role}_NAME": NEUTRAL_NAME, f"GIT_{role}_EMAIL": NEUTRAL_ADDRESS}
    return env | names


def _belong_to_owner(path: Path, folder: Path) -> None:
    """Where root makes something in another user's folder, it is theirs like the rest."""
    owner = folder.stat()
    if os.geteuid() or not owner.st_uid:
        return
    for root, folders, files in os.walk(path):
        for name in (*folders, *files):
            os.chown(Path(root, name), owner.st_uid, owner.st_gid, follow_symlinks=False)
    os.chown(path, owner.st_uid, owner.st_gid, follow_symlinks=False)
