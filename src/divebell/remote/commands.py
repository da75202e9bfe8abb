"""Git as a server: argument lists of what the web app runs, which only reads."""

from __future__ import annotations

from pathlib import Path

from divebell.pipeline import git
from divebell.pipeline.branch_commands import ACCEPTED

FETCH, PUSH = "upload-pack", "receive-pack"
IDLE_SECONDS = 60
_MEMORY = ("prlimit", f"--as={4 * 1024**3}", "--cpu=300")
_SHOWN = ("uploadpack.hideRefs=refs/divebell", "receive.hideRefs=refs/divebell", "pack.threads=1")


def advertise(mirror: Path, service: str) -> list[str]:
    """Say what there is, and what this server understands."""
    return [*_served(service), "--advertise-refs", str(mirror)]


def fetch(mirror: Path) -> list[str]:
    """Answer one request of a client that fetches."""
    return [*_served(FETCH), f"--timeout={IDLE_SECONDS}", str(mirror)]


def _served(service: str) -> list[str]:
    settings = (*_SHOWN, *(ACCEPTED if service == PUSH else ()))
    options = [word for setting in settings for word in ("-c", setting)]
    return [*_MEMORY, *git.git(*options, service, "--stateless-rpc")]
