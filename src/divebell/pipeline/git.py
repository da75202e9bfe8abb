"""Git as argument lists, one environment that keeps a stranger's repository harmless, and one runner."""

from __future__ import annotations

import os
import re
import signal
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from divebell.errors import DivebellError

SAFE_CONFIG = (
    "core.symlinks=false",
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "core.autocrlf=false",
    "core.excludesFile=/dev/null",
    "core.attributesFile=/dev/null",
    "init.templateDir=",
    "commit.gpgSign=false",
    "submodule.recurse=false",
    "gc.autoDetach=false",
    "maintenance.auto=false",
    "gc.auto=0",
    "http.lowSpeedLimit=1",
    "http.lowSpeedTime=60",
    "protocol.allow=never",
    "protocol.https.allow=always",
    "protocol.ssh.allow=always",
    "protocol.file.allow=always",
)
"""Overrides for every call: no links, hooks, filters, templates, submodules or odd transports."""

LOOK_SECONDS = 30.0
DEPTH = 50
"""How many commits back the mirror goes: whoever cloned from it needs a common past to follow it."""
NETWORK_SECONDS = 600.0
LOCAL_SECONDS = 600.0
_SCP_LIKE = re.compile(r"^[^/\\]+:(?!//)")
_URL = re.compile(r"^[A-Za-z][A-Za-z0-9+.-]*://")
_USER_INFO = re.compile(r"(?<=://)[^/@\s]+@")


class GitError(DivebellError):
    """Git refused; the message is git's own, without passwords."""


@dataclass(frozen=True)
class Source:
    """Where commits come from: the address git is given, and the folder when it is one on this machine."""

    address: str
    folder: Path | None


def source(repository: str, base: Path) -> Source:
    """Tell a git address from a folder; a relative folder is taken from `base` (the event file's folder)."""
    folder = (base / Path(repository).expanduser()).resolve()
    if _URL.match(repository) or (_SCP_LIKE.match(repository) and not folder.is_dir()):
        return Source(repository, None)
    return Source(str(folder), folder)


def redact(text: str) -> str:
    """Take user names, passwords and tokens out of every address in `text`."""
    return _USER_INFO.sub("", text)


def environment(
    settings: Path, *, network: bool, inherited: Mapping[str, str] | None = None
) -> dict[str, str]:
    """Give the variables git runs with.

    Local work reads no configuration but `settings`; work over the network keeps the user's own (credential
    helpers, proxies, keys). Variables that would point git at another repository are left out either way.
    """
    outer = os.environ if inherited is None else inherited
    own = {name: value for name, value in outer.items() if not name.startswith("GIT_")}
    if not network:
        own |= {"GIT_CONFIG_GLOBAL": str(settings), "GIT_CONFIG_NOSYSTEM": "1"}
    return own | {
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_LFS_SKIP_SMUDGE": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_SSH_COMMAND": outer.get("GIT_SSH_COMMAND", "ssh -o BatchMode=yes -o ConnectTimeout=20"),
        "GIT_ASKPASS": outer.get("GIT_ASKPASS", ""),
        "SSH_ASKPASS": "",
        "LC_ALL": "C.UTF-8",
    }


def git(*arguments: str) -> list[str]:
    """Give the argument list of a git call with the safe configuration."""
    options = [word for setting in SAFE_CONFIG for word in ("-c", setting)]
    return ["git", *options, *arguments]


def init_bare(repository: Path) -> list[str]:
    """Make the bare mirror."""
    return git("init", "--quiet", "--bare", "--template=", str(repository))


def fetch(repository: Path, address: str, branch: str) -> list[str]:
    """Bring one branch, its last commits only, whatever was there before (a force-push is nothing new)."""
    return bring(repository, address, f"+refs/heads/{branch}:refs/heads/{branch}", f"--depth={DEPTH}")


def bring(repository: Path, address: str, refspec: str, *options: str) -> list[str]:
    """Fetch what `refspec` says and nothing else."""
    return git(
        f"--git-dir={repository}",
        "fetch",
        "--quiet",
        *options,
        "--no-tags",
        "--no-recurse-submodules",
        "--no-write-fetch-head",
        "--update-shallow",
        "--",
        address,
        refspec,
    )


def ls_remote(address: str, branch: str | None = None) -> list[str]:
    """Ask for one branch at an address, or for all of them."""
    if branch is None:
        return git("ls-remote", "--heads", "--", address)
    return git("ls-remote", "--", address, f"refs/heads/{branch}")


def ls_tree(repository: Path, commit: str) -> list[str]:
    """List every file of a commit with mode, blob and size."""
    return git(f"--git-dir={repository}", "ls-tree", "-r", "-l", "-z", "--full-tree", commit)


def describe(repository: Path, commit: str) -> list[str]:
    """Give author name and commit time (ISO 8601) of a commit, separated by NUL."""
    return git(f"--git-dir={repository}", "log", "-1", "--format=%an%x00%cI", commit)


def cat_files(repository: Path) -> list[str]:
    """Serve blobs by id over stdin and stdout."""
    return git(f"--git-dir={repository}", "cat-file", "--batch")


def tidy(repository: Path) -> list[str]:
    """Drop what no branch holds any more."""
    return git(f"--git-dir={repository}", "gc", "--quiet", "--prune=now")


def run(arguments: list[str], env: Mapping[str, str], *, seconds: float = LOCAL_SECONDS) -> str:
    """Run a git call and return its output. Raises GitError with git's own words."""
    try:
        with _started(arguments, env) as process:
            out, err = process.communicate(timeout=seconds)
    except FileNotFoundError as error:
        raise GitError("git is not installed", next_step="apt-get install git") from error
    except subprocess.TimeoutExpired:
        raise GitError(f"git {_verb(arguments)} did not finish within {seconds:g} seconds") from None
    if process.returncode:
        words = redact(err.decode("utf-8", "replace")).strip() or f"exit code {process.returncode}"
        raise GitError(f"git {_verb(arguments)}: {words}")
    return out.decode("utf-8", "surrogateescape")


@contextmanager
def _started(arguments: list[str], env: Mapping[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    """Run git in a group of its own: what it started to reach a remote ends with it, wherever it hangs."""
    process = subprocess.Popen(
        arguments,
        env=dict(env),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        process_group=0,
    )
    try:
        yield process
    except BaseException:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        raise
    finally:
        for pipe in (process.stdout, process.stderr):
            if pipe:
                pipe.close()
        process.wait()


def stream(arguments: list[str], env: Mapping[str, str]) -> Iterator[bytes]:
    """Run a git call and give its NUL-terminated records one by one; stopping early ends the call."""
    with subprocess.Popen(
        arguments, env=dict(env), stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        try:
            yield from _records(process)
        except GeneratorExit:
            process.kill()
            raise


def _records(process: subprocess.Popen[bytes]) -> Iterator[bytes]:
    rest = b""
    if process.stdout is None or process.stderr is None:  # both are pipes
        return
    while chunk := process.stdout.read1(1 << 16):  # type: ignore[attr-defined]
        *records, rest = (rest + chunk).split(b"\0")
        yield from records
    words = process.stderr.read().decode("utf-8", "replace").strip()
    if process.wait():
        raise GitError(f"git: {redact(words)}")


def _verb(arguments: list[str]) -> str:
    known = {
        "init",
        "fetch",
        "ls-remote",
        "ls-tree",
        "log",
        "cat-file",
        "gc",
        "rev-parse",
        "add",
        "commit",
        "status",
    }
    return next((word for word in arguments if word in known), "")
