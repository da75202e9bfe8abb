"""Order a certificate from an issuer over ACME, with Debian's certbot: a rehearsal first, then for real."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Sequence
from pathlib import Path

from divebell.deploy.tls.pair import Pair, read_pair
from divebell.deploy.tls.refused import Refused, refused
from divebell.deploy.tls.settings import Settings

PATIENCE = 300.0
LINEAGE = "event"
_ERROR = re.compile(r"^[a-z]\w*(?:\.\w+)+: .*", re.MULTILINE)

Run = Callable[[Sequence[str], dict[str, str]], tuple[int, str]]
"""Runs a command in an environment; gives its exit code and everything it said."""


def order(settings: Settings, run: Run | None = None) -> Pair | Refused:
    """Order a certificate, with one real order at most: where there is a rehearsal, it must go well first."""
    run = run or _run
    if settings.rehearses_at:
        rehearsed = _once(settings, settings.rehearses_at, "rehearsal", run)
        if isinstance(rehearsed, Refused) and rehearsed.ours:
            return rehearsed
    return _once(settings, settings.issuer, "issuer", run)


def command(settings: Settings, directory: str, folder: Path) -> list[str]:
    """Give the command that orders a certificate from an ACME directory; `folder` is its memory."""
    contact = ["--email", settings.email] if settings.email else ["--register-unsafely-without-email"]
    return [
        *(settings.client, "certonly", "--non-interactive", "--agree-tos", *contact),
        *("--server", directory, "--webroot", "--webroot-path", settings.webroot),
        *("--domain", settings.name, "--cert-name", LINEAGE, "--key-type", "ecdsa"),
        *("--force-renewal", "--renew-with-new-domains"),
        *(
            "--config-dir",
            str(folder),
            "--work-dir",
            str(folder / "work"),
            "--logs-dir",
            str(folder / "logs"),
        ),
        *("--max-log-backups", "20"),
    ]


def _once(settings: Settings, directory: str, word: str, run: Run) -> Pair | Refused:
    folder = Path(settings.folder) / "acme" / word
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    environment = {**os.environ, "LC_ALL": "C.UTF-8"}
    if settings.bundle:
        environment["REQUESTS_CA_BUNDLE"] = settings.bundle
    code, said = run(command(settings, directory, folder), environment)
    if code != 0:
        return refused(settings.name, directory, said + "\n" + _errors(folder / "logs" / "letsencrypt.log"))
    live = folder / "live" / LINEAGE
    try:
        return read_pair((live / "fullchain.pem").read_bytes() + (live / "privkey.pem").read_bytes())
    except (OSError, ValueError) as error:
        return Refused(f"{settings.client} says it has a certificate, and there is none: {error}")


def _errors(log: Path) -> str:
    """Give the errors in certbot's log: that of Debian 12 trips over some before it has said them."""
    try:
        return "\n".join(_ERROR.findall(log.read_text(errors="replace")))
    except OSError:
        return ""


def _run(words: Sequence[str], environment: dict[str, str]) -> tuple[int, str]:
    try:
        done = subprocess.run(
            words, env=environment, capture_output=True, text=True, timeout=PATIENCE, check=False
        )
    except subprocess.TimeoutExpired:
        return 1, "Read timed out"
    except OSError as error:
        return 1, f"{words[0]} cannot be run: {error}"
    return done.returncode, f"{done.stdout}\n{done.stderr}"
